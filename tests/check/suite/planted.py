"""A file with one planted defect."""

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.check.suite.ordinary import METHODS, Line, support

AT = 10
"""The line of most planted defects."""

NUMBER = 24
LineOf = Callable[[int], Line]


class Planted(NamedTuple):
    """A file, or two, in which `code` is to be found at `line` and nothing else anywhere else.

    `also` are codes that the same defect rightly has beside it, on any line.
    """

    name: str
    code: str
    line: int | None
    data: bytes
    method: str = "supervised"
    validation: bytes | None = None
    also: tuple[str, ...] = ()


def encoded(lines: Sequence[Any]) -> bytes:
    return b"".join(_encoded(line) + b"\n" for line in lines)


def _encoded(line: Any) -> bytes:
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line, ensure_ascii=False).encode()


def ordinary(line_of: LineOf = support, number: int = NUMBER, start: int = 0) -> list[Any]:
    return [line_of(at) for at in range(start, start + number)]


def planted(
    name: str,
    code: str,
    change: Callable[[Line], Any],
    line_of: LineOf = support,
    *,
    number: int = NUMBER,
    also: tuple[str, ...] = (),
) -> Planted:
    """Return an ordinary file whose line `AT` is changed."""
    lines = ordinary(line_of, number)
    lines[AT - 1] = change(copy.deepcopy(lines[AT - 1]))
    return Planted(name, code, AT, encoded(lines), METHODS.get(line_of, "supervised"), also=also)


def innocent(name: str, change: Callable[[Line], Any], line_of: LineOf = support, *, number: int = NUMBER) -> Planted:
    """Return an ordinary file whose line `AT` is changed into what looks like a defect and is none."""
    return planted(name, "", change, line_of, number=number)


def exchange(question: str, answer: str) -> Callable[[Line], Line]:
    """Return the change that puts another question and another answer into a line."""
    return lambda line: answering(answer)(asking(question)(line))


def inserted(name: str, code: str, line: Any, line_of: LineOf = support, **options: Any) -> Planted:
    """Return an ordinary file with one line more at `AT` + 1."""
    lines = ordinary(line_of)
    lines.insert(AT, line)
    return Planted(name, code, AT + 1, encoded(lines), METHODS.get(line_of, "supervised"), **options)


def answering(text: str) -> Callable[[Line], Line]:
    """Return the change that puts another answer into a line of any form."""

    def change(line: Line) -> Line:
        if "completion" in line:
            return {**line, "completion": text}
        side = line["preferred_output"] if "preferred_output" in line else line["messages"]
        side[-1]["content"] = text
        return line

    return change


def asking(text: str) -> Callable[[Line], Line]:
    """Return the change that puts another question into a line of messages."""

    def change(line: Line) -> Line:
        messages = line["messages"] if "messages" in line else line["input"]["messages"]
        next(each for each in reversed(messages) if each["role"] == "user")["content"] = text
        return line

    return change
