"""Exact token counts: compiled, and some counted again by tiktoken, or by tiktoken alone. No network, ever."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import metadata
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import tiktoken

from service.check.compiled import native, vocabulary
from service.check.lengths import Lengths, TextCounter, UncountableText
from service.check.open_counter import OpenCounter
from service.check.vocab import read_tokens
from service.core.dataset.spans import Spans
from service.core.tokenizers import OpenTokenizer

if TYPE_CHECKING:
    from service.check import _native

RECOUNTED = 0.001
"""Share of the texts that tiktoken counts again."""

WORTH_IT = 4_000_000
"""Tokens from which on some are counted again: tiktoken takes half a second and 50 MB to load."""

SAFE_RUN = 100_000
"""Whitespace characters in a row beyond which tiktoken 0.14 may panic (measured at 1,000,000 with o200k_base)."""

_PIECE = 1 << 20
_SEAM = re.compile("(?<=[A-Za-z0-9])(?= [A-Za-z0-9])")
"""Where no token of either encoding reaches across: a word or number ends, and one blank leads to the next."""

_LETTER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_SMALL = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_DEFINITIONS: dict[str, tuple[str, dict[str, int]]] = {  # from tiktoken_ext/openai_public.py; a test compares
    "o200k_base": (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_LETTER}*{_SMALL}+{_ENDING}|[^\r\n\p{{L}}\p{{N}}]?{_LETTER}+{_SMALL}*{_ENDING}"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        {
            "<|endoftext|>": 100257,
            "<|fim_prefix|>": 100258,
            "<|fim_middle|>": 100259,
            "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
}
SAME_TEXT = {"o200k_harmony": "o200k_base"}
"""Encodings that differ from a shipped one in special tokens only: ordinary text counts alike."""


class CountsDiffer(Exception):
    """The compiled counter and tiktoken disagree on a text: count the whole report again by tiktoken."""


@cache
def load_encoding(name: str) -> tiktoken.Encoding:
    """Return tiktoken's own encoding `name`, built from the vocabulary shipped here.

    Neither disk cache nor environment nor network is touched. Raises KeyError for an unknown name and
    VocabularyDamaged; costs about 0.6 s and 50 MB for o200k_base, once a process. It can't be pickled.
    """
    pattern, special_tokens = _DEFINITIONS[name]
    ranks = {token: rank for rank, token in enumerate(read_tokens(name))}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens=special_tokens)
    encoding._mergeable_ranks = {}  # pyright: ignore[reportPrivateUsage]  # for pickling alone, a third of its memory
    return encoding


class TokenCounter:
    """Counts the tokens of texts as ordinary text: special tokens have no meaning inside them.

    Where there is a compiled counter it counts, and tiktoken counts a random share again once there were many:
    CountsDiffer is raised at the first difference, and `compiled=False` then gives a counter that is tiktoken alone.
    Any thread may count, one verifies. Texts must hold no lone surrogates and no more than SAFE_RUN blanks in a row.
    """

    def __init__(self, encoding: str, *, compiled: bool = True, seed: int = 0) -> None:
        self.encoding = encoding
        self.compiled = compiled and native is not None
        self._idle: SimpleQueue[_native.Counter] = SimpleQueue()
        self._random = random.Random(seed)
        self._counted = self._skipped = 0

    def count(self, text: str) -> int:
        """Return the number of tokens of one text."""
        return self.count_many((text,))[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return one number a text, in order."""
        counts = self.count_unverified(texts)
        self.verify(counts, texts.__getitem__)
        return counts

    def count_together(self, texts: Sequence[str]) -> int:
        """Return the number of tokens of all texts."""
        return sum(self.count_many(texts))

    def count_unverified(self, texts: Sequence[str]) -> list[int]:
        """Return one number a text, in order; each distinct text is counted once. They have to be verified."""
        distinct = list(dict.fromkeys(texts))
        if native is None or not self.compiled:
            counts = [sum(self._count_by_reference(_pieces(text))) for text in distinct]
        else:
            try:
                counter = self._idle.get_nowait()
            except Empty:
                counter = native.Counter(vocabulary(self.encoding))
            counts = counter.count(distinct)
            self._idle.put(counter)
        return list(map(dict(zip(distinct, counts, strict=True)).__getitem__, texts))

    def measure(self, spans: Spans, ends: Sequence[int]) -> Lengths:
        """Count examples; see lengths.TextCounter."""
        return Lengths(self.count_unverified(spans.texts), spans.leads, spans.trained, ends)

    def confirm(self, lengths: Lengths, spans: Spans) -> None:
        """Verify what was measured."""
        self.verify(lengths.counts, spans.texts.__getitem__)

    def versions(self) -> dict[str, str | None]:
        """Return what counted: `accelerator` is this project's own counter, None where tiktoken did."""
        return {
            "tiktoken": _version("tiktoken"),
            "accelerator": f"tunewright {_version('tunewright')}" if self.compiled else None,
        }

    def verify(self, counts: Sequence[int], text: Callable[[int], str]) -> None:
        """Count a random share again with tiktoken, if it was not tiktoken that counted; raise CountsDiffer.

        `text` returns the text of a count by its place. Not for a thread beside a busy one: every text would wait for
        Python's lock (5 ms, measured).
        """
        if not self.compiled:
            return
        if self._counted < WORTH_IT:
            self._counted += sum(counts)
            return
        for at in self._some(len(counts)):
            if sum(self._count_by_reference(_pieces(text(at)))) != counts[at]:
                raise CountsDiffer(f"the compiled counter and tiktoken count a text differently ({self.encoding})")

    def _some(self, number: int) -> Iterator[int]:
        """Yield a random share of the numbers below one."""
        at = self._skipped
        while at < number:
            yield at
            at += 1 + int(self._random.expovariate(RECOUNTED))
        self._skipped = at - number

    def _count_by_reference(self, texts: list[str]) -> list[int]:
        encode = load_encoding(self.encoding).encode_ordinary
        try:
            return [len(encode(text)) for text in texts]
        except BaseException as error:
            if type(error).__name__ == "PanicException":
                raise UncountableText(f"tiktoken gave up on a text ({self.encoding})") from error
            raise


def _pieces(text: str) -> list[str]:
    """Return a long text in pieces that have as many tokens together: tiktoken holds the tokens of a whole one in
    memory, 24 times the text's size (measured)."""
    pieces: list[str] = []
    start = 0
    while len(text) - start > _PIECE and (seam := _SEAM.search(text, start + _PIECE)) is not None:
        pieces.append(text[start : seam.start()])
        start = seam.start()
    return [*pieces, text[start:]] if start else [text]


def counter_for(encoding: str, tokenizer: OpenTokenizer | None = None, *, compiled: bool = True) -> TextCounter | None:
    """Return a counter for a model's encoding, or None where no vocabulary for it is shipped.

    An open model has a `tokenizer` of its own: TokenizerUnusable is raised where it can't count.
    """
    if tokenizer is not None:
        return OpenCounter(tokenizer)
    name = SAME_TEXT.get(encoding, encoding)
    return TokenCounter(name, compiled=compiled) if name in _DEFINITIONS else None


@cache
def _version(package: str) -> str:
    return metadata.version(package)


def versions(counter: TextCounter | None) -> dict[str, str | None]:
    """Return what counted, for the report."""
    return {"tiktoken": None, "accelerator": None} if counter is None else counter.versions()
