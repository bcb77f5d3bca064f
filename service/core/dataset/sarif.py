"""The report as SARIF 2.1.0, which GitHub and others show beside the lines of a pull request.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from service.core.dataset.codes import CODES
from service.core.dataset.report import Finding, Report

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_ACROSS = frozenset({"train_validation_leak", "prompt_leak"})
"""Codes whose related lines are in the training file, wherever the finding is."""

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def to_sarif(report: Report, name: str, validation: str | None = None) -> bytes:
    """Return the listed findings as one SARIF run; `name` and `validation` are the paths of the splits."""
    names = {"training": name, "validation": validation or name}
    codes = sorted({each.code for each in report.errors + report.warnings})
    places = {code: at for at, code in enumerate(codes)}
    run = {
        "tool": {
            "driver": {
                "name": "Tunewright",
                "version": report.checked_with.get("tunewright") or "unknown",
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "utf16CodeUnits",
        "results": [_result(each, places[each.code], names) for each in report.errors + report.warnings],
        "properties": {"model": report.model, "method": report.method, "sha256": report.sha256},
    }
    return msgspec.json.encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(code: str) -> dict[str, Any]:
    kind = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": code.replace("_", " ")},
        "fullDescription": {"text": kind.why},
        "help": {"text": kind.hint},
        "defaultConfiguration": {"level": _LEVELS[kind.severity]},
    }


def _result(finding: Finding, rule: int, names: Mapping[str, str]) -> dict[str, Any]:
    name = names[finding.file]
    seen = names["training"] if finding.code in _ACROSS else name
    place = f" (at {finding.path})" if finding.path else ""
    result = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}{place}. {finding.hint}"},
        "locations": [_location(name, finding.line)],
    }
    if finding.related:
        result["relatedLocations"] = [_location(seen, line) for line in finding.related]
    return result


def _location(name: str, line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(name.replace("\\", "/"))}}
    if line is not None:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}
