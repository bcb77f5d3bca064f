"""Exact token counts, by tiktoken or by an accelerator that has to prove itself equal to it. No network, ever."""

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

import tiktoken

from service.check.vocab import read_tokens

try:
    import toktok  # pyright: ignore[reportMissingTypeStubs]
except ImportError:  # no wheel for this platform: tiktoken counts alone
    toktok: ModuleType | None = None

RECOUNTED, RECOUNTED_LATER, SURE_AFTER = 0.01, 0.001, 100_000
"""Share of the texts that tiktoken counts again behind the accelerator, at first and after so many texts."""

WORTH_IT = 4_000_000
"""Characters that tiktoken counts before the accelerator is loaded, which takes half a second: as long as these do."""

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
_FIXTURE = (
    "",
    " ",
    "\n\n \t\r\n",
    "Hello, world! It's 12,345.67 o'clock; we'LL see.",
    "def f(x):\n\treturn {'a': [x ** 2 for _ in range(10)]}\n\n\n",
    "東京は日本の首都です。誕生日おめでとう！ 안녕하세요 Привет, как дела? مرحبا नमस्ते",
    "👩‍👩‍👧‍👦 é é ﬁ ① \u200b\u202e\ufeff ñ",
    "<|endoftext|><|im_start|>user\n[INST] {{x}} </s>",
    "a" * 300 + " " * 300 + "-" * 300 + "\n" * 300,
    "CamelCaseHTTPServer snake_case_name 0xDEADBEEF https://example.org/a?b=c&d=%20",
)


SAME_TEXT = {"o200k_harmony": "o200k_base"}
"""Encodings that differ from a shipped one in special tokens only: ordinary text counts alike."""


class AcceleratorDiffers(Exception):
    """The accelerator and tiktoken disagree on a text: count the whole report again without it."""


class UncountableText(Exception):
    """tiktoken gave up on a text (a Rust panic, which Python sees as no Exception)."""


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

    Many texts are counted by an accelerator, and a random share of each batch again by tiktoken; AcceleratorDiffers is
    raised at the first difference, and `accelerated=False` then gives a counter that is tiktoken alone. Any thread
    may count, one verifies. Texts must hold no lone surrogates and no more than SAFE_RUN blanks in a row.
    """

    def __init__(self, encoding: str, *, accelerated: bool = True, seed: int = 0) -> None:
        self.encoding = encoding
        self._reference = load_encoding(encoding)
        self._fast: Any | None = None
        self._left = WORTH_IT if accelerated else None
        self._random = random.Random(seed)
        self._verified = 0

    @property
    def accelerator(self) -> str | None:
        """Name and version of the accelerator in use, None where tiktoken counts alone."""
        return f"toktok-rs {_version('toktok-rs')}" if self._fast is not None else None

    def count(self, text: str) -> int:
        """Return the number of tokens of one text."""
        return self.count_many((text,))[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Return one number a text, in order."""
        counts = self.count_unverified(texts)
        self.verify(texts, counts)
        return counts

    def count_unverified(self, texts: Sequence[str]) -> list[int]:
        """Return one number a text, in order; each distinct text is counted once. What counts has to be verified."""
        distinct = list(dict.fromkeys(texts))
        if max(map(len, distinct), default=0) > _PIECE:
            counts = [sum(self._count(_pieces(text))) for text in distinct]
        else:
            counts = self._count(distinct)
        return list(map(dict(zip(distinct, counts, strict=True)).__getitem__, texts))

    def _count(self, texts: list[str]) -> list[int]:
        if self._fast is None and (left := self._left) is not None:
            self._left = left - sum(map(len, texts))
            if self._left < 0:
                self._fast, self._left = _accelerator(self.encoding), None
        return self._count_by_reference(texts) if self._fast is None else self._fast.count_batch(texts, 1, False)

    def verify(self, texts: Sequence[str], counts: Sequence[int]) -> None:
        """Count a random share again with tiktoken, if it was not tiktoken that counted; raise AcceleratorDiffers.

        Not for a thread beside a busy one: every text would wait for Python's lock (5 ms, measured).
        """
        if self._fast is None:
            return
        share = RECOUNTED if self._verified < SURE_AFTER else RECOUNTED_LATER
        self._verified += len(texts)
        again = [at for at in range(len(texts)) if self._random.random() < share]
        if any(sum(self._count_by_reference(_pieces(texts[at]))) != counts[at] for at in again):
            raise AcceleratorDiffers(f"{self.accelerator} and tiktoken count a text differently ({self.encoding})")

    def _count_by_reference(self, texts: list[str]) -> list[int]:
        encode = self._reference.encode_ordinary
        try:
            return [len(encode(text)) for text in texts]
        except BaseException as error:
            if type(error).__name__ == "PanicException":
                raise UncountableText(f"tiktoken gave up on a text ({self.encoding})") from error
            raise


def _pieces(text: str) -> list[str]:
    """Return a long text in pieces that have as many tokens together: either tokenizer holds the tokens of a whole one
    in memory, 24 times the text's size (measured)."""
    pieces: list[str] = []
    start = 0
    while len(text) - start > _PIECE and (seam := _SEAM.search(text, start + _PIECE)) is not None:
        pieces.append(text[start : seam.start()])
        start = seam.start()
    return [*pieces, text[start:]] if start else [text]


@cache
def _accelerator(encoding: str) -> Any | None:
    """Return toktok's tokenizer if it counts the fixture exactly as tiktoken does, else None."""
    if toktok is None or encoding not in ("o200k_base", "cl100k_base"):
        return None
    tokenizer: Any = toktok._encoding(encoding)  # the public batch_count pays a dict look-up and a copy a batch
    reference = load_encoding(encoding)
    expected = [len(reference.encode_ordinary(text)) for text in _FIXTURE]
    return tokenizer if tokenizer.count_batch(list(_FIXTURE), 1, False) == expected else None


def counter_for(encoding: str, *, accelerated: bool = True) -> TokenCounter | None:
    """Return a counter for a model's encoding, or None where no vocabulary for it is shipped."""
    name = SAME_TEXT.get(encoding, encoding)
    return TokenCounter(name, accelerated=accelerated) if name in _DEFINITIONS else None


@cache
def _version(package: str) -> str:
    return metadata.version(package)


def versions(counter: TokenCounter | None) -> dict[str, str | None]:
    """Return what counted, for the report."""
    if counter is None:
        return {"tiktoken": None, "accelerator": None}
    return {"tiktoken": _version("tiktoken"), "accelerator": counter.accelerator}
