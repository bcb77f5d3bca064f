"""Graders against the items that they read."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.core.dataset.grader import reads_of, value_of
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
    ("field", "value"),
    [("a", {"b": 1}), ("b", None), ("a.b", 1), ("a.c", None), ("l.0", 1), ("l.2", None), ("n", None), ("a.b.c", None)],
)
def test_value_of(field: str, value: object) -> None:
    assert value_of({"a": {"b": 1}, "l": [1], "n": None}, field) == value


def test_a_reference_that_is_empty(tmp_path: Path) -> None:
    lines: list[Any] = [reinforcement(at) for at in range(12)]
    lines[4]["answer"] = " "
    data, path = tmp_path / "data.jsonl", tmp_path / "grader.json"
    data.write_bytes(encoded(lines))
    path.write_text(json.dumps({**CHECK, "reference": "{{item.answer}}"}), "utf-8")
    report = json.loads(run(data, "--method", "reinforcement", "--grader", path, "--format", "json").stdout)
    told = [(each["code"], each["line"], each["path"]) for each in report["warnings"]]
    assert told == [("few_examples", None, None), ("empty_item_field", 5, "answer")]
    assert report["errors"] == []
