"""Real sets from ../shared/data, where it is: what they are known to hold."""

from pathlib import Path

import pytest

from service.check.engine import check_file
from tests.check.conftest import profile

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no shared data at {DATA}: real sets are NOT checked")


def test_ar_lsat_is_clean() -> None:
    folder = DATA / "ar_lsat"
    report = check_file(folder / "train.jsonl", profile=profile(), validation=folder / "validation.jsonl")
    assert report.counts == {}
    assert (report.lines, report.examples, report.format) == (1564, 1564, "chat")
    assert report.tokens is not None
    assert report.tokens.total == 437_492
    assert report.tokens.trained == 1564


def test_banking77_repeats_four_messages() -> None:
    report = check_file(DATA / "banking77" / "train.jsonl", profile=profile())
    assert report.counts == {"duplicate_example": 4}
    assert report.valid


def test_snips_holds_mojibake_and_repeats() -> None:
    report = check_file(DATA / "snips" / "train.jsonl", profile=profile())
    assert set(report.counts) == {"duplicate_example", "mojibake"}
    assert report.warnings[0].line is not None
