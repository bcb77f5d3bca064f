"""Answers that stand out from the rest of their file: cut off, far too short, in another language."""

from bisect import insort
from collections.abc import Iterator, Sequence

from service.core.dataset.classes import NO_TEXT, FileFinding
from service.core.dataset.languages import language_of

LANGUAGES_LOOKED_AT = 20_000
"""Answers whose language is looked at; the report says so where there are more."""

_LEAST = 10
RARE = 0.05
"""Share of the examples up to which something is odd; beyond it is meant."""

_LONG = 40
_SHORT = 4
_KEPT = 1000
_CLOSED = frozenset(".!?…\"'”’»)]}>`*_:|~=/\\%$。！？」』）】♪")


class _Odd:
    """The first lines of a kind, and how many there are."""

    __slots__ = ("count", "lines")

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[int] = []

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.lines) < _KEPT or line < self.lines[-1]:
            insort(self.lines, line)
            del self.lines[_KEPT:]

    def rare_among(self, number: int) -> bool:
        return 0 < self.count <= max(1, number * RARE)


class AnswerRules:
    """Compares the answers of a split with each other. Silent where the odd ones are too many to be mistakes."""

    def __init__(self) -> None:
        self._answers = 0
        self._long = 0
        self._short = _Odd()
        self._open = _Odd()
        self._languages: dict[str, int] = {}
        self._foreign: dict[str, _Odd] = {}
        self._usual = ""

    def add(self, lines: Sequence[int], questions: Sequence[str], answers: Sequence[str | None]) -> None:
        """Take in some examples: line, what was asked last, and the answer (None leaves the line out)."""
        for line, question, answer in zip(lines, questions, answers, strict=True):
            if answer is None or answer is NO_TEXT:
                continue
            self._answers += 1
            size = len(answer)
            if size >= _LONG:
                self._long += 1
                last = answer[-1]
                if last not in _CLOSED and (last.isalnum() or last in ",;-("):
                    self._open.add(line)
                if self._answers <= LANGUAGES_LOOKED_AT:
                    self._note_language(line, question, answer)
            elif size <= _SHORT:
                self._short.add(line)

    def _note_language(self, line: int, question: str, answer: str) -> None:
        """Count the answer's language; keep the line if it is not the usual one, nor that of the question."""
        language = language_of(answer)
        if language is None:
            return
        count = self._languages[language] = self._languages.get(language, 0) + 1
        if count > self._languages.get(self._usual, 0):
            self._usual = language
        elif language != self._usual and language_of(question) != language:
            self._foreign.setdefault(language, _Odd()).add(line)

    @property
    def all_languages(self) -> bool:
        return self._answers <= LANGUAGES_LOOKED_AT

    def findings(self) -> Iterator[FileFinding]:
        """Yield what stands out; nothing for sets too small to tell."""
        if self._long < _LEAST:
            return
        if self._short.rare_among(self._answers) and self._long >= self._answers * (1 - 2 * RARE):
            for line in self._short.lines:
                told = (
                    f"the answer has at most {_SHORT} characters, {self._long} of {self._answers} have {_LONG} or more"
                )
                yield FileFinding("short_completion", line, None, told, ())
        if self._open.rare_among(self._long):
            for line in self._open.lines:
                told = f"the answer ends in mid-sentence, unlike {self._long - self._open.count} of {self._long} others"
                yield FileFinding("truncated_completion", line, None, told, ())
        known, strange = sum(self._languages.values()), sum(odd.count for odd in self._foreign.values())
        if known >= _LEAST and strange <= max(1, known * RARE):
            for language, odd in self._foreign.items():
                for line in odd.lines if language != self._usual else ():
                    told = f"the answer is in {language}, {self._languages[self._usual]} others are in {self._usual}"
                    yield FileFinding("mixed_language", line, None, told, ())
