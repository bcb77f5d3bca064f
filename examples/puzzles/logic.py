"""Worlds, facts and rules: each thing gets one value, and every arrangement can be enumerated."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

Arrangement = tuple[int, ...]
"""The value of each thing, by index."""


@dataclass(frozen=True)
class World:
    """So many things, and for each value how many things take it at least and at most."""

    things: int
    least: tuple[int, ...]
    most: tuple[int, ...]


@dataclass(frozen=True)
class Fact:
    """A statement about thing `a`: with another thing `b`, or with values `b` and `c`, by `relation`."""

    relation: str
    a: int
    b: int
    c: int = -1


@dataclass(frozen=True)
class Rule:
    """`then` holds, or, with `when`, holds wherever `when` does."""

    then: Fact
    when: Fact | None = None


HOLDS: dict[str, Callable[[Arrangement, Fact], bool]] = {
    "at": lambda values, fact: values[fact.a] == fact.b,
    "not_at": lambda values, fact: values[fact.a] != fact.b,
    "either": lambda values, fact: values[fact.a] in (fact.b, fact.c),
    "same": lambda values, fact: values[fact.a] == values[fact.b],
    "apart": lambda values, fact: values[fact.a] != values[fact.b],
    "before": lambda values, fact: values[fact.a] < values[fact.b],
    "next": lambda values, fact: values[fact.b] - values[fact.a] == 1,
    "beside": lambda values, fact: abs(values[fact.a] - values[fact.b]) == 1,
    "not_beside": lambda values, fact: abs(values[fact.a] - values[fact.b]) != 1,
}

_SYMMETRIC = frozenset({"same", "apart", "beside", "not_beside"})
_OF_VALUES = frozenset({"at", "not_at"})


def fact_holds(fact: Fact, values: Arrangement) -> bool:
    """Tell whether a fact is true of an arrangement."""
    return HOLDS[fact.relation](values, fact)


def rule_holds(rule: Rule, values: Arrangement) -> bool:
    """Tell whether an arrangement keeps a rule."""
    return (rule.when is not None and not fact_holds(rule.when, values)) or fact_holds(rule.then, values)


@lru_cache(maxsize=64)
def arrangements(world: World) -> tuple[Arrangement, ...]:
    """Return every arrangement that the numbers of the world allow, before any rule."""
    if set(world.least) == set(world.most) == {1}:
        return tuple(permutations(range(world.things)))
    kinds = range(len(world.least))
    return tuple(
        values
        for values in product(kinds, repeat=world.things)
        if all(world.least[kind] <= values.count(kind) <= world.most[kind] for kind in kinds)
    )


def solve(world: World, rules: tuple[Rule, ...]) -> tuple[Arrangement, ...]:
    """Return every arrangement that keeps all rules."""
    return tuple(values for values in arrangements(world) if all(rule_holds(rule, values) for rule in rules))


def facts(world: World, relations: tuple[str, ...]) -> list[Fact]:
    """Return all facts of these relations about the things of a world."""
    found: list[Fact] = []
    for relation in relations:
        found += _facts_of(world, relation)
    return found


def _facts_of(world: World, relation: str) -> list[Fact]:
    things, values = range(world.things), range(len(world.least))
    if relation in _OF_VALUES:
        return [Fact(relation, a, value) for a in things for value in values]
    if relation == "either":
        return [Fact(relation, a, low, high) for a in things for low in values for high in values if low < high]
    return [Fact(relation, a, b) for a in things for b in things if a < b or (a > b and relation not in _SYMMETRIC)]
