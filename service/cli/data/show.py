"""What was changed, for a terminal."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.core.prepare.diff import Comparison, Diff, Drift, Figures, LineChange

_LINES = 5


def show(diffs: Sequence[Diff], paths: Sequence[Path], console: Console) -> None:
    """Print the operations, what came out, and how it differs from what went in."""
    console.print(_steps(diffs[0]))
    for step in diffs[0].steps:
        _show_lines(step.lines, console)
        for note in step.notes:
            console.print(f"[dim]{step.type}: {escape(note)}[/]", highlight=False)
    for diff, path in zip(diffs, paths, strict=True):
        lines = diff.lines
        console.print(
            f"[bold]{escape(str(path))}[/]: {lines.after:,} lines of {lines.before:,}: {lines.removed:,} removed, "
            f"{lines.changed:,} changed, {lines.added:,} added"
        )
        _show_shape(diff.before, diff.after, diff.drift, console)


def show_comparison(found: Comparison, console: Console) -> None:
    """Print how two files differ."""
    lines = found.lines
    console.print(
        f"{lines.before:,} and {lines.after:,} lines: {found.same:,} the same, {lines.changed:,} changed, "
        f"{lines.removed:,} removed, {lines.added:,} added"
    )
    _show_lines(found.examples, console)
    _show_shape(found.before, found.after, found.drift, console)


def _steps(diff: Diff) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("operation", "in", "out", "removed", "changed", "added", "why"):
        table.add_column(title, justify="left" if title in ("operation", "why") else "right", overflow="fold")
    for step in diff.steps:
        numbers = (step.lines_in, step.lines_out, step.removed, step.changed, step.added)
        why = ", ".join(f"{code} {count:,}" for code, count in step.codes.items())
        table.add_row(step.type, *(f"{number:,}" for number in numbers), escape(why))
    return table


def _show_lines(lines: Iterable[LineChange], console: Console) -> None:
    shown: dict[str, int] = {}
    for each in lines:
        if each.change == "moved" or shown.get(each.change, 0) >= _LINES:
            continue
        shown[each.change] = shown.get(each.change, 0) + 1
        where = f"{each.dataset} line {each.line}" if each.dataset else f"line {each.line}"
        console.print(f"[dim]{escape(where)}: {each.change}, {escape(each.message)}[/]", highlight=False)


def _show_shape(before: Figures | None, after: Figures | None, drift: Drift, console: Console) -> None:
    if after is not None and after.tokens is not None:
        was = f", was {before.tokens.p50:,} and {before.tokens.p95:,}" if before and before.tokens else ""
        console.print(f"tokens: half of the examples up to {after.tokens.p50:,}, 95 % up to {after.tokens.p95:,}{was}")
    parts = [
        f"{name} {value:.1%}"
        for name, value in (("lengths", drift.tokens), ("labels", drift.labels), ("languages", drift.languages))
        if value is not None
    ]
    if parts:
        console.print(f"drift: {', '.join(parts)}")
