"""Asks questions of a passage, each with one right option and four wrong ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from .draw import Draw
from .logic import Arrangement, Fact, World, arrangements, fact_holds, facts, rule_holds
from .passages import Passage

Kind = Literal["complete", "must", "could", "cannot", "domain"]
Option = Fact | Arrangement
"""A statement; or for `complete` an arrangement, and for `domain` a sorted tuple of indexes."""

WRONG_OPTIONS = 4
CONDITION_TRIES = 12
NEGATIVE = ("not_at", "apart")


_JUDGES: dict[Kind, tuple[Callable[[int, int], bool], Callable[[int, int], bool]]] = {
    "must": (lambda count, of: count == of, lambda count, of: 0 < count < of),
    "could": (lambda count, of: 0 < count < of, lambda count, _: count == 0),
    "cannot": (lambda count, _: count == 0, lambda count, of: 0 < count < of),
}
"""For each kind, which facts may be its right option and which its wrong ones, by how often they are true."""


@dataclass(frozen=True)
class Question:
    """What is asked: under condition `when`, about thing `about` for `domain`. `options[answer]` is right."""

    kind: Kind
    options: tuple[Option, ...]
    answer: int
    when: Fact | None = None
    about: int | None = None


def ask(draw: Draw, passage: Passage, kind: Kind, *, conditional: bool, answer: int) -> Question | None:
    """Return a question with its right option at place `answer`, or None where the passage has none of this kind."""
    if kind == "complete":
        return _ask_complete(draw, passage, answer)
    if kind == "domain":
        return _ask_domain(draw, passage, answer)
    if not conditional:
        return _ask_statement(draw, passage, kind, None, answer)
    for when in draw.sample(facts(passage.setting.world, passage.setting.statements), CONDITION_TRIES):
        if found := _ask_statement(draw, passage, kind, when, answer):
            return found
    return None


def under(solutions: Sequence[Arrangement], when: Fact | None) -> list[Arrangement]:
    """Return the arrangements in which the condition holds."""
    return [values for values in solutions if when is None or fact_holds(when, values)]


def reach(passage: Passage, about: int) -> tuple[int, ...]:
    """Return what `domain` asks for: the values a thing can take, or the things it can share a value with."""
    if passage.setting.lists == "values":
        return tuple(sorted({values[about] for values in passage.solutions}))
    things = range(passage.setting.world.things)
    return tuple(
        thing
        for thing in things
        if thing != about and any(values[thing] == values[about] for values in passage.solutions)
    )


def _ask_complete(draw: Draw, passage: Passage, answer: int) -> Question | None:
    """The wrong arrangements break few rules, and different ones where there are enough."""
    broken = {
        values: tuple(i for i, rule in enumerate(passage.rules) if not rule_holds(rule, values))
        for values in arrangements(passage.setting.world)
    }
    wrong: list[Arrangement] = []
    for i in draw.shuffled(range(len(passage.rules))):
        near = [values for values, rules in broken.items() if rules and i in rules]
        fewest = min((len(broken[values]) for values in near), default=0)
        wrong += draw.sample((values for values in near if len(broken[values]) == fewest), 1)
    return _question(draw, "complete", draw.pick(passage.solutions), list(dict.fromkeys(wrong)), answer)


def _ask_domain(draw: Draw, passage: Passage, answer: int) -> Question | None:
    """Ask what a thing can reach. The lists stand round a wrong one, so that likeness to the others says nothing."""
    world = passage.setting.world
    companions = passage.setting.lists == "companions"
    entries = range(world.things if companions else len(world.least))
    for about in draw.shuffled(range(world.things)):
        right = reach(passage, about)
        possible = [entry for entry in entries if not companions or entry != about]
        if not 2 <= len(right) < len(possible) or _is_rule(passage, about, right):
            continue
        one, two, three = draw.sample(possible, 3)
        changes: list[set[int]] = [{one}, {two}, {one, two}, {one, three}]
        wrong = [tuple(sorted(set(right) ^ change)) for change in changes]
        if all(wrong):
            return _question(draw, "domain", right, wrong, answer, about=about)
    return None


def _is_rule(passage: Passage, about: int, right: tuple[int, ...]) -> bool:
    said = [rule.then for rule in passage.rules if rule.when is None and rule.then.relation == "either"]
    return any(fact.a == about and (fact.b, fact.c) == right for fact in said)


def _ask_statement(draw: Draw, passage: Passage, kind: Kind, when: Fact | None, answer: int) -> Question | None:
    solutions = under(passage.solutions, when)
    if not solutions or (when is not None and len(solutions) == len(passage.solutions)):
        return None
    fits, misses = _JUDGES[kind]
    plain = _plain(passage, kind, when)
    right: list[Fact] = []
    wrong: list[Fact] = []
    for fact in draw.shuffled(facts(passage.setting.world, _relations(passage, kind))):
        count = sum(fact_holds(fact, values) for values in solutions)
        if fits(count, len(solutions)) and fact not in plain and (when is None or _depends(passage, kind, fact)):
            right.append(fact)
        elif misses(count, len(solutions)):
            wrong.append(fact)
    wrong.sort(key=lambda fact: fact in plain)
    return _question(draw, kind, draw.pick(right), wrong, answer, when=when) if right else None


def _relations(passage: Passage, kind: Kind) -> tuple[str, ...]:
    """Say what an option may state; what must be true may also be that something is not so."""
    setting = passage.setting
    negative = tuple(name for name in NEGATIVE if name in setting.rules and name not in setting.statements)
    return setting.statements + (negative if kind == "must" else ())


def _plain(passage: Passage, kind: Kind, when: Fact | None) -> frozenset[Fact]:
    """Return the facts that one rule, or the condition, decides alone: too plain for a right option."""
    said = [rule.then for rule in passage.rules if rule.when is None] + ([when] if when else [])
    relations = _relations(passage, kind)
    return frozenset(fact for given in said for fact in _decided(passage.setting.world, given, relations))


@lru_cache(maxsize=4096)
def _decided(world: World, given: Fact, relations: tuple[str, ...]) -> frozenset[Fact]:
    left = [values for values in arrangements(world) if fact_holds(given, values)]
    return frozenset(fact for fact in facts(world, relations) if _constant(fact, left))


def _constant(fact: Fact, left: Sequence[Arrangement]) -> bool:
    first = fact_holds(fact, left[0])
    return all(fact_holds(fact, values) == first for values in left)


def _depends(passage: Passage, kind: Kind, fact: Fact) -> bool:
    """Under a condition, the right option of `must` and `cannot` is one that the condition decides."""
    count = sum(fact_holds(fact, values) for values in passage.solutions)
    return kind == "could" or 0 < count < len(passage.solutions)


def _question(
    draw: Draw,
    kind: Kind,
    right: Option,
    wrong: Sequence[Option],
    answer: int,
    when: Fact | None = None,
    about: int | None = None,
) -> Question | None:
    if len(wrong) < WRONG_OPTIONS:
        return None
    options = draw.shuffled(wrong[:WRONG_OPTIONS])
    options.insert(answer, right)
    return Question(kind=kind, options=tuple(options), answer=answer, when=when, about=about)
