"""The way of the rows: what is to be done, the operations one after another, and what comes out."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from service.check.tokens import counter_for
from service.core.catalogue import Method
from service.core.dataset.profile import CheckProfile
from service.core.prepare.diff import Part
from service.core.prepare.operations import (
    Clean,
    Convert,
    Dedupe,
    Merge,
    Normalise,
    Operation,
    Redact,
    Sample,
    Split,
    Truncate,
    name_of,
)
from service.prepare.clean import clean
from service.prepare.containers import record_of, records_in
from service.prepare.convert import convert
from service.prepare.dedupe import dedupe
from service.prepare.ledger import Ledger
from service.prepare.measure import Measure
from service.prepare.normalise import normalise
from service.prepare.redact import redact
from service.prepare.rows import PrepareFailed, Row, read_rows
from service.prepare.sample import sample
from service.prepare.split import split
from service.prepare.truncate import truncate

PARTS: tuple[Part, Part] = ("training", "validation")
_T = TypeVar("_T")


class Preparation(NamedTuple):
    """What is to be done.

    `merged` gives the file of each name that a merge uses. `model` is whose encoding counts tokens where an operation
    names none, `profile_of` knows the models, and `method` is what lines are for where `clean` does not say. An output
    of more than `limit_bytes` is refused.
    """

    source: Path
    operations: Sequence[Operation]
    merged: Mapping[str, Path]
    profile_of: Callable[[str], CheckProfile | None]
    model: str
    method: Method
    limit_bytes: int

    @property
    def parts(self) -> tuple[Part | None, ...]:
        """What the outputs are: two sides, or one whole."""
        return PARTS if isinstance(self.operations[-1], Split) else (None,)


class Run:
    """Rows on their way through the operations."""

    def __init__(self, what: Preparation, pool: Executor, before: Measure, *, compiled: bool) -> None:
        self._what = what
        self._pool = pool
        self._compiled = compiled
        self.before = before
        self.sources: list[str | None] = [None]
        self.lines = 0
        self.is_measured = not isinstance(what.operations[0], Convert)
        self.ledgers = [Ledger(name_of(operation), self.sources) for operation in what.operations]

    def rows(self) -> Generator[Row]:
        """Yield the rows that come out in the end. Raises PrepareFailed with the index of the operation at fault."""
        rows = self._read()
        for at, (operation, ledger) in enumerate(zip(self._what.operations, self.ledgers, strict=True)):
            rows = self._guarded(ledger.leaving(self._step(at, operation, ledger.entering(rows), ledger)), at)
        yield from rows

    def _read(self) -> Iterator[Row]:
        first = self._what.operations[0]
        if isinstance(first, Convert):  # it reads the file itself, whatever is in it
            return iter(())
        return self.before.passing(self._counted(self._file(self._what.source, 0)))

    def _file(self, path: Path, source: int) -> Iterator[Row]:
        with path.open("rb") as stream:
            yield from read_rows(stream, source)

    def _counted(self, rows: Iterator[_T]) -> Iterator[_T]:
        for row in rows:
            self.lines += 1
            yield row

    def _guarded(self, rows: Iterator[Row], at: int) -> Iterator[Row]:
        try:
            yield from rows
        except PrepareFailed as error:
            if error.operation is None:
                error.operation = at
            raise

    def _step(self, at: int, operation: Operation, rows: Iterator[Row], ledger: Ledger) -> Iterator[Row]:
        if isinstance(operation, Clean):
            return clean(rows, operation, operation.method or self._what.method, ledger, self._pool)
        if isinstance(operation, Dedupe):
            return dedupe(rows, operation, ledger, self._pool)
        if isinstance(operation, Normalise):
            return normalise(rows, operation, ledger)
        if isinstance(operation, Redact):
            return redact(rows, operation, ledger)
        if isinstance(operation, Truncate):
            return self._truncate(rows, operation, ledger)
        if isinstance(operation, Sample):
            return sample(rows, operation, ledger)
        if isinstance(operation, Merge):
            return self._merge(rows, operation, ledger)
        if isinstance(operation, Convert):
            return self._convert(at, rows, operation, ledger)
        return split(rows, operation, ledger, self._pool)

    def _truncate(self, rows: Iterator[Row], operation: Truncate, ledger: Ledger) -> Iterator[Row]:
        model = operation.model or self._what.model
        profile = self._what.profile_of(model)
        counter = counter_for(profile.encoding, profile.tokenizer, compiled=self._compiled) if profile else None
        if profile is None or counter is None:
            raise PrepareFailed("tokens_unknown", f"the tokens of {model} can't be counted: name a model that is known")
        limit = operation.max_tokens or profile.max_example_tokens
        if limit is None:
            raise PrepareFailed("tokens_unknown", f"no limit of {model} is known: give `max_tokens`")
        yield from truncate(rows, operation, ledger, counter, limit)

    def _merge(self, rows: Iterator[Row], operation: Merge, ledger: Ledger) -> Iterator[Row]:
        yield from rows
        for name in operation.datasets:
            self.sources.append(name)
            for row in self._file(self._what.merged[name], len(self.sources) - 1):
                ledger.note("added", row, "merged", f"from {name}")
                yield row

    def _convert(self, at: int, rows: Iterator[Row], operation: Convert, ledger: Ledger) -> Iterator[Row]:
        if at:
            return convert((record_of(row) for row in rows), operation, ledger)
        return convert(ledger.entering(self._counted(records_in(self._what.source, operation))), operation, ledger)


class Output:
    """One dataset that is being written."""

    def __init__(self, stream: IO[bytes], measure: Measure, limit_bytes: int) -> None:
        self.measure = measure
        self.lines = self.added = self.changed = 0
        self._stream = stream
        self._limit = limit_bytes
        self._bytes = 0

    def write(self, rows: list[Row]) -> None:
        """Write rows and measure them. Raises PrepareFailed beyond the limit."""
        if not rows:
            return
        data = b"".join(row.text + b"\n" for row in rows)
        self._bytes += len(data)
        if self._bytes > self._limit:
            raise PrepareFailed("too_large", f"the result is larger than the {self._limit:,} bytes that are taken")
        self._stream.write(data)
        self.measure.take(rows)
        self.lines += len(rows)
        self.added += sum(row.source > 0 for row in rows)
        self.changed += sum(row.changed and not row.source for row in rows)
