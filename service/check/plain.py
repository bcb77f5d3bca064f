"""The way most chat lines go: an optional system message, then user and assistant in turn, a text each, some answers
with a weight.

Compiled readers take these in, exactly as the long way through `SplitCheck` would, which takes what they leave.
"""

from collections.abc import Container, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from service.check.compiled import HEARD, native, rules_in, searching, tongues, vocabulary
from service.check.ends import Ends, Opening
from service.check.reader import Block
from service.check.work import Work
from service.core.dataset.endings import CLOSED
from service.core.dataset.foreign import UNTOLD, Answered, LanguagePair
from service.core.dataset.rules import TextRule
from service.core.dataset.spans import PER_EXAMPLE, PER_MESSAGE
from service.core.dataset.texts import BLANKS, Voice
from service.core.dataset.tongue_words import COMMON

if TYPE_CHECKING:
    from service.check import _native

BRIEF, CLOSES, OPEN = range(3)
"""How an answer ends: it is short, or a mark closes it, or neither."""

_UNCLEAR, _NO_LANGUAGE, _LANGUAGES = range(3)
"""The language of a text: it is to be found out, or none that counts, or what is left is its number."""

_ANSWERED, _ASKED = ("", "", *COMMON), (UNTOLD, None, *COMMON)

_EXAMPLE = np.dtype(
    [
        *((name, np.int32) for name in ("line", "texts", "tokens", "trained")),
        ("instructed", np.uint8),
        ("ending", np.uint8),
        *((name, np.int64) for name in ("context", "target", "before", "system")),
    ],
    align=True,
)
_TEXT = np.dtype([(name, np.int32) for name in ("start", "size", "tokens", "trained")])
_SUSPECT = np.dtype([("example", np.int32), ("text", np.int32), ("low", np.uint64), ("high", np.uint64)])
_LEFT = np.dtype([(name, np.int32) for name in ("line", "start", "end")])
"""Rows of native/lines.h."""

Column = npt.NDArray[Any]


class Suspect(NamedTuple):
    """A text that may break rules: its example in the block, where it stands in the line, and the rules."""

    example: int
    path: str
    text: str
    rules: Sequence[TextRule]


class Plain:
    """The plain chat lines of a block. Examples and texts are numbered from 0."""

    def __init__(self, found: "_native.Found", block: Block) -> None:
        self._found = found
        self._block = block
        self.table: Column = np.frombuffer(found.examples, _EXAMPLE)
        self.texts: Column = np.frombuffer(found.texts, _TEXT)
        self.lines: npt.NDArray[np.int64] = self.table["line"] + np.int64(block.first)
        self.ends: list[int] = self.table["texts"].tolist()

    def __len__(self) -> int:
        return len(self.table)

    def languages(self) -> tuple[dict[LanguagePair, list[int]], list[int]]:
        """Return the examples by the languages of answer and question, and those whose answer's is to be found out."""
        answers = np.frombuffer(tongues().answers(self._found), np.uint8)
        questions = np.frombuffer(tongues().questions(self._found), np.uint8)
        known = np.flatnonzero(answers >= _LANGUAGES)
        pairs = answers[known].astype(np.int64) << 8 | questions[known]
        told = {(_ANSWERED[pair >> 8], _ASKED[pair & 255]): some for pair, some in _grouped(pairs, known)}
        return told, np.flatnonzero(answers == _UNCLEAR).tolist()

    def text(self, at: int) -> str:
        """Return a text by its number."""
        return self._found.text(at)

    def answer(self, example: int) -> str:
        """Return what an example teaches last."""
        return self.text(self.ends[example] - 1)

    def exchanges(self, examples: Iterable[int]) -> Iterator[tuple[int, str, str]]:
        """Yield line, last question and answer of some examples."""
        for at in examples:
            yield int(self.lines[at]), self.text(self.ends[at] - 2), self.text(self.ends[at] - 1)

    def answered(self, examples: Iterable[int]) -> Iterator[Answered]:
        """Yield line, system prompt ("" without one), last question and answer of some examples."""
        for at in examples:
            line, question, answer = next(self.exchanges((at,)))
            yield line, self.text(self.texts_of(at).start) if self.table["instructed"][at] else "", question, answer

    def brief(self, characters: int) -> list[int]:
        """Return the examples whose answers have so many characters at most."""
        sizes = self.texts["size"][self.table["texts"] - 1]
        few: list[int] = np.flatnonzero(sizes <= characters * 4).tolist()
        return [at for at in few if len(self.answer(at)) <= characters]

    def texts_of(self, example: int) -> range:
        """Return the numbers of an example's texts."""
        return range(self.ends[example - 1] if example else 0, self.ends[example])

    def layout(self, example: int) -> tuple[list[int], list[bool]]:
        """Return the fixed tokens before each of an example's texts, and which of them bear loss."""
        texts = self.texts_of(example)
        leads = [PER_MESSAGE + PER_EXAMPLE * (at == 0) for at in range(len(texts))]
        return leads, (self.texts["trained"][texts.start : texts.stop] != 0).tolist()

    def said(self, *, openings: bool = False) -> Iterator[tuple[int, Ends]]:
        """Yield the ends of each example by line, without its system prompt, and without its opening unless these are
        asked for."""
        text, start = self.text, 0
        columns = (self.table["before"].view(np.uint64), self.table["instructed"], self.table["texts"], self.lines)
        for before, instructed, end, line in zip(*(each.tolist() for each in columns), strict=True):
            first, start = start + instructed, end
            alone = end - first == 2
            opening = Opening(*map(text, range(first, first + 3))) if openings and not alone else None
            yield line, Ends("", text(end - 2), text(end - 1), before, alone, opening)

    def groups(self, column: str) -> Iterator[tuple[int, list[int]]]:
        """Yield each number in a column with the lines that have it."""
        yield from _grouped(self.table[column].view(np.uint64), self.lines)

    def labels(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each answer with the lines that have it."""
        targets: list[int] = self.table["target"].view(np.uint64).tolist()
        first = {target: len(targets) - 1 - at for at, target in enumerate(reversed(targets))}
        for target, lines in self.groups("target"):
            yield self.answer(first[target]), lines

    def suspects(self, but_for: Container[str] = ()) -> Iterator[Suspect]:
        """Yield the texts that may break rules, but for rules of these codes that only count where they are rare."""
        for example, text, low, high in np.frombuffer(self._found.suspects, _SUSPECT).tolist():
            rules = rules_in(low | high << 64)
            if but_for:
                rules = [rule for rule in rules if not (rule.rare and rule.code in but_for)]
            if rules:
                at = text - self.texts_of(example).start
                yield Suspect(example, f"messages[{at}].content", self.text(text), rules)

    def left(self) -> Iterator[tuple[int, bytes]]:
        """Yield the other lines, by number in the file, and their bytes."""
        raw, first = self._block.raw, self._block.first
        for line, start, end in np.frombuffer(self._found.left, _LEFT).tolist():
            yield first + line, raw[start:end]

    def texts_into(self, work: Work) -> None:
        """Add all examples to what is to be counted of a block, and to nothing else."""
        for example, line in enumerate(self.lines.tolist()):
            leads, trained = self.layout(example)
            roles = ["system"] if self.table["instructed"][example] else []
            roles += ["user", "assistant"] * ((len(trained) - len(roles)) // 2)
            work.spans.extend([self.text(at) for at in self.texts_of(example)], leads, trained, roles)
            work.lines.append(line)
            work.ends.append(len(work.spans.texts))

    def into(self, work: Work) -> None:
        """Add all examples to a block's work, as if they had been looked at one by one."""
        self.texts_into(work)
        work.said.extend(said for _, said in self.said())
        work.keys.contexts.extend(self.table["context"].view(np.uint64).tolist())
        work.keys.targets.extend(self.table["target"].view(np.uint64).tolist())
        work.keys.lines.extend(self.lines.tolist())


def _grouped(numbers: Column, items: Column) -> Iterator[tuple[int, list[int]]]:
    """Yield each number with the items that have it, these in their order."""
    order = np.argsort(numbers, kind="stable")
    numbers, items = numbers[order], items[order]
    firsts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: len(items)])
    for first, end in pairwise((*firsts.tolist(), len(items))):
        yield int(numbers[first]), items[first:end].tolist()


_CLOSING = "".join(sorted(CLOSED))


class PlainReaders:
    """Reads blocks, one in each thread that asks, or several in threads of its own.

    With an `encoding` tokens are counted as lines are read, else `tokens` holds what stands between the texts alone and
    `trained` nothing; unless lines are to be judged no text is suspected.
    """

    def __init__(self, encoding: str | None, *, judging: bool = True) -> None:
        voices: tuple[Voice, Voice, Voice] = ("system", "turn", "answer")
        system, turn, answer = (HEARD[voice] if judging else 0 for voice in voices)
        self._heard = (system, turn, answer)
        self._vocabulary = None if encoding is None else vocabulary(encoding)
        self._idle = _idle(encoding)

    def read(self, block: Block) -> Plain:
        """Take the plain lines of a block."""
        reader = self._reader()
        with searching() as search:
            found = reader.examine(block.raw, BLANKS, search, self._heard)
        self._idle.append(reader)
        return Plain(found, block)

    @contextmanager
    def together(self, threads: int) -> "Generator[_native.Crew]":
        """Lend so many readers that work beside whoever takes what they found."""
        assert native is not None
        readers = [self._reader() for _ in range(threads)]
        with ExitStack() as lent:
            crew = native.Crew(readers, [lent.enter_context(searching()) for _ in readers], BLANKS, self._heard)
            try:
                yield crew
            finally:
                crew.disband()
        self._idle.extend(readers)

    def _reader(self) -> "_native.Reader":
        assert native is not None
        try:
            return self._idle.pop()
        except IndexError:
            return native.Reader(self._vocabulary, _CLOSING)


@cache
def _idle(encoding: str | None) -> "list[_native.Reader]":
    """Return the readers that no thread uses; they are kept, for what they have counted makes them quick."""
    del encoding
    return []
