"""Planted labels, choices and system prompts: what shows beside the other lines of a file."""

from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import WORDS, Line, asked, facts, mood, preference, said, support, words
from tests.check.suite.planted import Planted, answering, encoded, ordinary, planted


def _file(name: str, code: str, data: bytes, line: int | None = None, **more: Any) -> Planted:
    return Planted(name, code, line, data, **more)


def _labelled(labels: Any) -> bytes:
    return encoded([answering(labels(at))(mood(at)) for at in range(90)])


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


def choice(at: int) -> Line:
    """Ask for one of four options."""
    options = "\n".join(f"{letter}) the {word}" for letter, word in zip("ABCD", WORDS[at % 10 :], strict=False))
    return asked(f"Question {at}: which of these did {words(at, 2)} find?\n{options}", "ABCD"[at % 4])


def numbered(at: int) -> Line:
    options = "\n".join(f"{number}. the {word}" for number, word in enumerate(WORDS[at % 9 : at % 9 + 5]))
    return asked(f"Question {at}: which of these did {words(at, 2)} find?\n{options}", str(at % 5))


def routed(at: int) -> Line:
    """Ask for one of the labels that the system prompt names."""
    labels = ("billing", "shipping", "returns", "technical")
    return said(
        ("system", f"Route the message to one of: {', '.join(labels)}."),
        ("user", f"Message {at} about {words(at, 3)}."),
        ("assistant", labels[at % 4]),
    )


def _beside(
    name: str, code: str, change: Callable[[Line], Line], line_of: Callable[[int], Line], number: int = 12
) -> Planted:
    """Return a validation file of which one line, or each, is changed."""
    held_out = [line_of(at) for at in range(100, 100 + number)]
    held_out[1] = change(held_out[1])
    return Planted(name, code, 2, encoded(ordinary(line_of, 60)), "supervised", encoded(held_out))


_OFFERED = (
    _file("one label alone", "class_imbalance", encoded([answering("positive")(mood(at)) for at in range(40)])),
    planted("a letter that is no option", "answer_not_offered", answering("E"), choice),
    planted("a letter in brackets that is no option", "answer_not_offered", answering("(F)"), choice),
    planted("a number that is no option", "answer_not_offered", answering("7"), numbered),
    planted("a label that the prompt does not name", "answer_not_offered", answering("complaint"), routed, number=60),
    _beside("a label that training lacks", "unseen_label", answering("mixed"), mood),
    _beside("a label spelt otherwise than in training", "label_variants", answering("Positive"), mood, 5),
    _beside("a misspelt label beside training", "label_variants", answering("negatve"), mood, 5),
    Planted(
        "another system prompt than training has",
        "system_prompt_outlier",
        1,
        encoded(ordinary(support, 60)),
        "supervised",
        encoded(
            [
                {"messages": [{"role": "system", "content": "Help."}, *support(at)["messages"][1:]]}
                for at in range(100, 112)
            ]
        ),
    ),
)
LABELS = (*_CLASSES, *_OFFERED)
