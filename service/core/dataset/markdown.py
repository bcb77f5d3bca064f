"""The report as Markdown: for a pull request, a ticket, a person."""

from collections.abc import Iterator, Sequence

from service.core.dataset.codes import CODES
from service.core.dataset.report import Finding, Report, Tokens
from service.core.estimate_lines import EstimateLine

_LISTED = 50
_BAR = 40
_MINUTES_FROM, _HOURS_FROM = 600, 36_000


def to_markdown(report: Report, name: str | None = None) -> str:
    """Return the summary, the findings grouped by code with why and how to mend, and the token histogram."""
    return "\n".join([*_head(report, name), *_findings(report), *_tokens(report.tokens)]) + "\n"


def verdict(report: Report) -> str:
    """Say in one line what the report comes to."""
    if report.valid:
        return "valid" if not report.warning_count else f"valid, {_number(report.warning_count, 'warning')}"
    return f"not valid: {_number(report.error_count, 'error')}, {_number(report.warning_count, 'warning')}"


def sampled(report: Report) -> Iterator[tuple[str, str]]:
    """Yield each code that was looked for in a part of the file alone, and which part that was."""
    return ((code, part) for code, part in report.checked_with.items() if code in CODES and part)


def bars(tokens: Tokens, width: int = _BAR) -> Iterator[tuple[str, str, int]]:
    """Yield range, bar and count of each bin of the histogram."""
    most = max((each.count for each in tokens.histogram), default=1)
    for each in tokens.histogram:
        length = round(each.count / most * width)
        yield f"{each.low:,} to {each.high:,}", "█" * (length or bool(each.count)), each.count


def told(line: EstimateLine) -> str:
    """Say what a run on one model would take, with the doubt of price and time, and the limits it would hit."""
    cost = "price unknown" if line.usd is None else f"about ${line.usd:,.2f}"
    if line.usd is not None and line.usd_low != line.usd_high:
        cost += f" (${line.usd_low or 0:,.2f} to ${line.usd_high or 0:,.2f})"
    place = "" if line.provider is None else f" at {line.provider}"
    epochs = "" if line.epochs is None else f", {_number(line.epochs, 'epoch')}"
    return f"{line.model}{place}: {cost}{epochs}{_time(line)}{''.join(f'; {limit}' for limit in line.limits)}"


def _time(line: EstimateLine) -> str:
    return "" if line.seconds is None else f", {training_time(line)}, by {line.time_basis}"


def training_time(line: EstimateLine) -> str:
    """Return how long a run would train with its doubt, as people say it; empty where that is not known."""
    if line.seconds is None:
        return ""
    return f"about {_span(line.seconds)} ({_span(line.seconds_low or 0)} to {_span(line.seconds_high or 0)})"


def _span(seconds: int) -> str:
    """Return a length of time in the largest unit that leaves two digits or more."""
    if seconds < _MINUTES_FROM:
        return f"{seconds} s"
    if seconds < _HOURS_FROM:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def places(findings: Sequence[Finding], most: int = 8) -> str:
    """Name the first lines of findings of one code."""
    lines = list(dict.fromkeys(str(each.line) if each.line else "whole file" for each in findings))
    return ", ".join(lines[:most]) + (", …" if len(lines) > most else "")


def by_code(report: Report) -> dict[str, list[Finding]]:
    """Group the listed findings by code, errors first, then the most frequent."""
    groups: dict[str, list[Finding]] = {}
    for each in report.errors + report.warnings:
        groups.setdefault(each.code, []).append(each)
    rank = {"error": 0, "warning": 1, "info": 2}
    order = sorted(groups, key=lambda code: (rank[groups[code][0].severity], -report.counts[code]))
    return {code: groups[code] for code in order}


def _head(report: Report, name: str | None) -> Iterator[str]:
    yield f"# {_text(name or report.dataset or 'Dataset')}: {verdict(report)}"
    yield ""
    yield f"- {_number(report.examples, 'example')} in {_number(report.lines, 'line')}, {report.bytes:,} bytes"
    yield f"- form {report.format or 'unknown'}, method {report.method}, model {report.model}"
    yield f"- SHA-256 `{report.sha256}`"
    for line in report.estimates:
        yield f"- {told(line)}"
    for code, part in sampled(report):
        yield f"- `{code}` was looked for among {part} alone"
    yield ""
    for each in report.advice:
        yield each
        yield ""


def _findings(report: Report) -> Iterator[str]:
    for code, findings in by_code(report).items():
        kind = CODES[code]
        yield f"## {findings[0].severity}: {code} ({report.counts[code]:,})"
        yield ""
        yield f"{kind.why} {kind.hint}"
        yield ""
        for each in findings[:_LISTED]:
            place = f"line {each.line}" if each.line else "whole file"
            file = f"{each.file}, " if each.file != "training" else ""
            path = f" `{each.path}`" if each.path else ""
            yield f"- {file}{place}{path}: {_text(each.message)}"
        if report.counts[code] > _LISTED:
            yield f"- and {report.counts[code] - min(_LISTED, len(findings)):,} more"
        yield ""


def _tokens(tokens: Tokens | None) -> Iterator[str]:
    if tokens is None:
        return
    each = tokens.per_example
    yield "## Tokens"
    yield ""
    trained = "" if tokens.trained is None else f", {tokens.trained:,} trained"
    yield f"{tokens.total:,} in {tokens.encoding}{trained}, {tokens.billable:,} billable an epoch."
    yield f"An example has {each.min:,} to {each.max:,}, half have {each.p50:,} or fewer, 95 % {each.p95:,} or fewer."
    yield ""
    yield "```"
    for span, bar, count in bars(tokens):
        yield f"{span:>22} {bar} {count:,}"
    yield "```"


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _text(value: str) -> str:
    """Return `value` so that it can neither end a cell nor begin markup; it may quote a hostile file."""
    flat = " ".join(value.split())
    return "".join(f"\\{character}" if character in "\\|`*_[]<>#" else character for character in flat)
