"""`tunewright check`: what it prints, and its exit status."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.check import command
from service.core.dataset.codes import CODES
from tests.check.conftest import GOOD, encoded

MODEL = "gpt-4o-mini-2024-07-18"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.jsonl"
    path.write_bytes(b"".join(encoded(GOOD["supervised"](at)) + b"\n" for at in range(60)))
    return path


@pytest.fixture
def bad(good: Path) -> Path:
    path = good.with_name("bad.jsonl")
    path.write_bytes(good.read_bytes() + b'{"messages": []}\n{\n')
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_good_file(good: Path) -> None:
    result = run(good, "--model", MODEL)
    assert result.exit_code == 0
    assert "good.jsonl: valid" in result.output
    assert "tokens in o200k_base" in result.output


def test_bad_file(bad: Path) -> None:
    result = run(bad)
    assert result.exit_code == 1
    assert "2 errors" in result.output
    assert "empty_messages" in result.output
    assert "invalid_json" in result.output


def test_json_is_the_report(bad: Path, good: Path) -> None:
    report = json.loads(run(bad, "--format", "json", "--model", MODEL, "--validation", good).stdout)
    assert (report["object"], report["model"], report["error_count"]) == ("dataset.report", MODEL, 2)
    assert set(report) >= {
        "valid",
        "format",
        "lines",
        "sha256",
        "errors",
        "warnings",
        "tokens",
        "estimates",
        "checked_with",
    }
    assert report["counts"]["train_validation_leak"] == 60
    assert report["estimates"][0]["usd"] > 0
    assert set(report["tokens"]["histogram"][0]) == {"from", "to", "count"}
    assert set(report["errors"][0]) == {"code", "severity", "line", "path", "message", "hint", "related", "file"}


def test_markdown_lists_lines_and_advice(bad: Path) -> None:
    text = run(bad, "--format", "markdown").stdout
    assert "# bad.jsonl: not valid: 2 errors, 0 warnings" in text
    assert "- line 62: Expecting property name" in text
    assert CODES["invalid_json"].hint in text


@pytest.mark.parametrize("arguments", [["nofile.jsonl"], ["--model", "no-such-model"], ["--method", "magic"], []])
def test_wrong_usage_is_status_2(good: Path, arguments: list[str]) -> None:
    first = [] if "nofile.jsonl" in arguments or not arguments else [good]
    assert run(*first, *arguments).exit_code == 2


def test_another_method(good: Path) -> None:
    result = run(good, "--method", "dpo", "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["counts"] == {"format_mismatch": 60}
