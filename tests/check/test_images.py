"""Lines with images: whatever their length, their bytes are not held, and what is wrong is found."""

from pathlib import Path

import pytest

from service.check.elide import elide
from service.check.engine import check_file
from tests.check.conftest import GOOD, encoded, profile
from tests.check.suite.pictures import png, url

PLAIN = [encoded(GOOD["supervised"](at)) for at in range(60)]


def picture(size: int, seed: int = 1) -> str:
    return url("png", png(seed, size))


def shown(*urls: str, at: int = 0) -> bytes:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [{"type": "text", "text": f"What is on picture {at}?"}, *parts]
    system = {"role": "system", "content": "Answer the question."}
    return encoded(
        {"messages": [system, {"role": "user", "content": content}, {"role": "assistant", "content": "Cat."}]}
    )


def counts(tmp_path: Path, *lines: bytes) -> dict[str, int]:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join([*PLAIN[:30], *lines, *PLAIN[30:]]))
    report = check_file(path, profile=profile())
    assert report.lines == 60 + len(lines)
    return report.counts


@pytest.mark.parametrize("sizes", [(700_000,), (1_500_000,), (7_000_000,), (7_000_000,) * 4, (1000,) * 10])
def test_large_images_are_taken(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    assert counts(tmp_path, shown(*(picture(size, at) for at, size in enumerate(sizes)))) == {}


def test_an_image_beyond_ten_megabytes_is_found(tmp_path: Path) -> None:
    assert counts(tmp_path, shown(picture(1000), picture(10_500_000))) == {"image_invalid": 1}


def test_long_lines_are_compared_with_their_images(tmp_path: Path) -> None:
    one, other = shown(picture(3_000_000, 1)), shown(picture(3_000_000, 2))
    assert counts(tmp_path, one, PLAIN[0].replace(b"0", b"77"), other, one) == {"duplicate_example": 1}


@pytest.mark.parametrize("cut", [5, 22, 30, 280, 1000, 5000])
def test_an_image_is_elided_alike_however_the_line_comes(cut: int) -> None:
    line = shown(picture(4000, 1), picture(4000, 2))
    assert elide(elide(line[:cut]) + line[cut:]) == elide(line)
    assert len(elide(line)) < 700


@pytest.mark.parametrize("cut", [1, 9, 12, 5000])
def test_a_large_image_that_is_cut_off_is_found(tmp_path: Path, cut: int) -> None:
    assert counts(tmp_path, shown(url("png", png(1, 2_000_000)[:-cut]))) == {"image_invalid": 1}


@pytest.mark.parametrize("body", ["~", "~5~1~1~x~y~", "~9~1~1~~~", f"~{'9' * 5000}~1~1~{'A' * 64}~{'A' * 64}~"])
def test_what_only_looks_like_a_shortened_image_is_none(tmp_path: Path, body: str) -> None:
    assert counts(tmp_path, shown(f"data:image/png;base64,{body}")) == {"image_invalid": 1}
