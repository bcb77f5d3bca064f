"""Planted lines: tools, their calls and results."""

from collections.abc import Callable
from typing import Any

from tests.check.suite.changes import call, members, message, schema, without_type
from tests.check.suite.ordinary import TOOL, Line, preference, several_calls, support, tools
from tests.check.suite.planted import planted

_SHAPES = (
    planted("cut arguments", "tool_arguments_not_json", call(arguments='{"city": "Oslo"'), tools),
    planted("arguments as object", "tool_arguments_not_json", call(arguments={"city": "Oslo"}), tools),
    planted("arguments as list", "tool_arguments_not_json", call(arguments='["Oslo"]'), tools),
    planted("argument given twice", "repeated_key", call(arguments='{"city": "Oslo", "city": "Bergen"}'), tools),
    planted("wrong argument", "tool_arguments_mismatch", call(arguments='{"town": "Oslo"}'), tools),
    planted("no choice of the enum", "tool_arguments_mismatch", call(arguments='{"city": "Oslo", "unit": "k"}'), tools),
    planted("unknown call id", "unknown_tool_call_id", message(2, tool_call_id="call_z"), tools),
    planted("no call id", "missing_tool_call_id", message(2, "tool_call_id"), tools),
    planted("misspelt tool", "undeclared_tool", call(name="get_wether"), tools),
    planted("no tools", "undeclared_tool", members("tools"), tools),
    planted("call without id", "invalid_tool_call", call("id"), tools),
    planted("call without type", "invalid_tool_call", call("type"), tools),
    planted("call without name", "invalid_tool_call", call("name"), tools),
    planted("schema of type objct", "invalid_tool_schema", schema(type="objct"), tools),
    planted(
        "reference to nothing",
        "invalid_tool_schema",
        schema(properties={"city": {"type": "string"}, "day": {"$ref": "#/$defs/Day"}}),
        tools,
    ),
    planted("required as text", "invalid_tool_schema", schema(required="city"), tools),
    planted("property of type str", "invalid_tool_schema", schema(properties={"city": {"type": "str"}}), tools),
    planted("flat declaration", "invalid_tool_schema", members(tools=[{"name": "get_weather"}]), tools),
    planted(
        "call without result",
        "unanswered_tool_call",
        lambda line: {
            **line,
            "messages": [*line["messages"][:2], {"role": "user", "content": "Well?"}, line["messages"][3]],
        },
        tools,
    ),
    planted(
        "result given twice",
        "unused_tool_result",
        lambda line: {**line, "messages": [*line["messages"][:3], *line["messages"][2:]]},
        tools,
    ),
)
_DECLARED = (
    planted(
        "required but not among the properties",
        "invalid_tool_schema",
        schema(required=["city", "day"]),
        tools,
        also=("tool_arguments_mismatch",),
    ),
    planted("parameters without a type", "invalid_tool_schema", without_type, tools),
    planted(
        "a function's message that no function is declared for",
        "undeclared_tool",
        lambda line: {
            "messages": [
                *line["messages"][:2],
                {"role": "function", "name": "find", "content": "x"},
                line["messages"][2],
            ]
        },
    ),
)


def _answer(text: str) -> Callable[[Line], Line]:
    """Write a call as text instead of making it."""
    return lambda line: {**line, "messages": [line["messages"][0], {"role": "assistant", "content": text}]}


def _declared(**members: Any) -> Callable[[Line], Line]:
    """Change the tool's declaration on one line."""
    return lambda line: {**line, "tools": [{"type": "function", "function": {**TOOL["function"], **members}}]}


def _strict(**members: Any) -> Callable[[Line], Line]:
    parameters = {**TOOL["function"]["parameters"], **members}
    return _declared(strict=True, parameters=parameters)


def _twice(line: Line) -> Line:
    calls = line["messages"][1]["tool_calls"]
    again = {**calls[0], "id": "again"}
    result = {"role": "tool", "tool_call_id": "again", "content": "3"}
    messages = [line["messages"][0], {**line["messages"][1], "tool_calls": [*calls, again]}, result]
    return {**line, "messages": [*messages, *line["messages"][2:]]}


def _preferred(**function: Any) -> Callable[[Line], Line]:
    """Let a preference's better answer call something."""
    made = {"name": "get_weather", "arguments": '{"city": "Oslo"}', **function}
    calls = [{"id": "a", "type": "function", "function": made}]
    return lambda line: {
        **line,
        "input": {**line["input"], "tools": [TOOL]},
        "preferred_output": [{"role": "assistant", "tool_calls": calls}],
    }


_WRITTEN = (
    '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
    'Let me see.\n```json\n[{"name": "get_weather", "parameters": {"city": "Oslo"}}]\n```',
    'get_weather(city="Oslo", unit="c")',
    "functions.get_weather(city='Oslo')",
    'Thought: I need the weather.\nAction: get_weather\nAction Input: {"city": "Oslo"}',
)
_CALLED = (
    planted(
        "two calls where one is allowed",
        "parallel_calls_disabled",
        lambda line: {**line, "parallel_tool_calls": False},
        several_calls,
    ),
    planted(
        "two preferred calls where one is allowed",
        "parallel_calls_disabled",
        lambda line: {
            **line,
            "input": {**line["input"], "tools": [TOOL], "parallel_tool_calls": False},
            "preferred_output": [several_calls(9)["messages"][2]],
        },
        preference,
    ),
    planted("one call twice", "duplicate_tool_call", _twice, tools),
    *(planted(f"written: {text[:30]}", "call_in_text", _answer(text), tools) for text in _WRITTEN),
    planted("another description", "tool_definition_outlier", _declared(description="Weather, now"), tools),
    planted(
        "another parameter",
        "tool_definition_outlier",
        _declared(
            parameters={"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}
        ),
        tools,
    ),
    *(
        planted(named, "tool_schema_not_strict", _strict(**more), tools)
        for named, more in {
            "strict with an optional property": {"additionalProperties": False},
            "strict and open": {"required": ["city", "unit"]},
            "strict with an open object within": {
                "additionalProperties": False,
                "required": ["city", "unit"],
                "properties": {
                    "city": {"type": "string"},
                    "unit": {
                        "anyOf": [{"type": "object", "properties": {"name": {"type": "string"}}}, {"type": "string"}]
                    },
                },
            },
        }.items()
    ),
    planted("a preferred call of nothing", "undeclared_tool", _preferred(name="get_wether"), preference),
    planted("a preferred call that is cut", "tool_arguments_not_json", _preferred(arguments='{"city'), preference),
    planted(
        "two answers in words",
        "consecutive_roles",
        lambda line: {
            "messages": [*line["messages"][:2], {"role": "assistant", "content": "Let me see."}, line["messages"][2]]
        },
        support,
    ),
)
TOOLS = (*_SHAPES, *_DECLARED, *_CALLED)
