"""Finds which rules a text may break: automata of all rules go through it once."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from service.check.compiled import HEARD, native, program, rules_in, searching
from service.core.dataset.rules import TextRule
from service.core.dataset.texts import AllRules, Search, Suspicion, Voice

if TYPE_CHECKING:
    from service.check import _native

_WORTH_IT = 1_000_000
"""Characters from which on a rule's likely places are looked for: what finds them has to be made first, which takes as
long as searching so much."""

_STATES = 1024
"""Of the automaton of one rule."""


class RuleSearch:
    """A `Search`; one thread asks it for places."""

    def __init__(self) -> None:
        self._searched: Counter[TextRule] = Counter()
        self._backwards: dict[TextRule, _native.Search] = {}

    def suspects(self, texts: Sequence[str], voices: Sequence[Voice]) -> list[Suspicion]:
        """Return which texts may break which rules. Any thread may ask, while others go on."""
        which = bytes(map(HEARD.__getitem__, voices))
        with searching() as search:
            try:
                found = search.find_all(texts, which)
            except UnicodeEncodeError:  # half a character
                found = search.find_all([each.encode("utf-8", "surrogatepass") for each in texts], which)
        return [Suspicion(at, rules_in(marks)) for at, marks in found]

    def places(self, rule: TextRule, text: str, most: int) -> Sequence[int] | None:
        """Return the first places, `most` of them, where matches may begin."""
        if rule.hint is not None:
            return None
        self._searched[rule] += len(text)
        if self._searched[rule] < _WORTH_IT:
            return None
        search = self._backwards.get(rule)
        if search is None:
            assert native is not None
            search = self._backwards[rule] = native.Search((program((rule,), backwards=True),), _STATES)
        if text.isascii():
            return search.places(text, most)
        octets = text.encode("utf-8", "surrogatepass")
        places = search.places(octets, most)
        lengths = (len(octets[start:end].decode("utf-8", "surrogatepass")) for start, end in pairwise((0, *places)))
        return list(accumulate(lengths))


def search_for_rules() -> Search:
    """Return what looks for rules here."""
    return AllRules() if native is None else RuleSearch()
