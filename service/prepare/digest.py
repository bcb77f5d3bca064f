"""Rows as the checker sees them: the one place that feeds them to its split check."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from types import TracebackType
from typing import NamedTuple, Self

from service.check.compiled import native
from service.check.duplicates import ContextIndex
from service.check.elide import LONG, elide
from service.check.near import LOOKED_AT, NearIndex
from service.check.plain import Plain, PlainReaders
from service.check.reader import Block
from service.check.search import search_for_rules
from service.check.split import SplitCheck
from service.check.work import Work
from service.core.catalogue import Method
from service.core.dataset.codes import CODES
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import FindingLog
from service.prepare.rows import Row

_BATCH_BYTES, _BATCH_ROWS = 1 << 20, 5_000
_FORMS = ("chat", "preference", "reinforcement", "completion")


class Fault(NamedTuple):
    """An error of one row: the code, and the checker's sentence."""

    code: str
    message: str


class Digest:
    """Looks at rows as one split, numbered from 0. `faults` holds the errors of the last batch by row.

    Without `judging` texts are not searched for control tokens and the like. With `near` the rows are also compared for
    near duplicates, the first 20,000 of them.
    """

    def __init__(
        self, pool: Executor, *, encoding: str = "o200k_base", method: Method = "supervised", near: bool = False,
        judging: bool = False,
    ) -> None:  # fmt: skip
        self.encoding = encoding
        self.faults: dict[int, Fault] = {}
        self.contexts = ContextIndex()
        self.near = NearIndex(pool, LOOKED_AT if near else 0)
        self._readers = None if native is None else PlainReaders(None, judging=judging)
        profile = CheckProfile(
            model="any", method=method, encoding=encoding, max_example_tokens=None, min_examples=0, formats=_FORMS
        )
        search = search_for_rules() if judging else None
        self._split = SplitCheck("training", profile, _Faults(self.faults), self.contexts, self.near, search)
        self.first = 0
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.contexts.__exit__(kind, error, trace)

    @property
    def form(self) -> str | None:
        """The form of the lines, None before the first batch."""
        return self._split.form

    def take(self, lines: Sequence[bytes]) -> Work:
        """Look at the next rows, `first` and those behind it; `lines` of what is returned count from 1."""
        self.faults.clear()
        self.first = self._next
        self._next += len(lines)
        block = block_of(self.first + 1, lines)
        if self._split.form is None:
            block = self._split.begin(block)
        plain = self._readers.read(block) if self._readers is not None and self._split.takes_plain else None
        work = self._judged(block, plain)
        if plain is not None:
            plain.into(work)
        return work

    def take_again(self, line: bytes) -> Fault | None:
        """Judge another writing of a row of the last batch, on its own; return its error."""
        again = dict(self.faults)
        self.faults.clear()
        self._judged(block_of(1 << 40, [line]), None)
        fault = next(iter(self.faults.values()), None)
        self.faults.clear()
        self.faults.update(again)
        return fault

    def _judged(self, block: Block, plain: Plain | None) -> Work:
        work = self._split.examine(block, plain)
        self._split.search_now(work.heard)
        return work


class _Faults(FindingLog):
    """Takes down each row's first error, and nothing else."""

    def __init__(self, faults: dict[int, Fault]) -> None:
        super().__init__()
        self._faults = faults

    def add(
        self,
        code: str,
        message: str,
        *,
        file: str,
        line: int | None = None,
        path: str | None = None,
        related: tuple[int, ...] = (),
    ) -> None:
        del file, path, related
        if line is not None and CODES[code].severity == "error":
            self._faults.setdefault(line - 1, Fault(code, message))


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows in batches of about a megabyte."""
    held: list[Row] = []
    size = 0
    for row in rows:
        held.append(row)
        size += len(row.data or b"")
        if size >= _BATCH_BYTES or len(held) >= _BATCH_ROWS:
            yield held
            held, size = [], 0
    if held:
        yield held


def block_of(first: int, lines: Sequence[bytes]) -> Block:
    """Return lines as the checker takes them, the images of long ones taken out."""
    return Block(first, b"\n".join(elide(line) if len(line) > LONG else line for line in lines))
