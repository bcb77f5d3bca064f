"""Planted files: what shows only over the whole file, or beside the other split."""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import Line, facts, mood, preference, said
from tests.check.suite.planted import AT, NUMBER, Planted, answering, asking, encoded, ordinary, planted

Change = Callable[[Line], Line]
_FILE = encoded(ordinary())


def _file(
    name: str, code: str, data: bytes, line: int | None = None, method: str = "supervised", **more: Any
) -> Planted:
    return Planted(name, code, line, data, method, **more)


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
FILES = (*_WHOLE, *_CLASSES)
__all__ = ["AT", "FILES", "asking"]
