"""Invents a passage: a story, its names, and rules that leave a handful of arrangements, none of the rules idle."""

from dataclasses import dataclass

from .draw import Draw
from .logic import Arrangement, Fact, Rule, World, arrangements, fact_holds, facts, rule_holds, solve
from .settings import Setting

MIN_RULES, MAX_RULES = 4, 6
MIN_SOLUTIONS, MAX_SOLUTIONS = 4, 14
MAX_OF_A_SHAPE = 2
OF_VALUES = ("at", "not_at", "either")
CONDITIONAL_TRIES = 60
CONDITIONAL_SHARE = 0.35


@dataclass(frozen=True)
class Passage:
    """A story with names for its things, its rules, and every arrangement that keeps them."""

    setting: Setting
    names: tuple[str, ...]
    rules: tuple[Rule, ...]
    solutions: tuple[Arrangement, ...]


def make_passage(draw: Draw, setting: Setting) -> Passage:
    """Return a new passage of this story."""
    while True:
        rules = _rules(draw, setting)
        if rules is None:
            continue
        names = tuple(sorted(draw.sample(setting.things, setting.world.things)))
        return Passage(setting=setting, names=names, rules=rules, solutions=solve(setting.world, rules))


def _rules(draw: Draw, setting: Setting) -> tuple[Rule, ...] | None:
    hidden = draw.pick(arrangements(setting.world))
    chosen: list[Rule] = []
    left = arrangements(setting.world)
    for rule in _candidates(draw, setting, hidden):
        fewer = tuple(values for values in left if rule_holds(rule, values))
        if MIN_SOLUTIONS <= len(fewer) < len(left) and _varied(chosen, rule):
            chosen.append(rule)
            left = fewer
        if len(chosen) == MAX_RULES or (len(chosen) >= MIN_RULES and len(left) <= MAX_SOLUTIONS):
            break
    good = len(chosen) >= MIN_RULES and len(left) <= MAX_SOLUTIONS and _none_idle(setting.world, chosen, len(left))
    return tuple(chosen) if good else None


def _candidates(draw: Draw, setting: Setting, hidden: Arrangement) -> list[Rule]:
    """Return rules that the hidden arrangement keeps, plain and conditional ones mixed."""
    every = facts(setting.world, setting.rules)
    plain = draw.shuffled(Rule(then=fact) for fact in every if fact_holds(fact, hidden))
    conditional = [Rule(when=draw.pick(every), then=draw.pick(every)) for _ in range(CONDITIONAL_TRIES)]
    conditional = [rule for rule in conditional if _sensible(rule) and rule_holds(rule, hidden)]
    mixed: list[Rule] = []
    while plain:
        source = conditional if conditional and draw.chance(CONDITIONAL_SHARE) else plain
        mixed.append(source.pop())
    return mixed


def _sensible(rule: Rule) -> bool:
    """A condition reads well if both halves say something definite and are not about the very same things."""
    definite = {"at", "same", "before", "next", "beside"}
    when, then = rule.when, rule.then
    if when is None or when.relation not in definite or then.relation not in definite | {"not_at", "apart"}:
        return False
    return when.a != then.a and _things(when) != _things(then)


def _things(fact: Fact) -> frozenset[int]:
    return frozenset({fact.a} if fact.relation in OF_VALUES else {fact.a, fact.b})


def _varied(chosen: list[Rule], rule: Rule) -> bool:
    """Allow two rules of a shape, one that places a thing outright, and one about the values of any one thing."""
    shape = _shape(rule)
    like = sum(_shape(other) == shape for other in chosen)
    placed = {other.then.a for other in chosen if _shape(other) in OF_VALUES}
    if shape in OF_VALUES and rule.then.a in placed:
        return False
    return like < (1 if shape == "at" else MAX_OF_A_SHAPE)


def _shape(rule: Rule) -> str:
    return "if" if rule.when else rule.then.relation


def _none_idle(world: World, rules: list[Rule], solutions: int) -> bool:
    return all(len(solve(world, tuple(rules[:i] + rules[i + 1 :]))) > solutions for i in range(len(rules)))
