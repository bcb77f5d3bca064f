"""Damaged lines: whatever was done to them, the compiled part and Python alone report the same."""

import random

import pytest

from service.check import engine
from tests.check.ways import check, file_of, in_python, without_compiler

PIECES = (
    b"", b"", b"\0", b"\xff", b'"', b'"', b"\\", b"\\\\", b"\\u", b"\\ud83d", b"\\ude00", b"\\u0000", b"\\n", b"\\x",
    b"{", b"}", b"[", b"]", b",", b":", b" " * 17, b"\t", b"\r", b"\n", b"\x1f", b"\x7f", b"\xc3", b"\xc3\xa9",
    b"\xe2\x80", b"\xe2\x80\xa8", b"\xf0\x9f\x98", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xc5\xbf", b"'s", b"null", b"1e999", b'"role":"user",', b'"role":"assistant",', b'"role":"system",',
    b'"content":"', b'"},{"', b"]}", b"a" * 50, b"<|im_start|>",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_damaged_lines_are_reported_alike(seed: int) -> None:
    rng = random.Random(seed)
    lines = [line for _ in range(3) for line in file_of(rng).splitlines()]
    data = b"\n".join([*lines[:3], *(damaged(rng, line, rng.choice(lines)) for line in lines[3:])])
    report = check(data)
    with in_python(engine):
        assert check(data) == report
    with without_compiler():
        assert check(data) == report
    assert report.examples > 10
    assert report.error_count > 10


def damaged(rng: random.Random, line: bytes, other: bytes) -> bytes:
    """Return a line with something put in, taken out or written over, or the rest of another line behind some of it."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 9))):
        at = rng.randrange(len(line) + 1)
        if rng.random() < 0.1:
            line = line[:at] + other[rng.randrange(len(other)) :]
        else:
            line = line[:at] + rng.choice(PIECES) + line[at + rng.choice((0, 0, 0, 1, 1, 2, 16)) :]
    return line
