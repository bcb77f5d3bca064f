"""Answers that are none of the choices which their own prompt gives: options by letter or number, or named labels."""

import re
from collections.abc import Iterator

from service.core.dataset.classes import FileFinding
from service.core.dataset.defects import shown

_LABEL_CHARACTERS, _QUESTION_CHARACTERS = 60, 20_000
_OPTION = re.compile(r"([A-J\d])[).:\]．、](?<![^\s;,(\[]..)(?=\s|\w)")
_CHOSEN = re.compile(r"[\s(\[]{0,3}([A-J]|\d)[\s).:\]]{0,3}\Z")
_CHOICE_CHARACTERS = 7
_LEAST_OPTIONS, _FIRST = 3, frozenset("A01")
_TRIED, _MOSTLY, _LEAST, _LEAST_CHOSEN, _RARE = 200, 0.8, 20, 10, 0.05
_DISTINCT, _SHARE = 200, 4
_KEPT = 1000


class ChoiceRules:
    """Holds answers against what their prompts offer. Gives up on named labels where most prompts name none."""

    def __init__(self) -> None:
        self._offered = 0
        self._unoffered: list[FileFinding] = []
        self._labels: dict[str, int] = {}
        self._named = self._unnamed = 0
        self._strange: list[tuple[int, str]] = []
        self._gave_up = False

    @property
    def longest(self) -> int:
        """Characters of an answer up to which examples are to be taken in."""
        return _CHOICE_CHARACTERS if self._gave_up else _LABEL_CHARACTERS

    def add(self, line: int, system: str, question: str, answer: str) -> None:
        """Take in an example whose answer is no longer than `longest`."""
        if len(question) > _QUESTION_CHARACTERS:
            self._gave_up = True
            return
        if (chosen := _CHOSEN.match(answer)) is not None:
            self._note_choice(line, question, chosen[1])
        elif not self._gave_up:
            self._note_label(line, system, question, answer)

    def _note_choice(self, line: int, question: str, chosen: str) -> None:
        offered = offered_in(question, letters=chosen.isalpha())
        self._offered += bool(offered)
        if offered and chosen not in offered and len(self._unoffered) < _KEPT:
            told = f"{shown(chosen)} is none of the options, which are {offered[0]} to {offered[-1]}"
            self._unoffered.append(FileFinding("answer_not_offered", line, None, told, ()))

    def _note_label(self, line: int, system: str, question: str, answer: str) -> None:
        label = answer.strip().casefold()
        self._labels[label] = self._labels.get(label, 0) + 1
        if label in question.casefold() or label in system.casefold():
            self._named += 1
        else:
            self._unnamed += 1
            if len(self._strange) < _KEPT:
                self._strange.append((line, answer))
        number = self._named + self._unnamed
        many = len(self._labels) > _DISTINCT
        self._gave_up = many or (number > _TRIED and self._named < number * _MOSTLY)

    def findings(self, examples: int) -> Iterator[FileFinding]:
        """Yield answers that nothing offers, where nearly all others are offered, of a split of so many examples."""
        if self._offered >= _LEAST_CHOSEN and len(self._unoffered) <= max(1, self._offered * _RARE):
            yield from self._unoffered
        number = self._named + self._unnamed
        few = len(self._labels) * _SHARE <= number >= examples * _MOSTLY and not self._gave_up
        if few and number >= _LEAST and self._unnamed <= max(1, number * _RARE):
            for line, answer in self._strange:
                told = f"the prompt does not name {shown(answer)}, and nearly all others name their answer"
                yield FileFinding("answer_not_offered", line, None, told, ())


def offered_in(question: str, *, letters: bool) -> list[str]:
    """Return the options that a question gives last, one after the other from the first on; none where it gives fewer
    than three."""
    found: list[str] = []
    options: list[str] = []
    for sign in _OPTION.findall(question):
        if sign.isalpha() is letters and options and ord(sign) == ord(options[-1]) + 1:
            options.append(sign)
        elif sign in _FIRST and sign.isalpha() is letters:
            options = [sign]
        found = options if len(options) >= _LEAST_OPTIONS else found
    return found
