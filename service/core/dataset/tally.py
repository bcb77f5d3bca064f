"""Token figures of many examples in memory that depends on how long they are, not on how many."""

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from itertools import chain, compress

from service.core.dataset.report import HistogramBin, PerExample, Tokens

_BINS = 20
_LONGEST = 10
_ENOUGH, _MANY = 10, 20
_SHORT = 100
_TIMES = 10


class TokenTally:
    """Adds up examples. `limit` is the length at which the trainer cuts, None where it is not known."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lengths: Counter[int] = Counter()
        self._longest: list[tuple[int, int]] = []
        self.total = self.billable = self.trained = self.over = 0

    def add_all(self, lengths: Sequence[int], trained: int) -> None:
        """Take in examples of which none exceeds the limit: their lengths, and the tokens that they train together."""
        self._lengths.update(lengths)
        total = sum(lengths)
        self.total += total
        self.billable += total
        self.trained += trained

    def fits(self, length: int) -> bool:
        """Whether an example of that length is not cut."""
        return self.limit is None or length <= self.limit

    def add(self, counts: Sequence[int], leads: Sequence[int], trained: Sequence[bool]) -> tuple[int, bool]:
        """Take in one example; return its length, and whether a cut leaves nothing of what it would teach."""
        length = sum(counts) + sum(leads)
        if self.limit is None or length <= self.limit:
            self.add_all((length,), sum(compress(counts, trained)))
            return length, False
        self._lengths[length] += 1
        self.total += length
        self.over += 1
        self.billable += self.limit
        left = self._trained_before_cut(counts, leads, trained, self.limit)
        self.trained += left
        return length, left == 0 and any(compress(counts, trained))

    def note_longest(self, lengths: Sequence[int], lines: Sequence[int]) -> None:
        """Keep in mind which lines hold the longest examples."""
        if lengths and (len(self._longest) < _LONGEST or max(lengths) > self._longest[-1][0]):
            pairs = chain(self._longest, zip(lengths, lines, strict=True))
            self._longest = nsmallest(_LONGEST, pairs, key=lambda pair: (-pair[0], pair[1]))

    def outliers(self) -> Iterator[tuple[int, int, int]]:
        """Yield line and length of examples ten times as long as nearly all are at most, and what that is."""
        number = self.examples
        if number < _ENOUGH:
            return
        usual = _percentile(sorted(self._lengths.items()), number, 0.95 if number >= _MANY else 0.9)
        for length, line in self._longest:
            if length >= _TIMES * max(usual, _SHORT):
                yield line, length, usual

    @staticmethod
    def _trained_before_cut(counts: Sequence[int], leads: Sequence[int], trained: Sequence[bool], limit: int) -> int:
        at = left = 0
        for count, lead, bears_loss in zip(counts, leads, trained, strict=True):
            at += lead
            if bears_loss:
                left += max(0, min(count, limit - at))
            at += count
        return left

    @property
    def examples(self) -> int:
        return self._lengths.total()

    def tokens(self, encoding: str, *, learns: bool) -> Tokens | None:
        """Return the figures, None where nothing was counted; `learns` is False for forms without a target text."""
        if not self._lengths:
            return None
        lengths = sorted(self._lengths.items())
        number = self.examples
        return Tokens(
            encoding=encoding,
            total=self.total,
            billable=self.billable,
            trained=self.trained if learns else None,
            per_example=PerExample(
                min=lengths[0][0],
                p5=_percentile(lengths, number, 0.05),
                p50=_percentile(lengths, number, 0.5),
                mean=round(self.total / number, 2),
                p95=_percentile(lengths, number, 0.95),
                max=lengths[-1][0],
            ),
            histogram=_histogram(lengths, number),
        )


def _percentile(lengths: Sequence[tuple[int, int]], number: int, share: float) -> int:
    """Return the smallest length that at least `share` of the examples do not exceed (nearest rank)."""
    rank = max(1, -(-int(share * 100) * number // 100))
    for length, count in lengths:
        rank -= count
        if rank <= 0:
            return length
    return lengths[-1][0]


def _histogram(lengths: Sequence[tuple[int, int]], number: int) -> tuple[HistogramBin, ...]:
    """Return bins of one round width up to the 99th percentile, and one for the rest."""
    low, high = lengths[0][0], _percentile(lengths, number, 0.99)
    width = _round_width((high - low + 1) / _BINS)
    start = low // width * width
    bins: Counter[int] = Counter()
    beyond = 0
    for length, count in lengths:
        if length > high:
            beyond += count
        else:
            bins[(length - start) // width] += count
    made = [
        HistogramBin(low=start + at * width, high=start + (at + 1) * width - 1, count=bins[at])
        for at in range(max(bins) + 1)
    ]
    if beyond:
        edge = made[-1].high + 1
        inside = sum(count for length, count in lengths if high < length < edge)
        made[-1] = HistogramBin(low=made[-1].low, high=made[-1].high, count=made[-1].count + inside)
        if beyond > inside:
            made.append(HistogramBin(low=edge, high=lengths[-1][0], count=beyond - inside))
    return tuple(made)


def _round_width(width: float) -> int:
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= width:
                return step * scale
        scale *= 10
