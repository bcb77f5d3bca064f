"""Evaluation sets among training texts."""

import json
from pathlib import Path

import pytest

from tests.check.suite.ordinary import asked, japanese, support
from tests.check.suite.planted import encoded, ordinary
from tests.check.test_command import run

QUESTION = (
    "A train leaves the old station at nine and needs four hours to reach the harbour by the sea; when is it there?"
)
SHORT = "How many lanterns hang over the northern bridge?"
JAPANESE = "太郎さんは林檎を七個持っていて、花子さんに三個あげました。残りは何個ですか。"
LINE = 11


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    path = tmp_path / "eval.jsonl"
    items = [
        {"system": "You are a support agent for Acme.", "question": f"Item {at} of many others"} for at in range(9)
    ]
    items += [{"question": text, "answer": "1"} for text in (QUESTION, SHORT, JAPANESE)]
    path.write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return path


@pytest.mark.parametrize(
    ("question", "number"),
    [
        (QUESTION, 10),
        (f"Please tell me. {QUESTION.upper()} Thanks!", 10),
        (QUESTION.replace("train", "bus"), 10),
        (f"Well: {SHORT}", 11),
        (f"問題：{JAPANESE}", 12),
    ],
)
def test_found(tmp_path: Path, benchmark: Path, question: str, number: int) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(encoded([*ordinary(support, 10), asked(question, "One."), *ordinary(support, 50, 10)]))
    report = json.loads(run(path, "--benchmark", benchmark, "--format", "json").stdout)
    found = [(each["line"], each["message"]) for each in report["warnings"] if each["code"] == "benchmark_overlap"]
    assert found == [(LINE, f"the example holds words of line {number} of eval.jsonl")]


def test_found_in_what_a_tool_says(tmp_path: Path, benchmark: Path) -> None:
    path = tmp_path / "data.jsonl"
    function = {"name": "solve", "description": QUESTION, "parameters": {"type": "object"}}
    line = {**asked("What is it?", "One."), "tools": [{"type": "function", "function": function}]}
    path.write_bytes(encoded([*ordinary(support, 10), line, *ordinary(support, 50, 10)]))
    report = json.loads(run(path, "--benchmark", benchmark, "--format", "json").stdout)
    assert [each["line"] for each in report["warnings"] if each["code"] == "benchmark_overlap"] == [LINE]


@pytest.mark.parametrize("line_of", [support, japanese])
def test_nothing_found(tmp_path: Path, benchmark: Path, line_of: object) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(
        encoded([*ordinary(line_of, 55), asked("When does the train leave the old station at nine?", "At 9.")])
    )  # type: ignore[arg-type]
    report = json.loads(run(path, "--benchmark", benchmark, "--format", "json").stdout)
    assert "benchmark_overlap" not in report["counts"]


def test_a_policy_names_sets_beside_it(tmp_path: Path, benchmark: Path) -> None:
    path, policy = tmp_path / "data.jsonl", benchmark.parent / "policy.toml"
    path.write_bytes(encoded([*ordinary(support, 55), asked(QUESTION, "One.")]))
    policy.write_text(f'[check]\nerror = ["benchmark_overlap"]\nbenchmarks = ["{benchmark.name}"]\n', "utf-8")
    result = run(path, "--policy", policy, "--format", "json")
    assert [(each["code"], each["line"]) for each in json.loads(result.stdout)["errors"]] == [("benchmark_overlap", 56)]
    policy.write_text('[check]\nbenchmarks = ["gone.jsonl"]\n', "utf-8")
    assert run(path, "--policy", policy).exit_code == 2


def test_what_is_no_text(tmp_path: Path, benchmark: Path) -> None:
    benchmark.write_bytes(b"\xff\xfe")
    path = tmp_path / "data.jsonl"
    path.write_bytes(encoded(ordinary()))
    assert run(path, "--benchmark", benchmark).exit_code == 2
