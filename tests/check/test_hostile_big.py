"""Hostile files too big for every run: streams made as they are read. Run by `make soak`."""

import io
import time
from collections.abc import Iterator

import pytest

from service.check.engine import check_file
from tests.check.conftest import profile
from tests.check.hostile import PLAIN, said
from tests.check.hostile import patterns as texts

pytestmark = pytest.mark.soak
IMAGE = b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,'
GIGABYTE, MEGABYTE = 1 << 30, 1 << 20


class Stream(io.RawIOBase):
    """Pieces as a file that can't be read again."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def repeated(begin: bytes, piece: bytes, size: int) -> Iterator[bytes]:
    block = piece * (MEGABYTE // len(piece))
    yield PLAIN + begin
    for _ in range(size // len(block)):
        yield block
    yield b"\n" + PLAIN


@pytest.mark.parametrize(
    ("begin", "piece", "code"),
    [
        (b'{"messages":"', b"a", "line_too_long"),
        (b'{"messages":"', "あ".encode(), "line_too_long"),
        (b"", b"[", "line_too_long"),
        (b"", b" ", "line_too_long"),
        (b"", b"\0", "line_too_long"),
        (IMAGE, b"QUJD", "invalid_json"),
    ],
    ids=["text", "kana", "brackets", "blanks", "nul", "image"],
)
def test_a_line_of_a_gigabyte(begin: bytes, piece: bytes, code: str) -> None:
    begun = time.process_time()
    report = check_file(Stream(repeated(begin, piece, GIGABYTE)), profile=profile())  # type: ignore[arg-type]
    assert time.process_time() - begun < 60
    assert code in report.counts
    assert report.examples == 48


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[\n", b"1\n", b"\xff\n"])
def test_two_million_worthless_lines(line: bytes) -> None:
    begun = time.process_time()
    report = check_file(io.BytesIO(PLAIN + line * 2_000_000 + PLAIN), profile=profile())
    assert time.process_time() - begun < 60
    assert report.examples == 48
    assert report.error_count + report.warning_count >= 1000


@pytest.mark.parametrize("file", list(texts()), ids=lambda file: file.name)
def test_the_longest_texts(file: object) -> None:
    text = file.make()[100:-200] * 13  # type: ignore[attr-defined]
    begun = time.process_time()
    report = check_file(io.BytesIO(PLAIN + said(text[: 7 << 19]) + b"\n"), profile=profile())
    assert time.process_time() - begun < 60
    assert report.lines == 25
