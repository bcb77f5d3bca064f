"""Planted lines that repeat another, in their own split or in the other."""

import json
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import (
    Line,
    completion,
    facts,
    japanese,
    mood,
    preference,
    reinforcement,
    said,
    support,
    tools,
    words,
)
from tests.check.suite.planted import Planted, answering, asking, encoded, inserted, ordinary

Change = Callable[[Line], Line]
_OTHER = "You cannot do that at all today, because we are closed."


def _instructed(line: Line) -> Line:
    line["messages"][0]["content"] = "You are a pirate."
    return line


def _turns(line: Line) -> list[tuple[str, str]]:
    return [(each["role"], each["content"]) for each in line["messages"]]


def _split(name: str, code: str, line: Line, line_of: Any = support, method: str = "supervised") -> Planted:
    """Return a validation file whose second line is found."""
    held_out = [line_of(40), line, line_of(41)]
    return Planted(name, code, 2, encoded(ordinary(line_of, 30)), method, encoded(held_out))


def _louder(line: Line) -> Line:
    for message in line["messages"][1:]:
        message["content"] = message["content"].upper() + "  "
    return line


def _asked_otherwise(before: str, after: str) -> Change:
    return lambda line: asking(f"{before}{line['messages'][1]['content']}{after}")(line)


_REPEATS = (
    inserted("a line twice", "duplicate_example", support(3)),
    inserted(
        "members in another order",
        "duplicate_example",
        {"messages": [dict(reversed(each.items())) for each in support(3)["messages"]]},
    ),
    inserted("louder", "near_duplicate", _louder(support(3))),
    inserted("louder answer", "near_duplicate", answering(support(3)["messages"][2]["content"].upper())(support(3))),
    inserted("blank at the end", "near_duplicate", answering(support(3)["messages"][2]["content"] + "\n")(support(3))),
    *(
        inserted(
            f"{named} before the question", "near_duplicate", _asked_otherwise(f"{named} ", "")(line_of(3)), line_of
        )
        for named, line_of in (("Please tell me:", support), ("Hello,", facts), ("Hey there,", facts))
    ),
    inserted("in capitals, short", "near_duplicate", _louder(facts(3)), facts),
    inserted("two blanks, short", "near_duplicate", _asked_otherwise("", " ")(facts(3)), facts),
    inserted("another mark, Japanese", "near_duplicate", _asked_otherwise("", "！")(japanese(3)), japanese),
    inserted(
        "one word of the answer",
        "near_duplicate",
        answering(support(3)["messages"][2]["content"].replace("To ", "To quickly "))(support(3)),
    ),
    inserted("another answer", "conflicting_answers", answering(_OTHER)(support(3))),
    inserted("another label", "conflicting_answers", answering("unsure")(mood(3)), mood),
    inserted("another preference", "conflicting_answers", answering(_OTHER)(preference(3)), preference),
)
_LEAKS = (
    _split("same line", "train_validation_leak", support(5)),
    _split("same line, louder", "train_validation_leak", _louder(support(5))),
    _split("same prompt", "prompt_leak", answering(_OTHER)(support(5))),
    _split("same prompt, louder", "prompt_leak", answering(_OTHER)(_louder(support(5)))),
    _split("same line, another system prompt", "train_validation_leak", _instructed(support(5))),
    _split("same prompt, another system prompt", "prompt_leak", answering(_OTHER)(_instructed(support(5)))),
    _split("same line without a system prompt", "train_validation_leak", said(*_turns(support(5))[1:])),
    _split("same preference", "train_validation_leak", preference(5), preference, "dpo"),
    _split("same item", "train_validation_leak", reinforcement(5), reinforcement, "reinforcement"),
    _split(
        "same prompt of an item", "prompt_leak", {**reinforcement(5), "answer": "0"}, reinforcement, "reinforcement"
    ),
    _split("same completion", "train_validation_leak", completion(5), completion, "legacy"),
)


def _surrounded(question: tuple[str, str] = ("", ""), answer: tuple[str, str] = ("", "")) -> Change:
    """Put something before and behind both texts."""

    def change(line: Line) -> Line:
        asked, told = (each["content"] for each in line["messages"][1:])
        return answering(f"{answer[0]}{told}{answer[1]}")(asking(f"{question[0]}{asked}{question[1]}")(line))

    return change


_SURROUNDED = {
    "a greeting before the question": _surrounded(("Hi there, I hope you can help me today. ", "")),
    "thanks behind the question": _surrounded(("", " Thanks in advance for your help!")),
    "an opening before the answer": _surrounded(answer=("Sure, I can help you with that! ", "")),
    "one word before the answer": _surrounded(answer=("Sure! ", "")),
    "an offer behind the answer": _surrounded(answer=("", " Let me know if you need anything else.")),
    "two sentences behind the answer": _surrounded(
        answer=("", " I hope this helps! Feel free to ask if you have any other questions.")
    ),
    "something before both": _surrounded(("Hello, ", ""), ("No problem! ", "")),
    "something around both": _surrounded(("Hi team! ", " Thank you."), ("", " Have a great day!")),
}


def _with_ids(line: Line, new: str) -> Line:
    old = line["messages"][2]["tool_call_id"]
    return json.loads(json.dumps(line).replace(f'"{old}"', f'"{new}"'))


def _spaced(line: Line) -> Line:
    function = line["messages"][1]["tool_calls"][0]["function"]
    pairs = reversed(json.loads(function["arguments"]).items())
    function["arguments"] = json.dumps(dict(pairs), separators=(", ", " : "))
    return _with_ids(line, "other")


def _longer(at: int, after: int = 0) -> Line:
    """Go on after an ordinary line."""
    turns = [("user", f"And {words(at + after, 3)}?"), ("assistant", f"That is {words(at + after, 5)}.")]
    return {"messages": [*support(at)["messages"], *said(*turns)["messages"]]}


def _begun(
    name: str, code: str, line: Line, trained: Callable[[int], Line], held_out: Callable[[int], Line]
) -> Planted:
    """Return a validation file whose second line begins as one of training does."""
    data = encoded([trained(at) for at in range(30)])
    return Planted(name, code, 2, data, "supervised", encoded([held_out(40), line, held_out(41)]))


def _sampled(at: int) -> Line:
    """Answer one question six times, and each other once."""
    question = "Tell me a story about the sea and a boat." if at % 5 == 0 else f"Tell me a story about {words(at, 4)}."
    return said(
        ("user", question), ("assistant", f"Once upon a time there was {words(at, 12)}, and {words(at + 99, 9)}.")
    )


_ADDED = (
    *(inserted(named, "near_duplicate", change(support(3))) for named, change in _SURROUNDED.items()),
    inserted(
        "thanks behind a short question",
        "near_duplicate",
        _surrounded(("Can you tell me: ", " Thanks!"))(facts(3)),
        facts,
    ),
    inserted("an opening before a short answer", "near_duplicate", _surrounded(answer=("Sure! ", ""))(facts(3)), facts),
    inserted(
        "a greeting before what is classified",
        "near_duplicate",
        _surrounded(("Hi there, could you please help me with this? ", ""))(mood(3)),
        mood,
    ),
    inserted("other ids of calls", "duplicate_example", _with_ids(tools(3), "call_zz"), tools),
    inserted("other ids, arguments in another order", "duplicate_example", _spaced(tools(3)), tools),
    inserted(
        "another label for the same in capitals",
        "conflicting_answers",
        answering("unsure")(asking(mood(3)["messages"][1]["content"].upper())(mood(3))),
        mood,
    ),
    Planted("one question with six answers", "conflicting_answers", 6, encoded(ordinary(_sampled, 30))),
    _begun("first turn of a conversation", "train_validation_leak", support(5), _longer, support),
    _begun("first question of a conversation", "prompt_leak", answering(_OTHER)(support(5)), _longer, support),
    _begun("a conversation that goes on from a line", "train_validation_leak", _longer(5), support, _longer),
    _begun("a conversation that goes on otherwise", "train_validation_leak", _longer(5, 7), _longer, _longer),
)
REPEATS = (*_REPEATS, *_LEAKS, *_ADDED)
