"""What is wrong with a whole file, what its form is, and what two splits show together."""

import gzip
import io
import json
from pathlib import Path

import pytest

from service.check.engine import check_file
from service.core.dataset.report import LISTED_PER_CODE
from tests.check.conftest import GOOD, Check, encoded, profile

GOOD_LINES = [GOOD["supervised"](at) for at in range(60)]
PLAIN = b"".join(encoded(line) + b"\n" for line in GOOD_LINES)


def checked(data: bytes) -> dict[str, int]:
    return check_file(io.BytesIO(data), profile=profile()).counts


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {"empty_file": 1}),
        (b"\n \n\t\n", {"empty_file": 1}),
        (gzip.compress(PLAIN), {"binary_file": 1}),
        (b"\x28\xb5\x2f\xfd" + bytes(200), {"binary_file": 1}),
        (b"PK\x03\x04" + bytes(200), {"binary_file": 1}),
        (bytes(5000), {"binary_file": 1}),
        (PLAIN.decode().encode("utf-16"), {"not_utf8": 1}),
        (PLAIN.decode().encode("utf-16-le"), {"not_utf8": 1}),
        (b"%PDF-1.7\n" + PLAIN, {"binary_file": 1}),
        (b"\xef\xbb\xbf" + PLAIN, {"byte_order_mark": 1}),
        (json.dumps(GOOD_LINES).encode(), {"json_array_file": 1}),
        (json.dumps(GOOD_LINES, indent=2).encode(), {"json_array_file": 1}),
        (b"[1]\n" + PLAIN, {"not_an_object": 1}),
        (PLAIN.replace(b"\n", b"\r\n"), {}),
        (PLAIN.rstrip(b"\n"), {}),
        (PLAIN + b"\n\n \n", {}),
    ],
)
def test_whole_file(data: bytes, expected: dict[str, int]) -> None:
    assert checked(data) == expected


def test_report_measures_the_stream() -> None:
    report = check_file(io.BytesIO(PLAIN), profile=profile(), dataset_id="file-1")
    assert (report.lines, report.examples, report.bytes, report.dataset) == (60, 60, len(PLAIN), "file-1")
    assert report.valid
    assert not report.rejected
    assert report.format == "chat"


@pytest.mark.parametrize("lines", [9, 10, 49, 50])
def test_number_of_examples(check: Check, lines: int) -> None:
    report = check(GOOD_LINES[:lines])
    expected = {"too_few_examples": 1} if lines < 10 else {"few_examples": 1} if lines < 50 else {}
    assert report.counts == expected
    assert not report.rejected
    assert check(GOOD_LINES[:lines], filename="validation").counts == {}


@pytest.mark.parametrize("form", ["dpo", "reinforcement", "legacy"])
def test_a_form_that_does_not_fit_is_an_error_on_every_line_but_still_a_dataset(check: Check, form: str) -> None:
    report = check([GOOD[form](at) for at in range(60)], "supervised")
    assert report.counts == {"format_mismatch": 60}
    assert (report.valid, report.rejected) == (False, False)
    assert report.tokens is not None


PROMPTS = [{"messages": [{"role": "user", "content": f"What is {at} times {at}?"}]} for at in range(60)]
DEVELOPED = [{"messages": [{"role": "developer", "content": "Be brief."}, *line["messages"]]} for line in PROMPTS]


@pytest.mark.parametrize("lines", [PROMPTS, DEVELOPED], ids=["bare", "developer"])
def test_prompts_alone_are_a_dataset_for_reinforcement(check: Check, lines: list[object]) -> None:
    report = check(lines)
    assert (report.valid, report.rejected) == (False, False)
    assert check(lines, "reinforcement").counts == {}
    assert check([*lines, GOOD["supervised"](1)]).rejected
    assert check([*lines, "{"]).rejected


@pytest.mark.parametrize("form", list(GOOD))
def test_every_form_fits_its_own_method(check: Check, form: str) -> None:
    report = check([GOOD[form](at) for at in range(60)], form)
    assert report.counts == {}
    assert report.format == {"supervised": "chat", "dpo": "preference", "legacy": "completion"}.get(form, form)


def test_findings_are_counted_beyond_those_listed(check: Check) -> None:
    report = check([*GOOD_LINES, *["{"] * 1500])
    assert report.counts["invalid_json"] == report.error_count == 1500
    assert len(report.errors) == LISTED_PER_CODE
    assert report.truncated
    assert [each.line for each in report.errors] == list(range(61, 61 + LISTED_PER_CODE))


def test_repeats_list_the_first_lines_though_they_are_found_out_of_order(check: Check) -> None:
    report = check([GOOD["supervised"](at % 1200) for at in range(2400)])
    lines = [each.line for each in report.warnings]
    assert lines == list(range(1201, 2201))
    assert report.counts == {"duplicate_example": 1200}


def test_both_splits_are_compared(tmp_path: Path) -> None:
    train, validation = tmp_path / "train.jsonl", tmp_path / "validation.jsonl"
    train.write_bytes(PLAIN)
    other = GOOD["supervised"](5)
    other["messages"][2]["content"] = "Ten."  # type: ignore[index]
    lines = [GOOD["supervised"](500), GOOD["supervised"](3), other, GOOD["supervised"](501), {"messages": 1}]
    validation.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    report = check_file(train, profile=profile(), validation=validation)
    found = {(each.code, each.file, each.line, each.related) for each in report.errors + report.warnings}
    assert found == {
        ("train_validation_leak", "validation", 2, (4,)),
        ("prompt_leak", "validation", 3, (6,)),
        ("missing_messages", "validation", 5, ()),
    }
    assert report.lines == 60


def test_cut_examples(check: Check) -> None:
    long = GOOD["supervised"](1)
    long["messages"][1]["content"] = "word " * 300  # type: ignore[index]
    tail = GOOD["supervised"](2)
    tail["messages"][2]["content"] = " ".join(f"word{n}" for n in range(150))  # type: ignore[index]
    report = check([*GOOD_LINES[10:], long, tail], limit=200)
    found = [(each.code, each.line) for each in report.warnings]
    assert found == [("example_truncated", 51), ("nothing_trained_after_truncation", 51), ("example_truncated", 52)]
    assert report.over_limit == 2
    assert report.tokens is not None
    assert report.tokens.billable == report.tokens.total - sum(
        int(w.message.split()[0]) - 200 for w in report.warnings[::2]
    )


def test_label_variants_and_system_outliers(check: Check) -> None:
    def labelled(at: int, label: str, system: str = "Classify.") -> dict[str, object]:
        turns = [("system", system), ("user", f"Text {at}"), ("assistant", label)]
        return {"messages": [{"role": role, "content": content} for role, content in turns]}

    lines = [labelled(at, ("billing", "refund")[at % 2]) for at in range(100)]
    lines[30], lines[40] = labelled(30, "Billing "), labelled(40, "billing", "Classify!")
    report = check(lines)
    assert {(each.code, each.line) for each in report.warnings} == {
        ("label_variants", 31),
        ("system_prompt_outlier", 41),
    }


def test_an_encoding_without_vocabulary_is_not_counted(check: Check) -> None:
    report = check(GOOD_LINES, encoding="r50k_base")
    assert report.counts == {"tokens_unknown": 1}
    assert (report.valid, report.examples, report.tokens, report.over_limit) == (True, 60, None, None)


def test_no_secret_is_echoed(check: Check) -> None:
    key = "sk-" + "Zz9" * 12
    lines: list[object] = [
        {"messages": [{"role": key, "content": key}], key: key},
        {"messages": [{"role": "user", "content": key, key: 1}, {"role": "assistant", "content": "a", "weight": key}]},
        {"messages": [{"role": "user", "name": key + " ", "content": "a"}, {"role": "assistant", "content": key}]},
        f'{{"messages": "{key}", "messages": "{key}"',
    ]
    report = check([*GOOD_LINES, *lines])
    assert report.error_count > 5
    assert key not in repr(report)
    assert key[:12] not in repr(report)
