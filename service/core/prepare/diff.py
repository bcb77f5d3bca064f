"""What a preparation changed: counts, the first lines of each kind, and how the dataset's shape drifted."""

from typing import Literal

import msgspec

from service.core.dataset.report import HistogramBin, PerExample
from service.core.prepare.operations import Operation

LISTED = 20
"""How many lines of each kind of change an operation lists."""

Part = Literal["training", "validation"]


class LineChange(msgspec.Struct, frozen=True, kw_only=True):
    """One line that was changed, removed, added or moved to the other side of a split.

    `line` counts from 1 in the file that it came from: `dataset`, or where that is None the dataset that was prepared.
    `code` says why, in a word. Texts of the line are never shown.
    """

    change: Literal["changed", "removed", "added", "moved"]
    line: int
    dataset: str | None = None
    code: str
    message: str


class OperationCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation did, in lines; `codes` counts the reasons."""

    type: str
    lines_in: int
    lines_out: int
    added: int
    removed: int
    changed: int
    codes: dict[str, int]
    lines: tuple[LineChange, ...]
    notes: tuple[str, ...] = ()


class LineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are not blank, of the dataset before and of this one: before - removed + added = after."""

    before: int
    after: int
    added: int
    removed: int
    changed: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A file's shape. `labels` is None where the answers are no class labels, `tokens` where none were counted."""

    examples: int
    tokens: PerExample | None
    histogram: tuple[HistogramBin, ...]
    labels: dict[str, int] | None
    languages: dict[str, int]


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How far two shapes lie apart: 0 is the same distribution, 1 has nothing in common (total variation).

    None where one of the two is not known.
    """

    tokens: float | None
    labels: float | None
    languages: float | None


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it, for one of the datasets that were made."""

    object: str = "dataset.diff"
    dataset: str | None
    derived_from: str | None
    part: Part | None
    sources: tuple[str, ...]
    operations: tuple[Operation, ...]
    lines: LineCounts
    steps: tuple[OperationCounts, ...]
    before: Figures | None
    after: Figures | None
    drift: Drift
    made_with: dict[str, str | None]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two files side by side, whatever the order of their lines.

    A line is the same where question and answer are, changed where only the question is.
    """

    object: str = "dataset.comparison"
    lines: LineCounts
    same: int
    examples: tuple[LineChange, ...]
    before: Figures
    after: Figures
    drift: Drift


def drift(before: Figures | None, after: Figures | None) -> Drift:
    """Return how far two shapes lie apart."""
    if before is None or after is None or not before.examples or not after.examples:
        return Drift(tokens=None, labels=None, languages=None)
    labels = None if before.labels is None or after.labels is None else _distance(before.labels, after.labels)
    bins = [{f"{each.low}": each.count for each in figures.histogram} for figures in (before, after)]
    return Drift(
        tokens=_distance(*bins) if before.tokens and after.tokens else None,
        labels=labels,
        languages=_distance(before.languages, after.languages),
    )


def _distance(one: dict[str, int], other: dict[str, int]) -> float | None:
    sums = sum(one.values()), sum(other.values())
    if not all(sums):
        return None
    shares = (abs(one.get(key, 0) / sums[0] - other.get(key, 0) / sums[1]) for key in one.keys() | other.keys())
    return round(min(1.0, sum(sorted(shares)) / 2), 4)
