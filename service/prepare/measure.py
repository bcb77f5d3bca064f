"""Measures the shape of a file while its rows pass: lengths in tokens, class labels, languages."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from types import TracebackType
from typing import Self

from service.check.lengths import TextCounter
from service.check.work import Work
from service.core.dataset.languages import language_of
from service.core.dataset.report import HistogramBin
from service.core.dataset.tally import TokenTally
from service.core.prepare.diff import Figures
from service.prepare.digest import Digest, batches
from service.prepare.labels import Labels
from service.prepare.rows import Row

_SHOWN = 200


class Measure:
    """Takes in batches of rows; without a counter there are no lengths."""

    def __init__(self, pool: Executor, counter: TextCounter | None) -> None:
        self._digest = Digest(pool, encoding=counter.encoding if counter else "unknown")
        self._counter = counter
        self._tally = TokenTally(None)
        self._bins: Counter[int] = Counter()
        self._labels = Labels()
        self._languages: Counter[str] = Counter()
        self._examples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._digest.__exit__(kind, error, trace)

    def passing(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Measure rows on their way; those too long to be carried are passed on unseen."""
        for batch in batches(rows):
            self.take(batch)
            yield from batch

    def take(self, batch: list[Row]) -> None:
        """Measure a batch."""
        work = self._digest.take([row.data for row in batch if row.data is not None])
        self._examples += len(work.lines)
        self._labels.add([each.answer for each in work.said])
        self._languages.update(language_of(each.answer) or "not sure" for each in work.said if each.answer)
        if self._counter is not None and work.ends:
            self._count(self._counter, work)

    def _count(self, counter: TextCounter, work: Work) -> None:
        found = counter.measure(work.spans, work.ends)
        counter.confirm(found, work.spans)
        lengths = found.totals
        self._tally.add_all(lengths, 0)
        self._bins.update(length.bit_length() for length in lengths)

    def figures(self, *, labelled: bool = False) -> Figures:
        """Return what was measured; bins are powers of two, so that two files have the same ones.

        `labelled` says that answers are class labels, which few examples alone do not show.
        """
        tokens = self._tally.tokens(self._digest.encoding, learns=False)
        bins = tuple(
            HistogramBin(low=(1 << bits) >> 1, high=(1 << bits) - 1, count=self._bins[bits])
            for bits in sorted(self._bins)
        )
        labels = self._labels.counts(surely=labelled)
        return Figures(
            examples=self._examples,
            tokens=tokens.per_example if tokens else None,
            histogram=bins,
            labels=None if labels is None else _commonest(Counter(labels)),
            languages=_commonest(self._languages),
        )


def _commonest(counts: Counter[str]) -> dict[str, int]:
    """Return the 200 commonest by number, then name; what is left stands together under `(other)`."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ranked[_SHOWN:])
    return dict(ranked[:_SHOWN]) | ({"(other)": rest} if rest else {})
