"""The rules over a whole split: what examples are compared by with all others."""

from collections.abc import Container, Iterator

import numpy as np

from service.check.ends import Ends
from service.check.fingerprints import number_of_system
from service.check.plain import BRIEF, OPEN, Plain
from service.core.dataset.choices import ChoiceRules
from service.core.dataset.classes import NO_TEXT, ClassRules, FileFinding
from service.core.dataset.defects import Found
from service.core.dataset.definitions import ToolRules
from service.core.dataset.foreign import Answered, LanguageRules
from service.core.dataset.items import ItemRules
from service.core.dataset.lines import Line
from service.core.dataset.outliers import AnswerRules
from service.core.dataset.values import Json

_TOLD = frozenset({"invalid_tool_schema", "tool_schema_not_strict"})


class WholeSplit:
    """Takes in the examples of a split, in the order of their lines, and tells at its end what stands out."""

    def __init__(self) -> None:
        self._classes = ClassRules()
        self._answers = AnswerRules()
        self._choices = ChoiceRules()
        self._languages = LanguageRules()
        self._tools = ToolRules()
        self._items = ItemRules()

    def add_line(self, number: int, line: Line, found: Found) -> None:
        """Take in what only lines have that are no plain chats; what is found there is not told once more."""
        if not any(defect.code in _TOLD for defect in found):
            self._tools.add(number, line)

    def add_item(self, number: int, item: Json, told: Container[str | None]) -> None:
        """Take in what a reinforcement line holds; some members were `told` of as defects."""
        self._items.add(number, item, told)

    def add(self, said: list[tuple[int, Ends]], plain: Plain | None) -> None:
        """Take in the examples of a block: some by line, and the plain ones together."""
        answered: list[Answered] = []
        for line, each in said:
            self._classes.add(line, number_of_system(each.system), each.answer)
            self._answers.add(line, each.question, each.answer)
            if each.answer is not None and each.answer is not NO_TEXT:
                answered.append((line, each.system, each.question, each.answer))
        brief = [each for each in answered if len(each[-1]) <= self._choices.longest]
        if plain is not None:
            self._add_plain(plain)
            brief = sorted((*brief, *plain.answered(plain.brief(self._choices.longest))))
        for each in brief:
            self._choices.add(*each)
        if self._languages.wants_more:
            self._add_languages(len(said), answered, plain)

    def _add_languages(self, examples: int, answered: list[Answered], plain: Plain | None) -> None:
        if plain is None:
            self._languages.add(examples, answered)
            return
        told, unclear = plain.languages()
        answered += plain.answered(unclear)
        self._languages.add(examples + len(plain), answered, told, plain.answered)

    def _add_plain(self, plain: Plain) -> None:
        endings = plain.table["ending"]
        self._answers.add_many(
            len(plain),
            int(np.count_nonzero(endings != BRIEF)),
            plain.exchanges(np.flatnonzero(endings == OPEN).tolist()),
            plain.exchanges(np.flatnonzero(endings == BRIEF).tolist()),
        )
        self._classes.add_many(len(plain), plain.groups("system"), plain.labels())

    @property
    def languages(self) -> dict[str, int]:
        """How many answers are in which language, where that shows."""
        return self._languages.languages

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        return self._answers.sampled() | self._languages.sampled()

    def findings(self) -> Iterator[FileFinding]:
        """Yield what shows only over the whole split."""
        misspelt: set[int | None] = set()
        for found in self._classes.findings():
            misspelt |= {found.line, *found.related} if found.code == "label_variants" else set()
            yield found
        yield from self._answers.findings()
        yield from self._languages.findings()
        yield from (found for found in self._choices.findings(self._answers.number) if found.line not in misspelt)
        yield from self._tools.findings()
        yield from self._items.findings()

    def beside(self, trained: "WholeSplit") -> Iterator[FileFinding]:
        """Yield what this split, of validation, has and training has not."""
        yield from self._classes.beside(trained._classes)
