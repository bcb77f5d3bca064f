"""The stories: who takes part, what they get, and how each fact is said in English."""

from dataclasses import dataclass
from typing import Literal

from .logic import World

PEOPLE = (
    "Ada",
    "Bruno",
    "Chiara",
    "Dmitri",
    "Esme",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kofi",
    "Leila",
    "Mateo",
    "Nadia",
    "Otto",
    "Priya",
    "Quinn",
    "Rosa",
    "Samir",
    "Tove",
    "Umberto",
    "Vera",
    "Wim",
    "Xenia",
    "Yusuf",
    "Zora",
)
ORDER_RULES = ("at", "not_at", "either", "before", "next", "beside", "not_beside")
ORDER_STATEMENTS = ("at", "before", "next")
GROUP_RULES = ("at", "not_at", "same", "apart")
GROUP_STATEMENTS = ("at", "same", "apart")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One story. Templates name things `{a}` and `{b}` and values `{v}` and `{w}`; `intro` has `{names}`."""

    kind: str
    intro: str
    things: tuple[str, ...]
    values: tuple[str, ...]
    world: World
    says: dict[str, str]
    complete: str
    domain: str
    subject: str = "{name}"
    rules: tuple[str, ...] = ORDER_RULES
    statements: tuple[str, ...] = ORDER_STATEMENTS
    lists: Literal["values", "companions"] = "values"


def _line(count: int) -> World:
    return World(things=count, least=(1,) * count, most=(1,) * count)


def _groups(things: int, groups: int, least: int, most: int) -> World:
    return World(things=things, least=(least,) * groups, most=(most,) * groups)


ORDERINGS = (
    Setting(
        kind="ordering",
        intro="Six speakers, {names}, give exactly one talk each at a science evening. "
        "The talks follow one another and are numbered 1 to 6.",
        things=PEOPLE,
        values=("talk 1", "talk 2", "talk 3", "talk 4", "talk 5", "talk 6"),
        world=_line(6),
        says={
            "at": "{a} gives {v}",
            "not_at": "{a} does not give {v}",
            "either": "{a} gives either {v} or {w}",
            "before": "{a} speaks at some time before {b}",
            "next": "{a} speaks immediately before {b}",
            "beside": "{a} speaks immediately before or immediately after {b}",
            "not_beside": "{a} speaks neither immediately before nor immediately after {b}",
        },
        complete="Which one of the following could be the order of the speakers, from first to last?",
        domain="Which one of the following is a complete and accurate list of the talks that {a} could give?",
    ),
    Setting(
        kind="ordering",
        intro="Six jars stand side by side on a shelf, in places numbered 1 to 6 from left to right. They are {names}.",
        things=(
            "cinnamon",
            "clove",
            "cumin",
            "fennel",
            "ginger",
            "mace",
            "nutmeg",
            "paprika",
            "saffron",
            "sumac",
            "turmeric",
        ),
        subject="the {name} jar",
        values=("place 1", "place 2", "place 3", "place 4", "place 5", "place 6"),
        world=_line(6),
        says={
            "at": "{a} stands in {v}",
            "not_at": "{a} does not stand in {v}",
            "either": "{a} stands in either {v} or {w}",
            "before": "{a} stands somewhere to the left of {b}",
            "next": "{a} stands directly to the left of {b}",
            "beside": "{a} stands directly next to {b}",
            "not_beside": "{a} does not stand directly next to {b}",
        },
        complete="Which one of the following could be the order of the jars, from left to right?",
        domain="Which one of the following is a complete and accurate list of the places in which {a} could stand?",
    ),
    Setting(
        kind="ordering",
        intro="From Monday to Saturday a workshop restores six instruments, exactly one a day: {names}.",
        things=(
            "bassoon",
            "cello",
            "cornet",
            "fiddle",
            "guitar",
            "harp",
            "lute",
            "mandolin",
            "oboe",
            "viola",
            "zither",
        ),
        subject="the {name}",
        values=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        world=_line(6),
        says={
            "at": "{a} is restored on {v}",
            "not_at": "{a} is not restored on {v}",
            "either": "{a} is restored on either {v} or {w}",
            "before": "{a} is restored on an earlier day than {b}",
            "next": "{a} is restored exactly one day before {b}",
            "beside": "{a} and {b} are restored on consecutive days",
            "not_beside": "{a} and {b} are not restored on consecutive days",
        },
        complete="Which one of the following could be the order in which the instruments are restored?",
        domain="Which one of the following is a complete and accurate list of the days on which {a} could be restored?",
    ),
    Setting(
        kind="ordering",
        intro="A film club shows exactly five films in one night, one after another: {names}.",
        things=(
            "Amber Coast",
            "Blue Lantern",
            "Cold Harvest",
            "Dry River",
            "Early Snow",
            "Far Signal",
            "Glass Orchard",
            "Hollow Road",
            "Iron Tide",
            "Last Ferry",
        ),
        values=("first", "second", "third", "fourth", "fifth"),
        world=_line(5),
        says={
            "at": "{a} is shown {v}",
            "not_at": "{a} is not shown {v}",
            "either": "{a} is shown either {v} or {w}",
            "before": "{a} is shown at some time before {b}",
            "next": "{a} is shown immediately before {b}",
            "beside": "{a} and {b} are shown one directly after the other, in either order",
            "not_beside": "{a} and {b} are not shown one directly after the other, in either order",
        },
        complete="Which one of the following could be the order of the films, from first to last?",
        domain="Which one of the following is a complete and accurate list of the turns at which {a} could be shown?",
    ),
)

GROUPINGS = (
    Setting(
        kind="grouping",
        intro="Six hikers, {names}, sleep in three tents: the green tent, the red tent and the white tent. "
        "Exactly two hikers sleep in each tent.",
        things=PEOPLE,
        values=("the green tent", "the red tent", "the white tent"),
        world=_groups(6, 3, 2, 2),
        says={
            "at": "{a} sleeps in {v}",
            "not_at": "{a} does not sleep in {v}",
            "same": "{a} shares a tent with {b}",
            "apart": "{a} does not share a tent with {b}",
        },
        complete="Which one of the following could be a complete and accurate list of who sleeps in each tent?",
        domain="Which one of the following is a complete and accurate list of the hikers with whom {a} could "
        "share a tent?",
        rules=GROUP_RULES,
        statements=GROUP_STATEMENTS,
        lists="companions",
    ),
    Setting(
        kind="grouping",
        intro="Seven volunteers, {names}, each join exactly one of two crews: the bridge crew and the path crew. "
        "Each crew has at least three members.",
        things=PEOPLE,
        values=("the bridge crew", "the path crew"),
        world=_groups(7, 2, 3, 4),
        says={
            "at": "{a} joins {v}",
            "same": "{a} is in the same crew as {b}",
            "apart": "{a} is not in the same crew as {b}",
        },
        complete="Which one of the following could be a complete and accurate list of the members of each crew?",
        domain="Which one of the following is a complete and accurate list of the volunteers who could be in the "
        "same crew as {a}?",
        rules=("at", "same", "apart"),
        statements=GROUP_STATEMENTS,
        lists="companions",
    ),
    Setting(
        kind="grouping",
        intro="A museum hangs six paintings, {names}, in three rooms: the east room, the north room and the west room. "
        "Each room gets at least one painting and at most three.",
        things=(
            "Bridge",
            "Canal",
            "Castle",
            "Dawn",
            "Forest",
            "Harbour",
            "Market",
            "Orchard",
            "Regatta",
            "Summer",
            "Vineyard",
        ),
        values=("the east room", "the north room", "the west room"),
        world=_groups(6, 3, 1, 3),
        says={
            "at": "{a} hangs in {v}",
            "not_at": "{a} does not hang in {v}",
            "same": "{a} hangs in the same room as {b}",
            "apart": "{a} does not hang in the same room as {b}",
        },
        complete="Which one of the following could be a complete and accurate list of the paintings in each room?",
        domain="Which one of the following is a complete and accurate list of the paintings that could hang in the "
        "same room as {a}?",
        rules=GROUP_RULES,
        statements=GROUP_STATEMENTS,
        lists="companions",
    ),
)
