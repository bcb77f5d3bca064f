"""Real sets from ../shared/data, where it is: what they are known to hold."""

from pathlib import Path

import pytest

from service.check.engine import check_file
from tests.check.conftest import profile

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no shared data at {DATA}: real sets are NOT checked")


def test_ar_lsat_holds_one_question_twice_once_with_a_slip() -> None:
    folder = DATA / "ar_lsat"
    report = check_file(folder / "train.jsonl", profile=profile(), validation=folder / "validation.jsonl")
    told = [(each.code, each.line, each.related) for each in report.errors + report.warnings]
    assert told == [("near_duplicate", 1522, (1217,))]  # "ch one of the following" for "Which one of the following"
    assert (report.lines, report.examples, report.format) == (1564, 1564, "chat")
    assert report.tokens is not None
    assert report.tokens.total == 437_492
    assert report.tokens.trained == 1564


def test_banking77_repeats_four_messages() -> None:
    report = check_file(DATA / "banking77" / "train.jsonl", profile=profile())
    assert report.counts == {"duplicate_example": 4, "near_duplicate": 54}
    assert report.valid


def test_snips_holds_mojibake_and_repeats() -> None:
    report = check_file(DATA / "snips" / "train.jsonl", profile=profile())
    assert set(report.counts) == {
        "duplicate_example", "near_duplicate", "conflicting_answers", "mojibake", "invisible_characters",
        "abusive_text",
    }  # fmt: skip
    assert report.warnings[0].line is not None
