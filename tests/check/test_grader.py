"""Graders against the items that they read."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.core.dataset.grader import lacks, reads_of
from tests.check.suite.ordinary import reinforcement
from tests.check.suite.planted import encoded
from tests.check.test_command import run

CHECK = {"type": "string_check", "name": "exact", "operation": "eq", "input": "{{sample.output_text}}"}


def found(folder: Path, grader: dict[str, Any], lines: list[Any]) -> list[tuple[str, int | None, str | None]]:
    data, path = folder / "data.jsonl", folder / "grader.json"
    data.write_bytes(encoded(lines))
    path.write_text(json.dumps(grader), "utf-8")
    report = json.loads(run(data, "--method", "reinforcement", "--grader", path, "--format", "json").stdout)
    return [(each["code"], each["line"], each["path"]) for each in report["errors"]]


def test_a_line_without_what_the_grader_reads(tmp_path: Path) -> None:
    lines: list[Any] = [reinforcement(at) for at in range(12)]
    del lines[6]["answer"]
    grader = {**CHECK, "reference": "{{item.answer}}"}
    assert found(tmp_path, grader, lines) == [("missing_item_field", 7, "answer")]


def test_a_misspelt_variable(tmp_path: Path) -> None:
    lines = [reinforcement(at) for at in range(12)]
    grader = {"type": "multi", "graders": {"a": {**CHECK, "reference": "{{items.answer}} {{ item.answer }}"}}}
    assert found(tmp_path, grader, lines) == [("unknown_grader_variable", None, None)]


def test_all_is_there(tmp_path: Path) -> None:
    lines = [{**reinforcement(at), "meta": {"units": ["m", "s"]}} for at in range(12)]
    grader = {**CHECK, "reference": "{{item.answer}} {{item.meta.units.1}} {{sample.output_json.x}}"}
    assert found(tmp_path, grader, lines) == []


def test_sources_are_no_templates() -> None:
    assert reads_of({"type": "python", "source": "x = '{{nothing}}'"}) == ((), ())


@pytest.mark.parametrize(
    ("field", "missing"),
    [
        ("a", False),
        ("b", True),
        ("a.b", False),
        ("a.c", True),
        ("l.0", False),
        ("l.2", True),
        ("n", True),
        ("a.b.c", True),
    ],
)
def test_lacks(field: str, missing: bool) -> None:
    assert lacks({"a": {"b": 1}, "l": [1], "n": None}, field) is missing
