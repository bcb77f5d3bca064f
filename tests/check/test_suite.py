"""The planted-defect suite: every defect for the right reason on the right line, and silence on clean sets.

docs/dataset-checks.md shows its score.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from service.check.engine import check_file
from service.core.dataset.codes import CODES
from tests.check.conftest import profile
from tests.check.suite import CLEAN, INNOCENT, PLANTED, Planted
from tests.check.suite.clean import NUMBER
from tests.check.suite.planted import encoded

ELSEWHERE = {
    "tokens_unknown",
    "benchmark_overlap",
    "unused_suppression",
    "missing_item_field",
    "empty_item_field",
    "unknown_grader_variable",
}
"""Codes that need another model, a benchmark, a grader or a policy: tested beside these."""


def found(folder: Path, data: bytes, method: str, validation: bytes | None = None) -> set[tuple[str, int | None]]:
    path, other = folder / "data.jsonl", folder / "validation.jsonl"
    path.write_bytes(data)
    if validation is not None:
        other.write_bytes(validation)
    report = check_file(path, profile=profile(method), validation=None if validation is None else other)
    return {(each.code, each.line) for each in report.errors + report.warnings}


@pytest.mark.parametrize("case", PLANTED, ids=[f"{case.code}: {case.name}" for case in PLANTED])
def test_planted(case: Planted, tmp_path: Path) -> None:
    told = found(tmp_path, case.data, case.method, case.validation)
    assert (case.code, case.line) in told
    assert {code for code, _ in told} <= {case.code, "few_examples", *case.also}


@pytest.mark.parametrize("case", INNOCENT, ids=[case.name for case in INNOCENT])
def test_innocent(case: Planted, tmp_path: Path) -> None:
    told = found(tmp_path, case.data, case.method, case.validation)
    assert {code for code, _ in told} <= {"few_examples"}


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("escaped", [False, True], ids=["utf-8", "escaped"])
def test_clean(name: str, escaped: bool, tmp_path: Path) -> None:
    method, line_of = CLEAN[name]
    lines = [json.dumps(line_of(at), ensure_ascii=escaped) for at in range(NUMBER)]
    assert found(tmp_path, encoded(lines), method) == set()


def test_every_code_is_planted() -> None:
    counted = Counter(case.code for case in PLANTED)
    assert set(CODES) - set(counted) == ELSEWHERE
    assert len(PLANTED) >= 120
    assert len(CLEAN) >= 20
