"""Changes of ordinary lines."""

import json
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import Line


def as_text(change: Callable[[str], str]) -> Callable[[Line], str]:
    return lambda line: change(json.dumps(line, ensure_ascii=False))


def message(at: int, *gone: str, **members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        line["messages"][at] = {
            key: value for key, value in (line["messages"][at] | members).items() if key not in gone
        }
        return line

    return change


def members(*gone: str, **members: Any) -> Callable[[Line], Line]:
    return lambda line: {key: value for key, value in (line | members).items() if key not in gone}


def call(*gone: str, **members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        (call,) = line["messages"][1]["tool_calls"]
        function = {**call["function"], **{key: members.pop(key) for key in ("name", "arguments") if key in members}}
        call = {**call, **members, "function": {key: value for key, value in function.items() if key not in gone}}
        line["messages"][1]["tool_calls"] = [{key: value for key, value in call.items() if key not in gone}]
        return line

    return change


def without_type(line: Line) -> Line:
    del line["tools"][0]["function"]["parameters"]["type"]
    return line


def schema(**members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        line["tools"][0]["function"]["parameters"] |= members
        return line

    return change
