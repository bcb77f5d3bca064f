"""An open model's tokenizer, by the library `tokenizers`: opened from the operator's file, never from a network."""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import metadata
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from service.check.lengths import TokenizerUnusable, UncountableText
from service.core.dataset.rules import RULES
from service.core.tokenizers import MOST_BYTES, OpenTokenizer

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_PIECE, _BATCH = 1 << 16, 1 << 17
"""Characters of one piece of text, and of all that are encoded at once: the library holds some 110 bytes for each
meanwhile (measured)."""

_WHOLE = 1 << 20
"""Characters that are encoded at once where a text has no place to cut it."""

_NEAR = (500, 337)
"""Characters on both sides of a place that show whether the text can be cut there: two lengths, lest a rhythm agree."""

_REACH, _TRIED = 2000, 150
Range = tuple[int, int]


class Places(NamedTuple):
    """Of one text: its tokens, and for each range of its characters the first token that holds some, and the end."""

    total: int
    ranges: list[Range]


class _Piece(NamedTuple):
    """A part of the text of that number. Its first tokens, `surplus` of them, are there for the cut alone."""

    text: int
    start: int
    characters: str
    surplus: int


class _Cut(NamedTuple):
    """Where a text ends and goes on: a blank may be left out between, which some tokenizers put before a text
    themselves; `surplus` tokens are such a blank where there was none."""

    at: int
    after: int
    surplus: int


class OpenTokens:
    """Counts as the tokenizer does by itself: what it was told to cut, to fill up or to add around a text is left out.

    Control tokens in a text are what they are to the library, and so to what trains with it: one token each.
    Texts must hold no lone surrogates. Any thread may count. Raises TokenizerUnusable.
    """

    def __init__(self, known: OpenTokenizer) -> None:
        self._tokenizer = _opened(known.file, known.sha256)
        self._controls = _controls(self._tokenizer)
        self.told = f"{type(self._tokenizer.model).__name__} of {self._tokenizer.get_vocab_size():,} tokens"

    @property
    def version(self) -> str:
        """The version of the library."""
        return metadata.version("tokenizers")

    def control_in(self, text: str) -> str | None:
        """Return a control token that stands in the text, one that no rule of the texts knows, or None."""
        found = None if self._controls is None else self._controls.search(text)
        return None if found is None else found[0]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text. Raises UncountableText."""
        counts = [0] * len(texts)
        for batch in _batches(self._pieces(texts)):
            for piece, encoding in zip(batch, self._encode([each.characters for each in batch]), strict=True):
                counts[piece.text] += len(encoding) - piece.surplus
        return counts

    def places(self, texts: Sequence[str], ranges: Sequence[Sequence[Range]]) -> list[Places]:
        """Return the tokens of each text, and which of them hold something of its ranges. Raises UncountableText."""
        found = [Places(0, []) for _ in texts]
        for batch in _batches(self._pieces(texts)):
            encoded = self._encode([each.characters for each in batch], placed=True)
            for piece, encoding in zip(batch, encoded, strict=True):
                found[piece.text] = _further(found[piece.text], piece, encoding, ranges[piece.text])
        return found

    def _encode(self, texts: list[str], *, placed: bool = False) -> "list[Encoding]":
        """Encode without Python's lock; only if `placed` it is told where the tokens stand."""
        encode = self._tokenizer.encode_batch if placed else self._tokenizer.encode_batch_fast
        try:
            return encode(texts, add_special_tokens=False)
        except BaseException as error:
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise UncountableText(f"the tokenizer gives up on a text: {str(error)[:200]}") from error
            raise

    def _pieces(self, texts: Sequence[str]) -> Iterator[_Piece]:
        for at, text in enumerate(texts):
            start, surplus, tried = 0, 0, _PIECE
            while len(text) - start > tried:
                cut = self._cut(text, start + tried)
                if cut is not None:
                    yield _Piece(at, start, text[start : cut.at], surplus)
                    start, surplus, tried = cut.after, cut.surplus, _PIECE
                elif tried >= _WHOLE:
                    raise UncountableText(f"the tokenizer sees a text of {len(text):,} characters as one word")
                else:
                    tried += _PIECE
            yield _Piece(at, start, text[start:], surplus)

    def _cut(self, text: str, least: int) -> _Cut | None:
        """Return where a text can be cut, from a place on: nothing that the tokenizer makes there reaches across."""
        near = range(least, min(least + _REACH, len(text)))
        blanks = (at for at in near if text[at].isspace())
        for at in chain(islice(blanks, _TRIED), islice(near, _TRIED)):
            for after in (at, at + 1) if text[at] == " " else (at,):
                surplus = {self._surplus(text, at, after, reach) for reach in _NEAR}
                if len(surplus) == 1 and (alike := surplus.pop()) is not None:
                    return _Cut(at, after, alike)
        return None

    def _surplus(self, text: str, at: int, after: int, reach: int) -> int | None:
        """Return how many tokens a text has more at its right side once it is cut there, None if all are others."""
        left, right = text[at - reach : at], text[after : after + reach]
        whole, before, behind = (each.ids for each in self._encode([left + text[at:after] + right, left, right]))
        surplus = len(before) + len(behind) - len(whole)
        return surplus if surplus in (0, 1) and whole == before + behind[surplus:] else None


@lru_cache(maxsize=2)
def _opened(file: str, sha256: str) -> "Tokenizer":
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise TokenizerUnusable("open tokenizers need an extra: pip install 'tunewright[open]'") from error
    try:
        with Path(file).open("rb") as stream:
            raw = stream.read(MOST_BYTES)
    except OSError as error:
        raise TokenizerUnusable(f"the model's tokenizer can't be read any more: {error.strerror}") from error
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise TokenizerUnusable("the model's tokenizer has changed since the start: start the service again")
    try:
        made = Tokenizer.from_buffer(raw)
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            told = f"the library `tokenizers` {metadata.version('tokenizers')} does not read the model's tokenizer"
            raise TokenizerUnusable(f"{told}: {str(error)[:200]}") from error
        raise
    made.no_truncation()
    made.no_padding()
    return made


def _controls(tokenizer: "Tokenizer") -> re.Pattern[str] | None:
    """Return what finds the control tokens that no rule of all texts looks for by itself."""
    rules = [each.compiled for each in RULES if each.code in ("control_token", "template_tokens") and not each.prose]
    tokens = [each.content for each in tokenizer.get_added_tokens_decoder().values() if each.special]
    unknown = {each for each in tokens if each.strip() and not any(rule.search(f"a {each} a") for rule in rules)}
    return (
        re.compile("|".join(map(re.escape, sorted(unknown, key=lambda each: (-len(each), each))))) if unknown else None
    )


def _batches(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    held: list[_Piece] = []
    size = 0
    for piece in pieces:
        if held and size + len(piece.characters) > _BATCH:
            yield held
            held, size = [], 0
        held.append(piece)
        size += len(piece.characters)
    if held:
        yield held


def _further(before: Places, piece: _Piece, encoding: "Encoding", ranges: Sequence[Range]) -> Places:
    """Return a text's places with those in its next piece; tokens stand in order there."""
    offsets = encoding.offsets[piece.surplus :]
    starts, ends = [start for start, _ in offsets], [end for _, end in offsets]
    placed = list(before.ranges)
    for at, (low, high) in enumerate(ranges):
        first = before.total + bisect_right(ends, low - piece.start)
        end = before.total + bisect_left(starts, high - piece.start)
        new = (first, max(first, end))
        if at == len(placed):
            placed.append(new)
        elif end > before.total:
            is_begun = placed[at][0] < placed[at][1]
            placed[at] = (placed[at][0], new[1]) if is_begun else new
    return Places(before.total + len(offsets), placed)
