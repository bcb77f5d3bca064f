"""Clean sets of calls, such as look like defects and are none."""

import json
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import CAPITALS, TOOL, Line, several_calls, tools, words

_SEARCH: Line = {
    "type": "function",
    "function": {
        "name": "search_flights",
        "description": "Finds flights",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "string"},
                "stops": {"type": ["integer", "null"]},
                "on": {
                    "type": "object",
                    "properties": {"day": {"type": "string"}},
                    "required": ["day"],
                    "additionalProperties": False,
                },
            },
            "required": ["to", "stops", "on"],
            "additionalProperties": False,
        },
    },
}


def _call(at: int, tool: str, /, **arguments: Any) -> Line:
    return {"id": f"c{at}", "type": "function", "function": {"name": tool, "arguments": json.dumps(arguments)}}


def _said(*messages: Line, **members: Any) -> Line:
    return {"messages": list(messages), **members}


def _announced(at: int) -> Line:
    """Say what is done before it is done."""
    question, *others = tools(at)["messages"]
    return {**tools(at), "messages": [question, {"role": "assistant", "content": "Let me look that up."}, *others]}


def _strict(at: int) -> Line:
    city = CAPITALS[at % len(CAPITALS)][1]
    made = _call(at, "search_flights", to=city, stops=None, on={"day": f"2026-03-{at % 28 + 1:02d}"})
    question = {"role": "user", "content": f"Find me a flight to {city} for {words(at, 2)} {at}."}
    return _said(question, {"role": "assistant", "content": None, "tool_calls": [made]}, tools=[_SEARCH])


def _one_by_one(at: int) -> Line:
    """Make two calls one after the other, as the line demands."""
    question, calling, one, other, answer = several_calls(at)["messages"][1:]
    first, second = calling["tool_calls"]
    turns = [{**calling, "tool_calls": [first]}, other, {**calling, "tool_calls": [second]}, one]
    return _said(question, *turns, answer, tools=[TOOL], parallel_tool_calls=False)


def _dice(at: int) -> Line:
    """Make the same call twice, as the user asks."""
    question = {"role": "user", "content": f"Roll two dice for {words(at, 3)} {at}."}
    made = [_call(each, "roll_die", sides=6) for each in (1, 2)]
    results = [{"role": "tool", "tool_call_id": f"c{each}", "content": str(at % each + each)} for each in (1, 2)]
    answer = {"role": "assistant", "content": f"You have {at % 2 + 3} in all."}
    die = {"name": "roll_die", "parameters": {"type": "object", "properties": {"sides": {"type": "integer"}}}}
    declared = [{"type": "function", "function": die}]
    return _said(question, {"role": "assistant", "tool_calls": made}, *results, answer, tools=declared)


def _told(at: int) -> Line:
    """Talk about a tool without calling it."""
    answers = (
        "I can look that up with get_weather (it knows {} cities), but I need the city first.",
        'In JSON that would be {{"name": "Oslo", "input": {}}}, as the form asks for it.',
        "The action: none. I have no tool for number {}.",
    )
    question = {"role": "user", "content": f"What can you do about {words(at, 3)} {at}?"}
    answer = {"role": "assistant", "content": answers[at % 3].format(at + 7)}
    return _said(question, answer, tools=[TOOL])


def _offered(at: int) -> Line:
    """Declare a tool that is made anew for each line."""
    names = [f"{words(at, 1)}_{each}" for each in range(at % 3 + 2)]
    choice = {"type": "object", "properties": {"name": {"type": "string", "enum": names}}, "required": ["name"]}
    tool = {"type": "function", "function": {"name": "choose", "description": "Chooses", "parameters": choice}}
    question = {"role": "user", "content": f"Which one fits {words(at, 4)} {at}?"}
    return _said(question, {"role": "assistant", "tool_calls": [_call(at, "choose", name=names[0])]}, tools=[tool])


CALLS: dict[str, tuple[str, Callable[[int], Line]]] = {
    "calls that are announced": ("supervised", _announced),
    "strict tools": ("supervised", _strict),
    "one call at a time": ("supervised", _one_by_one),
    "the same call twice on purpose": ("supervised", _dice),
    "tools that are talked about": ("supervised", _told),
    "tools made for each line": ("supervised", _offered),
}
