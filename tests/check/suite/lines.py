"""Planted lines: broken JSON, messages, tools, images and forms."""

import json
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import (
    Line,
    completion,
    images,
    picture,
    preference,
    reinforcement,
    said,
    support,
    tools,
)
from tests.check.suite.planted import answering, planted


def _text(change: Callable[[str], str]) -> Callable[[Line], str]:
    return lambda line: change(json.dumps(line, ensure_ascii=False))


def _message(at: int, *gone: str, **members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        line["messages"][at] = {
            key: value for key, value in (line["messages"][at] | members).items() if key not in gone
        }
        return line

    return change


def _line(*gone: str, **members: Any) -> Callable[[Line], Line]:
    return lambda line: {key: value for key, value in (line | members).items() if key not in gone}


def _call(*gone: str, **members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        (call,) = line["messages"][1]["tool_calls"]
        function = {**call["function"], **{key: members.pop(key) for key in ("name", "arguments") if key in members}}
        call = {**call, **members, "function": {key: value for key, value in function.items() if key not in gone}}
        line["messages"][1]["tool_calls"] = [{key: value for key, value in call.items() if key not in gone}]
        return line

    return change


def _without_type(line: Line) -> Line:
    del line["tools"][0]["function"]["parameters"]["type"]
    return line


def _schema(**members: Any) -> Callable[[Line], Line]:
    def change(line: Line) -> Line:
        line["tools"][0]["function"]["parameters"] |= members
        return line

    return change


_JSON = (
    planted("cut line", "invalid_json", _text(lambda text: text[:-20])),
    planted("Python's dict", "invalid_json", str),
    planted("trailing comma", "invalid_json", _text(lambda text: text[:-1] + ",}")),
    planted("comment", "invalid_json", _text(lambda text: "// " + text)),
    planted("NaN", "invalid_json", _text(lambda text: text[:-1] + ',"x":NaN}')),
    planted("a list", "not_an_object", lambda line: json.dumps(line["messages"])),
    planted("encoded twice", "not_an_object", lambda line: json.dumps(json.dumps(line))),
    planted("role twice", "repeated_key", _text(lambda text: text.replace('"user"', '"user", "role": "user"'))),
    planted(
        "content twice",
        "repeated_key",
        _text(lambda text: text.replace('"content": "To', '"content": "x", "content": "To')),
    ),
    planted(
        "half a pair",
        "lone_surrogate",
        lambda line: json.dumps(answering("x")(line)).replace('"x"', '"Hello \\ud83d there."'),
    ),
    planted("deep", "nesting_too_deep", lambda _: '{"messages":' + "[" * 5000 + "]" * 5000 + "}"),
    planted(
        "six hundred deep", "nesting_too_deep", _text(lambda text: f'{text[:-1]},"tools":{"[" * 600}{"]" * 600}}}')
    ),
    planted(
        "Latin-1",
        "not_utf8",
        lambda line: json.dumps(answering("Un café.")(line), ensure_ascii=False).encode("latin-1"),
    ),
    planted("longer than any line", "line_too_long", lambda line: answering("a " * 9_000_000)(line)),
)
_MESSAGES = (
    planted(
        "another name",
        "missing_messages",
        lambda line: {"tools": [], "msgs": line["messages"]},
        also=("unknown_field",),
    ),
    planted("messages as text", "missing_messages", lambda _: {"messages": "hello"}),
    planted("no message", "empty_messages", lambda _: {"messages": []}),
    planted(
        "a bare text", "invalid_message", lambda line: {"messages": [line["messages"][0], "hi", line["messages"][2]]}
    ),
    planted("no role", "missing_role", _message(1, "role")),
    planted("role usr", "unknown_role", _message(1, role="usr")),
    planted("role Assistant", "unknown_role", _message(2, role="Assistant")),
    planted("no content", "missing_content", _message(1, "content")),
    planted("null answer", "missing_content", _message(2, content=None)),
    planted("a number", "invalid_content", _message(2, content=42)),
    planted("no parts", "invalid_content", _message(1, content=[])),
    planted("extra member of the line", "unknown_field", _line(metadata={"a": 1})),
    planted("extra member of a message", "unknown_field", _message(1, timestamp=5)),
    planted("weight 2", "invalid_weight", _message(2, weight=2)),
    planted("weight as text", "invalid_weight", _message(2, weight="1")),
    planted("weight of the user", "invalid_weight", _message(1, weight=1)),
    planted("all weights 0", "no_trained_message", _message(2, weight=0)),
    planted("no answer", "no_assistant_message", lambda line: {"messages": line["messages"][:2]}),
    planted(
        "user last",
        "last_message_not_assistant",
        lambda line: {"messages": [*line["messages"], {"role": "user", "content": "Thanks, bye."}]},
    ),
    planted("name with a blank", "invalid_name", _message(1, name="John Smith")),
    planted(
        "two questions",
        "consecutive_roles",
        lambda line: {
            "messages": [line["messages"][0], {"role": "user", "content": "Hello there."}, *line["messages"][1:]]
        },
    ),
    planted(
        "late system prompt",
        "system_not_first",
        lambda line: {"messages": [line["messages"][at] for at in (1, 0, 2)]},
        also=("system_prompt_outlier",),
    ),
    planted(
        "two system prompts",
        "consecutive_roles",
        lambda line: {
            "messages": [line["messages"][0], {"role": "system", "content": "Be kind."}, *line["messages"][1:]]
        },
    ),
    planted("no question", "no_user_message", lambda line: {"messages": [line["messages"][0], line["messages"][2]]}),
    planted("empty question", "empty_content", _message(1, content="")),
    planted("a million blanks", "whitespace_run", _message(1, content="a" + " " * 1_000_000 + "b")),
)
_TOOLS = (
    planted("cut arguments", "tool_arguments_not_json", _call(arguments='{"city": "Oslo"'), tools),
    planted("arguments as object", "tool_arguments_not_json", _call(arguments={"city": "Oslo"}), tools),
    planted("arguments as list", "tool_arguments_not_json", _call(arguments='["Oslo"]'), tools),
    planted("argument given twice", "repeated_key", _call(arguments='{"city": "Oslo", "city": "Bergen"}'), tools),
    planted("wrong argument", "tool_arguments_mismatch", _call(arguments='{"town": "Oslo"}'), tools),
    planted(
        "no choice of the enum", "tool_arguments_mismatch", _call(arguments='{"city": "Oslo", "unit": "k"}'), tools
    ),
    planted("unknown call id", "unknown_tool_call_id", _message(2, tool_call_id="call_z"), tools),
    planted("no call id", "missing_tool_call_id", _message(2, "tool_call_id"), tools),
    planted("misspelt tool", "undeclared_tool", _call(name="get_wether"), tools),
    planted("no tools", "undeclared_tool", _line("tools"), tools),
    planted("call without id", "invalid_tool_call", _call("id"), tools),
    planted("call without type", "invalid_tool_call", _call("type"), tools),
    planted("call without name", "invalid_tool_call", _call("name"), tools),
    planted("schema of type objct", "invalid_tool_schema", _schema(type="objct"), tools),
    planted(
        "reference to nothing",
        "invalid_tool_schema",
        _schema(properties={"city": {"type": "string"}, "day": {"$ref": "#/$defs/Day"}}),
        tools,
    ),
    planted("required as text", "invalid_tool_schema", _schema(required="city"), tools),
    planted("property of type str", "invalid_tool_schema", _schema(properties={"city": {"type": "str"}}), tools),
    planted("flat declaration", "invalid_tool_schema", _line(tools=[{"name": "get_weather"}]), tools),
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
_TOOLS += (
    planted(
        "required but not among the properties",
        "invalid_tool_schema",
        _schema(required=["city", "day"]),
        tools,
        also=("tool_arguments_mismatch",),
    ),
    planted("parameters without a type", "invalid_tool_schema", lambda line: _without_type(line), tools),
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
_IMAGES = (
    *(
        planted(f"image {named}", "image_invalid", lambda _, url=url: picture(url), images)
        for named, url in {
            "by ftp": "ftp://example.org/a.png",
            "of this machine": "file:///a.png",
            "GIF": "https://example.org/a.gif",
            "SVG data": "data:image/svg+xml;base64,PHN2Zz4=",
            "no base64": "data:image/png;base64,!!no!!",
            "of GIF data said to be PNG": "data:image/png;base64,R0lGODlhAQABAAAAACw=",
            "with a blank in its address": "https://example.org/my cat.png",
            "of 11 MB": "data:image/png;base64,iVBORw0K" + "A" * 15_000_000,
        }.items()
    ),
    planted(
        "eleven images",
        "image_invalid",
        lambda line: said(("user", line["messages"][0]["content"][1:] * 11), ("assistant", "Cats.")),
        images,
    ),
    planted(
        "image in an answer",
        "image_invalid",
        lambda line: said(("user", "Draw a cat."), ("assistant", line["messages"][0]["content"][1:])),
        images,
    ),
)
_FORMS = (
    planted("a completion among chats", "mixed_formats", lambda _: completion(3)),
    planted("a chat among preferences", "mixed_formats", lambda _: support(40), preference),
    planted(
        "a side without a role",
        "missing_role",
        lambda line: {**line, "preferred_output": [{"content": "Open the page."}]},
        preference,
    ),
    planted(
        "an input that ends with an answer",
        "consecutive_roles",
        lambda line: {
            **line,
            "input": {"messages": [*line["input"]["messages"], {"role": "assistant", "content": "Let me see."}]},
        },
        preference,
    ),
    planted("nothing preferred", "missing_preferred", _line("preferred_output"), preference),
    planted("preferred as text", "missing_preferred", _line(preferred_output="x"), preference),
    planted("nothing rejected", "missing_non_preferred", _line(non_preferred_output=[]), preference),
    planted("no input", "empty_input", _line("input"), preference),
    planted("empty input", "empty_input", _line(input={"messages": []}), preference, also=("system_prompt_outlier",)),
    planted(
        "same sides",
        "identical_preference",
        lambda line: {**line, "non_preferred_output": line["preferred_output"]},
        preference,
    ),
    planted(
        "same sides but for capitals",
        "identical_preference",
        lambda line: {
            **line,
            "non_preferred_output": [
                {**line["preferred_output"][0], "content": line["preferred_output"][0]["content"].upper() + " "}
            ],
        },
        preference,
    ),
    planted("empty preference", "empty_completion", answering(""), preference),
    planted("refusal preferred", "refusal", answering("I'm sorry, but I can't help with that."), preference),
    planted(
        "an answer in a prompt",
        "last_message_not_prompt",
        lambda line: {**line, "messages": [*line["messages"], {"role": "assistant", "content": "4"}]},
        reinforcement,
    ),
    planted("no prompt", "missing_prompt", _line("prompt"), completion),
    planted("empty prompt", "empty_content", _line(prompt=" "), completion),
    planted("no completion", "missing_completion", _line(completion=None), completion),
    planted("empty completion", "empty_completion", _line(completion=""), completion),
)
LINES = (*_JSON, *_MESSAGES, *_TOOLS, *_IMAGES, *_FORMS)
