"""Findings that were there before: known by code and by what their line holds, wherever the line has moved."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import xxhash

from service.core.dataset.codes import Severity
from service.core.dataset.policy import judged
from service.core.dataset.report import LISTED_PER_CODE, Finding, Report


class Baseline(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="dataset.baseline"):
    """Of each code, how many findings there were, and the hashes of the lines of those that were listed."""

    counts: dict[str, int]
    lines: dict[str, tuple[str, ...]]


def baseline_of(report: Report, paths: Mapping[str, Path]) -> Baseline:
    """Return the baseline that a report makes; `paths` are the splits, by the names that findings give them."""
    keys: dict[str, list[str]] = {}
    for finding, key in _keyed(report, paths):
        keys.setdefault(finding.code, []).append(key)
    return Baseline(counts=report.counts, lines={code: tuple(sorted(found)) for code, found in sorted(keys.items())})


def only_new(report: Report, baseline: Baseline, paths: Mapping[str, Path]) -> Report:
    """Return the report without what the baseline knows.

    Of a code with more findings than are listed, all are new if there are more than there were.
    """
    known = {code: Counter(keys) for code, keys in baseline.lines.items()}
    new: list[Finding] = []
    for finding, key in _keyed(report, paths):
        left = known.get(finding.code)
        if left is not None and left[key]:
            left[key] -= 1
        elif report.counts[finding.code] <= LISTED_PER_CODE or _grown(finding.code, report, baseline):
            new.append(finding)
    counts = Counter(finding.code for finding in new)
    for code in counts:
        if report.counts[code] > LISTED_PER_CODE:
            counts[code] = max(counts[code], report.counts[code] - baseline.counts.get(code, 0))
    severities: dict[str, Severity] = {finding.code: finding.severity for finding in new}
    return judged(report, new, dict(sorted(counts.items())), severities)


def _grown(code: str, report: Report, baseline: Baseline) -> bool:
    return report.counts[code] > baseline.counts.get(code, 0)


def _keyed(report: Report, paths: Mapping[str, Path]) -> list[tuple[Finding, str]]:
    """Return each listed finding with the hash of its line and path; the whole file's have none."""
    listed = report.errors + report.warnings
    hashes: dict[tuple[str, int], str] = {}
    for file, path in paths.items():
        wanted = {each.line for each in listed if each.file == file and each.line is not None}
        if wanted:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if number in wanted:
                        hashes[file, number] = xxhash.xxh3_64_hexdigest(line.rstrip(b"\r\n"))
    return [(each, f"{hashes.get((each.file, each.line or 0), '')} {each.path or ''}".strip()) for each in listed]
