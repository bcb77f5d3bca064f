"""Policies, suppressions, baselines and SARIF: what a pull request is judged by."""

import json
from pathlib import Path

import jsonschema
import pytest

from service.core.dataset.codes import CODES
from tests.check.conftest import GOOD, encoded
from tests.check.test_command import run

REFUSAL = {
    "messages": [
        *GOOD["supervised"](700)["messages"][:2],  # type: ignore[index]
        {"role": "assistant", "content": "I'm sorry, but I can't help with that."},
    ]
}
PLAIN = [encoded(GOOD["supervised"](at)) for at in range(60)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Sixty good lines, then a refusal, a repeated line and a broken one."""
    return written(tmp_path / "data.jsonl", *PLAIN, encoded(REFUSAL), PLAIN[3], b"{")


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def policy(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(f"[check]\n{text}", "utf-8")
    return path


def judged(file: Path, *arguments: object) -> tuple[int, dict[str, list[int]]]:
    """Check and return exit status, and the lines of errors and of warnings."""
    result = run(file, "--format", "json", *arguments)
    report = json.loads(result.stdout)
    assert report["error_count"] == len(report["errors"])
    assert report["valid"] is (result.exit_code == 0)
    return result.exit_code, {kind: [each["line"] for each in report[kind]] for kind in ("errors", "warnings")}


@pytest.mark.parametrize(
    ("text", "status", "errors", "warnings"),
    [
        ("", 1, [63], [61, 62]),
        ('ignore = ["refusal"]', 1, [63], [62]),
        ('error = ["refusal"]', 1, [61, 63], [62]),
        ('ignore = ["invalid_json"]', 0, [], [61, 62]),
        ("at_most = { invalid_json = 1, refusal = 0 }", 1, [61], [62, 63]),
        ("at_most = { invalid_json = 0.05 }", 0, [], [61, 62, 63]),
        ("at_most = { invalid_json = 0.01 }", 1, [63], [61, 62]),
        ('suppress = [{ lines = [61, 63], reason = "meant" }]', 0, [], [62]),
        ('suppress = [{ codes = ["refusal"], reason = "meant" }]', 1, [63], [62]),
        ('suppress = [{ codes = ["refusal"], lines = [62], reason = "meant" }]', 1, [63], [None, 61, 62]),
        ('ignore = ["unused_suppression"]\nsuppress = [{ lines = [9], reason = "meant" }]', 1, [63], [61, 62]),
        ('error = ["unused_suppression"]\nsuppress = [{ lines = [9], reason = "meant" }]', 1, [None, 63], [61, 62]),
        ('suppress = [{ file = "validation", reason = "meant" }]', 1, [63], [61, 62]),
    ],
)
def test_policy(file: Path, tmp_path: Path, text: str, status: int, errors: list[int], warnings: list[int]) -> None:
    assert judged(file, "--policy", policy(tmp_path, text)) == (status, {"errors": errors, "warnings": warnings})


@pytest.mark.parametrize(
    "text",
    [
        'ignore = ["no_such_code"]',
        'ignore = "refusal"',
        'silence = ["refusal"]',
        "suppress = [{ lines = [1] }]",
        'suppress = [{ lines = [1], reason = " " }]',
        "at_most = { no_such_code = 1 }",
        "ignore = [",
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(file: Path, tmp_path: Path, text: str) -> None:
    result = run(file, "--policy", policy(tmp_path, text))
    assert result.exit_code == 2
    assert "policy.toml" in result.output


def test_the_policy_of_this_folder_is_taken(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy(tmp_path, 'ignore = ["invalid_json"]').rename(tmp_path / "tunewright.toml")
    monkeypatch.chdir(tmp_path)
    assert judged(file)[0] == 0


def test_only_what_is_new_fails(file: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert run(file, "--write-baseline", baseline).exit_code == 1
    assert judged(file, "--baseline", baseline) == (0, {"errors": [], "warnings": []})
    moved = written(file, b"{", *PLAIN[:2], encoded(REFUSAL), *PLAIN[2:], PLAIN[3], b"[", b"{")
    assert judged(moved, "--baseline", baseline) == (1, {"errors": [64, 65], "warnings": []})


def test_a_baseline_knows_findings_beyond_those_listed(file: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    many = [b"{%d" % at for at in range(1500)]
    run(written(file, *PLAIN, *many), "--write-baseline", baseline)
    assert judged(file, "--baseline", baseline)[0] == 0
    status, found = judged(written(file, b"{new", *PLAIN, *many), "--baseline", baseline)
    assert (status, found["errors"]) == (1, [1])


def test_no_baseline(file: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "other.json", b'{"object": "dataset.report"}')
    result = run(file, "--baseline", path)
    assert result.exit_code == 2
    assert "--baseline or --grader holds something else" in result.output


def test_sarif(file: Path, tmp_path: Path) -> None:
    validation = written(tmp_path / "validation.jsonl", PLAIN[5])
    log = json.loads(run(file, "--format", "sarif", "--validation", validation).stdout)
    assert log["version"] == "2.1.0"
    (found,) = log["runs"]
    rules = found["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == sorted(each["id"] for each in rules)
    results = {each["ruleId"]: each for each in found["results"]}
    assert set(results) == {"invalid_json", "refusal", "duplicate_example", "train_validation_leak"}
    for code, each in results.items():
        assert each["level"] == CODES[code].severity == rules[each["ruleIndex"]]["defaultConfiguration"]["level"]
        assert rules[each["ruleIndex"]]["id"] == code
    (leak,) = (each for each in found["results"] if each["ruleId"] == "train_validation_leak")
    seen = leak["relatedLocations"][0]["physicalLocation"]
    assert seen == {"artifactLocation": {"uri": file.as_posix()}, "region": {"startLine": 6}}
    place = leak["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": validation.as_posix()}, "region": {"startLine": 1}}
    assert results["duplicate_example"]["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 4}


SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "message": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {"text": {"type": "string", "minLength": 1}},
        },
        "run": {
            "type": "object",
            "required": ["tool"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "additionalProperties": False,
                    "properties": {"driver": {"$ref": "#/$defs/driver"}},
                },
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                "properties": {"type": "object"},
            },
        },
        "driver": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
            },
        },
        "rule": {
            "type": "object",
            "required": ["id"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "shortDescription": {"$ref": "#/$defs/message"},
                "fullDescription": {"$ref": "#/$defs/message"},
                "help": {"$ref": "#/$defs/message"},
                "defaultConfiguration": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"level": {"$ref": "#/$defs/level"}},
                },
            },
        },
        "level": {"enum": ["none", "note", "warning", "error"]},
        "result": {
            "type": "object",
            "required": ["message"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": -1},
                "level": {"$ref": "#/$defs/level"},
                "message": {"$ref": "#/$defs/message"},
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
                "relatedLocations": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/location"}},
            },
        },
        "location": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "additionalProperties": False,
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "uri": {
                                    "type": "string",
                                    "pattern": r"^(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})+$",
                                }
                            },
                        },
                        "region": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {"startLine": {"type": "integer", "minimum": 1}},
                        },
                    },
                }
            },
        },
    },
}
"""The part of OASIS's schema of SARIF 2.1.0 that a report uses, every other member forbidden."""


def test_sarif_has_the_form_that_its_schema_asks_for(file: Path, tmp_path: Path) -> None:
    odd = file.rename(tmp_path / "my données [1].jsonl")
    validation = written(tmp_path / "held out.jsonl", PLAIN[5], b'{"a')
    jsonschema.Draft202012Validator(SARIF).validate(
        json.loads(run(odd, "--format", "sarif", "--validation", validation).stdout)
    )


def test_sarif_of_a_whole_file_has_no_region(tmp_path: Path) -> None:
    log = json.loads(run(written(tmp_path / "empty.jsonl"), "--format", "sarif").stdout)
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], "region" in result["locations"][0]["physicalLocation"]) == ("empty_file", False)
