"""The report as one HTML page: for a browser, a phone, a build's artefacts. It needs nothing from outside itself."""

from collections.abc import Iterator, Sequence
from html import escape

from service.core.dataset.codes import CODES
from service.core.dataset.markdown import by_code, training_time, verdict
from service.core.dataset.report import Finding, Report, Tokens

_LISTED = 100
_WIDTH, _BAR, _LABEL = 460, 18, 215
_SHOWN = {"error": "error", "warning": "warning", "info": "note"}
_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2430;--dim:#5d6877;--line:#d9dee5;--card:#f5f7fa;--bar:#2f6fb5;
--error:#b3261e;--warning:#8a5a00;--info:#2f6fb5;--good:#1a7f37}
@media (prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e6eaf0;--dim:#9aa5b4;--line:#2c3540;--card:#1a2028;
--bar:#6ea8e6;--error:#ff8a80;--warning:#f0c060;--info:#6ea8e6;--good:#66d17f}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--bg);color:var(--fg);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:.5rem 0}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}.dim{color:var(--dim)}
.valid{color:var(--good)}.error{color:var(--error)}.warning{color:var(--warning)}.info{color:var(--info)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.5rem;margin:1rem 0}
dl div{background:var(--card);border-radius:.4rem;padding:.5rem .7rem}dt{color:var(--dim);font-size:.8rem}
dd{margin:0;font-variant-numeric:tabular-nums}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.5rem .7rem}summary{cursor:pointer}
ul{padding-left:1.2rem;margin:.5rem 0}li{margin:.2rem 0}code{font:.85em ui-monospace,monospace}
svg{width:100%;height:auto;display:block}svg text{fill:var(--fg);font:12px system-ui,sans-serif}
svg rect{fill:var(--bar)}
svg .error{fill:var(--error)}svg .warning{fill:var(--warning)}svg .info{fill:var(--info)}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;
border-bottom:1px solid var(--line)}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
"""
Bar = tuple[str, int, str]
"""Label, number, and the class that gives the bar its colour."""


def to_html(report: Report, name: str | None = None) -> str:
    """Return the page: summary, findings by code with why and how to mend, and plots. All of the data is escaped."""
    title = escape(name or report.dataset or "Dataset")
    kind = "valid" if report.valid else "error"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}: {escape(verdict(report))}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{title}: <span class="{kind}">{escape(verdict(report))}</span></h1>',
        *_summary(report),
        *_findings(report),
        *_tokens(report.tokens),
        *_estimates(report),
        f'<p class="dim">SHA-256 <code>{escape(report.sha256)}</code><br>{_versions(report)}</p>',
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(report: Report) -> Iterator[str]:
    facts = {
        "examples": f"{report.examples:,} in {report.lines:,} lines",
        "size": f"{report.bytes:,} bytes",
        "form": report.format or "unknown",
        "method": report.method,
        "model": report.model,
    }
    if report.tokens is not None:
        facts["tokens"] = f"{report.tokens.total:,} ({report.tokens.encoding})"
        if report.tokens.trained is not None:
            facts["trained tokens"] = f"{report.tokens.trained:,}"
        facts["half have at most"] = f"{report.tokens.per_example.p50:,} tokens"
    if report.over_limit:
        facts["over the limit"] = f"{report.over_limit:,} examples"
    shown = (f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items())
    yield f"<dl>{''.join(shown)}</dl>"


def _findings(report: Report) -> Iterator[str]:
    groups = by_code(report)
    if not groups:
        return
    yield "<h2>Findings</h2>"
    yield _chart("findings by code", [(code, report.counts[code], each[0].severity) for code, each in groups.items()])
    for code, findings in groups.items():
        kind, severity = CODES[code], findings[0].severity
        opened = " open" if severity == "error" else ""
        yield (
            f'<details{opened}><summary><b class="{severity}">{_SHOWN[severity]}</b> '
            f"<code>{code}</code> ({report.counts[code]:,})</summary><p>{escape(kind.why)} {escape(kind.hint)}</p><ul>"
        )
        yield from (_item(each) for each in findings[:_LISTED])
        if report.counts[code] > _LISTED:
            yield f'<li class="dim">and {report.counts[code] - min(_LISTED, len(findings)):,} more</li>'
        yield "</ul></details>"


def _item(finding: Finding) -> str:
    file = f"{escape(finding.file)}, " if finding.file != "training" else ""
    place = f"line {finding.line:,}" if finding.line else "whole file"
    path = f" <code>{escape(finding.path)}</code>" if finding.path else ""
    related = f' <span class="dim">see {_lines(finding.related)}</span>' if finding.related else ""
    return f"<li>{file}{place}{path}: {escape(finding.message)}{related}</li>"


def _lines(numbers: Sequence[int]) -> str:
    return "line " + ", ".join(f"{number:,}" for number in numbers[:5]) + (", …" if len(numbers) > 5 else "")


def _tokens(tokens: Tokens | None) -> Iterator[str]:
    if tokens is None:
        return
    each = tokens.per_example
    yield "<h2>Tokens of an example</h2>"
    yield (
        f'<p class="dim">{each.min:,} to {each.max:,}; half have {each.p50:,} or fewer, 95 % {each.p95:,} or fewer. '
        f"{tokens.billable:,} are billable an epoch.</p>"
    )
    yield _chart(
        "examples by number of tokens",
        [(f"{each.low:,} to {each.high:,}", each.count, "") for each in tokens.histogram],
    )


def _chart(title: str, bars: Sequence[Bar]) -> str:
    """Draw horizontal bars, one a line, each with its number."""
    most = max((number for _, number, _ in bars), default=1)
    room = _WIDTH - _LABEL - 60
    height = len(bars) * (_BAR + 6)
    drawn: list[str] = []
    for at, (label, number, kind) in enumerate(bars):
        top = at * (_BAR + 6)
        width = max(1, round(number / most * room)) if number else 0
        drawn.append(
            f'<text x="{_LABEL - 6}" y="{top + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{top}" width="{width}" height="{_BAR}" rx="2" class="{kind}"/>'
            f'<text x="{_LABEL + width + 6}" y="{top + 14}">{number:,}</text>'
        )
    bars_drawn = "".join(drawn)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{bars_drawn}</svg>'


def _estimates(report: Report) -> Iterator[str]:
    if not report.estimates:
        return
    yield "<h2>What a run would take</h2>"
    yield '<div class="table"><table><tr><th>model</th><th class="n">epochs</th><th class="n">billable tokens</th>'
    yield '<th class="n">US dollars</th><th>training time</th></tr>'
    for line in report.estimates:
        usd = (
            "unknown"
            if line.usd is None
            else f"{line.usd:,.2f} ({line.usd_low or 0:,.2f} to {line.usd_high or 0:,.2f})"
        )
        cells = ("" if line.epochs is None else str(line.epochs), f"{line.billable_tokens or 0:,}", usd)
        place = "" if line.provider is None else f" at {line.provider}"
        limits = "".join(f'<br><span class="dim">{escape(limit)}</span>' for limit in line.limits)
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        time = f'{training_time(line) or "unknown"}<br><span class="dim">{escape(line.time_basis or "")}</span>'
        yield f"<tr><td>{escape(line.model + place)}{limits}</td>{numbers}<td>{time}</td></tr>"
    yield "</table></div>"
    yield from (f"<p>{escape(each)}</p>" for each in report.advice)


def _versions(report: Report) -> str:
    known = (f"{escape(key)} {escape(value)}" for key, value in report.checked_with.items() if value)
    return "checked with " + ", ".join(known)
