"""A dataset report for people: what a pull request shows."""

from collections.abc import Iterator, Sequence

from service.core.dataset.report import Finding, Report

SHOWN = 50


def markdown(report: Report, filename: str) -> str:
    """Return the report as GitHub's markdown; the first 50 findings of each severity are listed."""
    return "\n".join(_lines(report, filename)) + "\n"


def _lines(report: Report, filename: str) -> Iterator[str]:
    yield f"# {_text(filename)}: {'valid' if report.valid else 'not valid'}"
    yield ""
    yield f"| checked for | {_text(report.model)}, {report.method} |"
    yield "| --- | --- |"
    yield f"| form | {report.format or 'none'} |"
    yield f"| lines, examples | {report.lines:,}, {report.examples:,} |"
    yield f"| bytes, SHA-256 | {report.bytes:,}, `{report.sha256}` |"
    yield f"| errors, warnings | {report.error_count:,}, {report.warning_count:,} |"
    if report.tokens is not None:
        yield f"| tokens ({report.tokens.encoding}) | {report.tokens.total:,} |"
        lengths = report.tokens.per_example
        yield f"| tokens of an example, median and longest | {lengths.p50:,}, {lengths.max:,} |"
    for estimate in report.estimates:
        cost = "unknown" if estimate.usd is None else f"${estimate.usd:,.4f}"
        tokens = "unknown" if estimate.billable_tokens is None else f"{estimate.billable_tokens:,}"
        yield f"| {_text(estimate.model)}, {estimate.epochs or 'unknown'} epochs | {tokens} tokens, {cost} |"
    yield from _findings("Errors", report.errors, report.error_count)
    yield from _findings("Warnings", report.warnings, report.warning_count)


def _findings(title: str, found: Sequence[Finding], count: int) -> Iterator[str]:
    if not found:
        return
    yield ""
    yield f"## {title}"
    yield ""
    yield "| line | code | what | what to do |"
    yield "| --- | --- | --- | --- |"
    for finding in found[:SHOWN]:
        place = f"{finding.file} {finding.line}" if finding.file != "training" else str(finding.line or "file")
        yield f"| {place} | `{finding.code}` | {_text(finding.message)} | {_text(finding.hint)} |"
    if count > SHOWN:
        yield ""
        yield f"{count - min(SHOWN, len(found)):,} more are not shown."


def _text(value: str) -> str:
    """Return `value` so that it can neither end a cell nor begin markup."""
    flat = " ".join(value.split())
    return "".join(f"\\{character}" if character in "\\|`*_[]<>#" else character for character in flat)
