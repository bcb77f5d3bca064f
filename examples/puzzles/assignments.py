"""Stories in which each person chooses one of a few things, and a thing may be chosen by several."""

from .logic import World
from .settings import GROUP_RULES, GROUP_STATEMENTS, GROUPINGS, ORDERINGS, PEOPLE, Setting

ASSIGNMENTS = (
    Setting(
        kind="assignment",
        intro="Five cooks, {names}, each prepare exactly one dish for a feast. Each dish is a salad, a soup or a stew, "
        "and each of the three is prepared by at least one cook.",
        things=PEOPLE,
        values=("a salad", "a soup", "a stew"),
        world=World(things=5, least=(1, 1, 1), most=(3, 3, 3)),
        says={
            "at": "{a} prepares {v}",
            "not_at": "{a} does not prepare {v}",
            "same": "{a} prepares the same kind of dish as {b}",
            "apart": "{a} and {b} prepare different kinds of dish",
        },
        complete="Which one of the following could be a complete and accurate list of who prepares which dish?",
        domain="Which one of the following is a complete and accurate list of the cooks who could prepare the same "
        "kind of dish as {a}?",
        rules=GROUP_RULES,
        statements=GROUP_STATEMENTS,
        lists="companions",
    ),
    Setting(
        kind="assignment",
        intro="Six students, {names}, each take exactly one evening class: Danish, Greek or Swahili. "
        "Each class has at least one and at most three of the six.",
        things=PEOPLE,
        values=("Danish", "Greek", "Swahili"),
        world=World(things=6, least=(1, 1, 1), most=(3, 3, 3)),
        says={
            "at": "{a} takes {v}",
            "not_at": "{a} does not take {v}",
            "same": "{a} is in the same class as {b}",
            "apart": "{a} and {b} are in different classes",
        },
        complete="Which one of the following could be a complete and accurate list of who takes which class?",
        domain="Which one of the following is a complete and accurate list of the students who could be in the same "
        "class as {a}?",
        rules=GROUP_RULES,
        statements=GROUP_STATEMENTS,
        lists="companions",
    ),
    Setting(
        kind="assignment",
        intro="Five neighbours, {names}, each grow exactly one crop this year: beans, carrots, leeks or peas. "
        "Each crop is grown by at least one and at most two of them.",
        things=PEOPLE,
        values=("beans", "carrots", "leeks", "peas"),
        world=World(things=5, least=(1, 1, 1, 1), most=(2, 2, 2, 2)),
        says={
            "at": "{a} grows {v}",
            "not_at": "{a} does not grow {v}",
            "either": "{a} grows either {v} or {w}",
            "same": "{a} grows the same crop as {b}",
            "apart": "{a} and {b} grow different crops",
        },
        complete="Which one of the following could be a complete and accurate list of who grows which crop?",
        domain="Which one of the following is a complete and accurate list of the crops that {a} could grow?",
        rules=("at", "not_at", "either", "same", "apart"),
        statements=GROUP_STATEMENTS,
    ),
)

SETTINGS = (ORDERINGS, GROUPINGS, ASSIGNMENTS)
