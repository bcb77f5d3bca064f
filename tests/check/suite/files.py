"""Planted files: what shows only over the whole file, or beside the other split."""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import Line, completion, facts, japanese, mood, preference, reinforcement, said, support
from tests.check.suite.planted import AT, NUMBER, Planted, answering, asking, encoded, inserted, ordinary, planted

Change = Callable[[Line], Line]
_FILE = encoded(ordinary())
_OTHER = "You cannot do that at all today, because we are closed."


def _instructed(line: Line) -> Line:
    line["messages"][0]["content"] = "You are a pirate."
    return line


def _turns(line: Line) -> list[tuple[str, str]]:
    return [(each["role"], each["content"]) for each in line["messages"]]


def _file(
    name: str, code: str, data: bytes, line: int | None = None, method: str = "supervised", **more: Any
) -> Planted:
    return Planted(name, code, line, data, method, **more)


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


def _labelled(labels: Any) -> bytes:
    return encoded([answering(labels(at))(mood(at)) for at in range(90)])


_WHOLE = (
    _file("nothing", "empty_file", b""),
    _file("blank lines alone", "empty_file", b"\n \n\n"),
    _file("five lines", "too_few_examples", encoded(ordinary(number=5))),
    _file("twelve lines", "few_examples", encoded(ordinary(number=12))),
    _file("a mark", "byte_order_mark", b"\xef\xbb\xbf" + _FILE, 1),
    _file("UTF-16", "not_utf8", _FILE.decode().encode("utf-16")),
    _file("UTF-16 without a mark", "not_utf8", _FILE.decode().encode("utf-16-le")),
    _file("gzip", "binary_file", gzip.compress(_FILE)),
    _file("PDF", "binary_file", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"),
    _file("noise", "binary_file", random.Random(7).randbytes(4000)),
    _file("an empty array", "json_array_file", b"[]\n"),
    _file("an array", "json_array_file", json.dumps(ordinary()).encode()),
    _file("an array over lines", "json_array_file", json.dumps(ordinary(), indent=2).encode()),
    _file("a blank line", "blank_line", encoded(ordinary()[:10]) + b"\n" + encoded(ordinary()[10:]), 11),
    _file("preferences for supervised", "format_mismatch", encoded([preference(at) for at in range(NUMBER)]), 1),
)
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
_CLASSES = (
    *(
        planted(f"label {label!r}", "label_variants", answering(label), mood, number=60)
        for label in ("Positive", "positive.", "NEUTRAL", "postive", "negatve", "Label: positive", "ｎｅｕｔｒａｌ")
    ),
    _file("nineteen of twenty", "class_imbalance", _labelled(lambda at: "negative" if at % 20 else "positive")),
    _file("nine of ten", "class_imbalance", _labelled(lambda at: "negative" if at % 10 else "positive")),
    _file("eight of ten", "class_imbalance", _labelled(lambda at: "negative" if at % 5 else "positive")),
    *(
        planted(f"label {label!r} of a small file", "label_variants", answering(label), mood, number=14)
        for label in ("Positive", "positive ", "NEGATIVE.")
    ),
    planted("label cut short", "label_variants", answering("neu"), mood, number=60),
    _file(
        "a slip three times",
        "label_variants",
        _labelled(lambda at: "postive" if at in (4, 40, 70) else ("positive", "negative")[at % 2]),
        5,
    ),
    planted(
        "another system prompt in a small file",
        "system_prompt_outlier",
        lambda line: {"messages": [{"role": "system", "content": "You are a pirate."}, *line["messages"][1:]]},
        number=12,
    ),
    _file(
        "two of ninety",
        "class_imbalance",
        _labelled(lambda at: "neutral" if at in (5, 50) else ("positive", "negative")[at % 2]),
    ),
    planted(
        "another system prompt",
        "system_prompt_outlier",
        lambda line: {"messages": [{"role": "system", "content": "You are a pirate."}, *line["messages"][1:]]},
    ),
    planted(
        "no system prompt", "system_prompt_outlier", lambda line: {"messages": line["messages"][1:]}, facts, number=55
    ),
    planted(
        "another system prompt of a preference",
        "system_prompt_outlier",
        lambda line: {**line, "input": said(("system", "Be rude."), ("user", line["input"]["messages"][1]["content"]))},
        preference,
    ),
)
FILES = (*_WHOLE, *_REPEATS, *_LEAKS, *_CLASSES)
__all__ = ["AT", "FILES", "asking"]
