"""Keeps account of what an operation does to the rows that pass through it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

from service.core.prepare.diff import LISTED, LineChange, OperationCounts
from service.prepare.rows import Row

_T = TypeVar("_T")
Kind = Literal["changed", "removed", "added", "moved"]


class Ledger:
    """The counts of one operation, and its first changes of each kind; `names` are the sources by number."""

    def __init__(self, kind: str, names: Sequence[str | None]) -> None:
        self._kind = kind
        self._names = names
        self._codes: Counter[str] = Counter()
        self._counts: Counter[Kind] = Counter()
        self._listed: list[LineChange] = []
        self.notes: list[str] = []
        self._in = 0
        self._out = 0

    def entering(self, rows: Iterator[_T]) -> Iterator[_T]:
        """Count rows on their way in."""
        for row in rows:
            self._in += 1
            yield row

    def leaving(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Count rows on their way out."""
        for row in rows:
            self._out += 1
            yield row

    def note(self, change: Kind, row: Row, code: str, message: str, times: int = 1) -> None:
        """Take down one change; the message must not quote the line."""
        self._counts[change] += 1
        self._codes[code] += times
        if self._counts[change] <= LISTED:
            name = self._names[row.source] if row.source else None
            self._listed.append(LineChange(change=change, line=row.line, dataset=name, code=code, message=message))

    def tally(self, code: str, times: int = 1) -> None:
        """Count what is not a change of a line."""
        self._codes[code] += times

    def counts(self) -> OperationCounts:
        """Return the account."""
        return OperationCounts(
            type=self._kind,
            lines_in=self._in,
            lines_out=self._out,
            added=self._counts["added"],
            removed=self._counts["removed"],
            changed=self._counts["changed"],
            codes=dict(sorted(self._codes.items())),
            lines=tuple(self._listed),
            notes=tuple(self.notes),
        )

    @property
    def removed(self) -> int:
        return self._counts["removed"]

    def usual(self) -> str:
        """Return the commonest reason and how often it was given."""
        return ", ".join(f"{code} {number:,} times" for code, number in self._codes.most_common(3))
