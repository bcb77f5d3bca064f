"""What counting gives, whoever counts: a counter with a shipped vocabulary, or an open model's own tokenizer."""

from collections.abc import Sequence
from itertools import accumulate
from operator import add
from typing import NamedTuple, Protocol

from service.core.dataset.spans import Spans


class UncountableText(Exception):
    """The tokenizer gave up on a text (a Rust panic, which Python sees as no Exception, among others)."""


class TokenizerUnusable(Exception):
    """An open tokenizer can't count at all. The message names no file: clients may read it."""


class Control(NamedTuple):
    """A control token of the model that stands in a text: the example, where in its line, and the token."""

    example: int
    path: str | None
    token: str


class Lengths(NamedTuple):
    """The rows of many examples, counted: example i has those from `ends[i-1]` up to `ends[i]`, each with `leads` fixed
    tokens before it; `trained` bears loss.

    `estimated` examples have fixed tokens that are not the model's own, `untold` answers are not where the template was
    to write them.
    """

    counts: Sequence[int]
    leads: Sequence[int]
    trained: Sequence[bool]
    ends: Sequence[int]
    controls: Sequence[Control] = ()
    estimated: int = 0
    untold: int = 0

    @property
    def starts(self) -> list[int]:
        """Where the rows of each example begin."""
        return [0, *self.ends[:-1]] if self.ends else []

    @property
    def totals(self) -> list[int]:
        """The tokens of each example."""
        sums = list(accumulate(map(add, self.counts, self.leads), initial=0))
        return [sums[end] - sums[start] for start, end in zip(self.starts, self.ends, strict=True)]


class TextCounter(Protocol):
    """Counts tokens. `encoding` is how its counts are named."""

    @property
    def encoding(self) -> str: ...

    def count(self, text: str) -> int:
        """Return the number of tokens of one text."""
        ...

    def measure(self, spans: Spans, ends: Sequence[int]) -> Lengths:
        """Count examples, of which each has the texts up to its end, in any thread. It has to be confirmed."""
        ...

    def confirm(self, lengths: Lengths, spans: Spans) -> None:
        """Take note of what was measured, in one thread; raise CountsDiffer where it turns out to be wrong."""
        ...

    def versions(self) -> dict[str, str | None]:
        """Return what counted, and how, for the report."""
        ...
