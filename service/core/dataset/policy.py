"""What a project makes of findings: codes that block, codes that don't matter, lines that are meant as they are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from service.core.dataset.codes import CODES, Severity
from service.core.dataset.defects import shown
from service.core.dataset.report import Finding, Report

_UNUSED = "unused_suppression"


class UnknownCode(ValueError):
    """A policy names a code that no finding has."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines that are meant as they are. Without `lines` all of the file; without `codes` whatever is found there."""

    reason: str
    codes: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    file: str = "training"

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is meant by this."""
        return (
            finding.file == self.file
            and (not self.codes or finding.code in self.codes)
            and (not self.lines or finding.line in self.lines)
        )


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[check]` of a `tunewright.toml`.

    Findings of `error` block, those of `ignore` are left out. `at_most` lets a code have so many findings, or that
    share of the lines where it is below 1, and makes it block beyond. `benchmarks` are paths of evaluation sets that
    must not be trained on.
    """

    error: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    at_most: dict[str, float] = {}
    suppress: tuple[Suppression, ...] = ()
    benchmarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = [*self.error, *self.ignore, *self.at_most, *(code for each in self.suppress for code in each.codes)]
        for code in named:
            if code not in CODES:
                raise UnknownCode(f"there is no finding {code!r}")
        if any(not each.reason.strip() for each in self.suppress):
            raise ValueError("a suppression needs a reason")

    def apply(self, report: Report) -> Report:
        """Return the report as this policy sees it."""
        listed = report.errors + report.warnings
        kept = [each for each in listed if not any(suppression.covers(each) for suppression in self.suppress)]
        unused = () if report.truncated else tuple(self._unused(listed))
        hidden = Counter(each.code for each in listed) - Counter(each.code for each in kept)
        counts = {code: number - hidden[code] for code, number in report.counts.items() if code not in self.ignore}
        counts = {code: number for code, number in counts.items() if number > 0}
        if unused and _UNUSED not in self.ignore:
            counts[_UNUSED] = len(unused)
        severities: dict[str, Severity] = {
            code: self._severity(code, number, report.lines) for code, number in counts.items()
        }
        return judged(report, (each for each in (*kept, *unused) if each.code in counts), counts, severities)

    def _unused(self, findings: Sequence[Finding]) -> Iterator[Finding]:
        """Yield a finding for each suppression of the training file that covers nothing."""
        kind = CODES[_UNUSED]
        for each in self.suppress:
            if each.file == "training" and not any(each.covers(finding) for finding in findings):
                told = f"nothing is found any more where it says {shown(each.reason)}"
                yield Finding(code=_UNUSED, severity=kind.severity, line=None, path=None, message=told, hint=kind.hint)

    def _severity(self, code: str, number: int, lines: int) -> Severity:
        if code in self.error:
            return "error"
        if code in self.at_most:
            limit = self.at_most[code]
            return "error" if number > (limit * lines if limit < 1 else limit) else "warning"
        return CODES[code].severity


def judged(
    report: Report, findings: Iterable[Finding], counts: dict[str, int], severities: Mapping[str, Severity]
) -> Report:
    """Return the report with these findings and counts, each code's severity as given."""
    told = [msgspec.structs.replace(each, severity=severities[each.code]) for each in findings]
    told.sort(key=lambda each: (each.file, each.line or 0))
    numbers: Counter[Severity] = Counter()
    for code, number in counts.items():
        numbers[severities[code]] += number
    return msgspec.structs.replace(
        report,
        valid=not numbers["error"],
        errors=tuple(each for each in told if each.severity == "error"),
        warnings=tuple(each for each in told if each.severity != "error"),
        error_count=numbers["error"],
        warning_count=numbers["warning"] + numbers["info"],
        counts=counts,
    )
