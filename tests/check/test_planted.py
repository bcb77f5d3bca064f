"""One planted defect a case: found under its own code, on its own line, with its path, and nothing else with it."""

import json
from typing import Any

import pytest

from tests.check.conftest import GOOD, Check

LINE = 7
QUIET = {"few_examples", "system_prompt_outlier"}
"""The lines of this module are few, and most that are planted have no system prompt."""

USER = {"role": "user", "content": "Hello?"}
ANSWER = {"role": "assistant", "content": "Hello."}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3 C"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}


def said(*messages: object, **members: object) -> dict[str, object]:
    return {"messages": list(messages), **members}


def called(**function: object) -> dict[str, Any]:
    """An answer that calls, its function's members changed."""
    return {"role": "assistant", "tool_calls": [{**CALL, "function": {**CALL["function"], **function}}]}  # type: ignore[dict-item]


def tool(**function: object) -> dict[str, Any]:
    return {"type": "function", "function": {**TOOL["function"], **function}}  # type: ignore[dict-item]


def sent(**options: object) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": options}]}


CHAT: list[tuple[str, object, str, str | None]] = [
    # the text of the line
    ("cut", '{"messages": [{"role": "user"', "invalid_json", None),
    ("trailing comma", '{"messages": [],}', "invalid_json", None),
    ("two objects", json.dumps(said(USER, ANSWER)) * 2, "invalid_json", None),
    ("single quotes", "{'messages': []}", "invalid_json", None),
    ("NaN", '{"messages": NaN}', "invalid_json", None),
    ("Infinity", '{"messages": [], "x": -Infinity}', "invalid_json", None),
    ("control character", '{"messages": "a\x01"}', "invalid_json", None),
    ("NUL", b'{"messages": "a\x00"}', "invalid_json", None),
    ("endless number", '{"messages": ' + "1" * 5000 + "}", "invalid_json", None),
    ("list", '["a"]', "not_an_object", None),
    ("text", '"hello"', "not_an_object", None),
    ("null", "null", "not_an_object", None),
    ("not utf-8", b'{"messages": "\xff\xfe"}', "not_utf8", None),
    (
        "lone surrogate",
        json.dumps(said(USER, ANSWER)).replace("Hello.", "\\ud83d"),
        "lone_surrogate",
        "messages[1].content",
    ),
    ("deep", '{"messages": ' + "[" * 100_000 + "]" * 100_000 + "}", "nesting_too_deep", None),
    (
        "repeated key",
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "content": "c"}]}',
        "repeated_key",
        "messages[1].content",
    ),
    (
        "repeated escaped key",
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "con\\u0074ent": "c"}]}',
        "repeated_key",
        "messages[1].content",
    ),
    ("repeated messages", f'{{"messages": [], "messages": {json.dumps([USER, ANSWER])}}}', "repeated_key", "messages"),
    # the members of the line
    ("no messages", {"tools": []}, "missing_messages", "messages"),
    ("messages null", {"messages": None}, "missing_messages", "messages"),
    ("messages text", {"messages": "hi"}, "missing_messages", "messages"),
    ("messages empty", {"messages": []}, "empty_messages", "messages"),
    ("extra member", said(USER, ANSWER, weight=1), "unknown_field", "weight"),
    ("other form", {"prompt": "a", "completion": "b"}, "mixed_formats", None),
    ("other form too", GOOD["dpo"](1), "mixed_formats", None),
    # messages
    ("message text", said("hi", ANSWER), "invalid_message", "messages[0]"),
    ("no role", said({"content": "hi"}, ANSWER), "missing_role", "messages[0].role"),
    ("role null", said({"role": None, "content": "hi"}, ANSWER), "missing_role", "messages[0].role"),
    ("role human", said({"role": "human", "content": "hi"}, ANSWER), "unknown_role", "messages[0].role"),
    ("role User", said({"role": "User", "content": "hi"}, ANSWER), "unknown_role", "messages[0].role"),
    ("role number", said({"role": 1, "content": "hi"}, ANSWER), "unknown_role", "messages[0].role"),
    ("no content", said({"role": "user"}, ANSWER), "missing_content", "messages[0].content"),
    ("content null", said({"role": "user", "content": None}, ANSWER), "missing_content", "messages[0].content"),
    ("answer null", said(USER, {"role": "assistant", "content": None}), "missing_content", "messages[1].content"),
    ("answer absent", said(USER, {"role": "assistant"}), "missing_content", "messages[1].content"),
    ("content number", said({"role": "user", "content": 7}, ANSWER), "invalid_content", "messages[0].content"),
    ("answer object", said(USER, {"role": "assistant", "content": {}}), "invalid_content", "messages[1].content"),
    ("no parts", said({"role": "user", "content": []}, ANSWER), "invalid_content", "messages[0].content"),
    (
        "bad part",
        said({"role": "user", "content": [{"type": "audio"}]}, ANSWER),
        "invalid_content",
        "messages[0].content[0]",
    ),
    ("extra key", said({**USER, "mood": "x"}, ANSWER), "unknown_field", "messages[0].mood"),
    ("weight 2", said(USER, {**ANSWER, "weight": 2}), "invalid_weight", "messages[1].weight"),
    ("weight 0.5", said(USER, {**ANSWER, "weight": 0.5}), "invalid_weight", "messages[1].weight"),
    ("weight true", said(USER, {**ANSWER, "weight": True}), "invalid_weight", "messages[1].weight"),
    ("weight text", said(USER, {**ANSWER, "weight": "1"}), "invalid_weight", "messages[1].weight"),
    ("weight of user", said({**USER, "weight": 1}, ANSWER), "invalid_weight", "messages[0].weight"),
    ("all weights 0", said(USER, {**ANSWER, "weight": 0}), "no_trained_message", "messages"),
    ("no assistant", said(USER), "no_assistant_message", "messages"),
    ("user last", said(USER, ANSWER, USER), "last_message_not_assistant", "messages[2]"),
    ("bad name", said({**USER, "name": "a b"}, ANSWER), "invalid_name", "messages[0].name"),
    ("long name", said({**USER, "name": "a" * 65}, ANSWER), "invalid_name", "messages[0].name"),
    ("name number", said({**USER, "name": 3}, ANSWER), "invalid_name", "messages[0].name"),
    # tools
    (
        "no id",
        said(USER, {"role": "assistant", "tool_calls": [{**CALL, "id": None}]}, RESULT, ANSWER, tools=[TOOL]),
        "invalid_tool_call",
        "messages[1].tool_calls[0].id",
    ),
    (
        "calls empty",
        said(USER, {**ANSWER, "tool_calls": []}, tools=[TOOL]),
        "invalid_tool_call",
        "messages[1].tool_calls",
    ),
    (
        "calls text",
        said(USER, {**ANSWER, "tool_calls": "x"}, tools=[TOOL]),
        "invalid_tool_call",
        "messages[1].tool_calls",
    ),
    (
        "calls of user",
        said({**USER, "tool_calls": [CALL]}, ANSWER, tools=[TOOL]),
        "invalid_tool_call",
        "messages[0].tool_calls",
    ),
    (
        "id twice",
        said(USER, {"role": "assistant", "tool_calls": [CALL, CALL]}, tools=[TOOL]),
        "invalid_tool_call",
        "messages[1].tool_calls[1].id",
    ),
    (
        "arguments cut",
        said(USER, called(arguments='{"city":'), tools=[TOOL]),
        "tool_arguments_not_json",
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        "arguments list",
        said(USER, called(arguments="[1]"), tools=[TOOL]),
        "tool_arguments_not_json",
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        "arguments object",
        said(USER, called(arguments={"city": "Oslo"}), RESULT, ANSWER, tools=[TOOL]),
        "tool_arguments_not_json",
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        "undeclared",
        said(USER, called(name="news"), tools=[TOOL]),
        "undeclared_tool",
        "messages[1].tool_calls[0].function.name",
    ),
    (
        "nothing declared",
        said(USER, CALLING, RESULT, ANSWER),
        "undeclared_tool",
        "messages[1].tool_calls[0].function.name",
    ),
    (
        "result of nothing",
        said(USER, CALLING, {**RESULT, "tool_call_id": "c9"}, ANSWER, tools=[TOOL]),
        "unknown_tool_call_id",
        "messages[2].tool_call_id",
    ),
    (
        "result without id",
        said(USER, CALLING, {"role": "tool", "content": "3"}, ANSWER, tools=[TOOL]),
        "missing_tool_call_id",
        "messages[2].tool_call_id",
    ),
    (
        "schema type",
        said(USER, ANSWER, tools=[tool(parameters={"type": "strng"})]),
        "invalid_tool_schema",
        "tools[0].function.parameters.type",
    ),
    ("schema list", said(USER, ANSWER, tools=[tool(parameters=[])]), "invalid_tool_schema", "tools[0]"),
    (
        "schema of a text",
        said(USER, ANSWER, tools=[tool(parameters={"type": "string"})]),
        "invalid_tool_schema",
        "tools[0].function.parameters.type",
    ),
    (
        "property no schema",
        said(USER, ANSWER, tools=[tool(parameters={"type": "object", "properties": {"a": "string"}})]),
        "invalid_tool_schema",
        "tools[0].function.parameters.properties.a",
    ),
    (
        "tool without name",
        said(USER, ANSWER, tools=[{"type": "function", "function": {}}]),
        "invalid_tool_schema",
        "tools[0]",
    ),
    ("tools object", said(USER, ANSWER, tools={}), "invalid_tool_schema", "tools"),
    ("tool twice", said(USER, ANSWER, tools=[TOOL, TOOL]), "invalid_tool_schema", "tools[1].function.name"),
    ("tool name", said(USER, ANSWER, tools=[tool(name="get weather")]), "invalid_name", "tools[0].function.name"),
    (
        "arguments misfit",
        said(USER, called(arguments='{"city":7}'), tools=[TOOL]),
        "tool_arguments_mismatch",
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        "argument missing",
        said(USER, called(arguments="{}"), tools=[TOOL]),
        "tool_arguments_mismatch",
        "messages[1].tool_calls[0].function.arguments",
    ),
    (
        "unanswered",
        said(USER, CALLING, USER, ANSWER, tools=[TOOL]),
        "unanswered_tool_call",
        "messages[1].tool_calls[0]",
    ),
    # images
    (
        "image scheme",
        said(sent(url="ftp://example.org/a.png"), ANSWER),
        "image_invalid",
        "messages[0].content[1].image_url.url",
    ),
    (
        "image gif",
        said(sent(url="data:image/gif;base64,AAAA"), ANSWER),
        "image_invalid",
        "messages[0].content[1].image_url.url",
    ),
    (
        "image detail",
        said(sent(url="https://example.org/a.png", detail="huge"), ANSWER),
        "image_invalid",
        "messages[0].content[1].image_url.detail",
    ),
    ("eleven images", said({"role": "user", "content": [IMAGE] * 11}, ANSWER), "image_invalid", "messages"),
    # texts
    ("control token", said(USER, {**ANSWER, "content": "Bye<|endoftext|>"}), "control_token", "messages[1].content"),
    ("blanks", said({**USER, "content": "a" + " " * 1_000_000 + "b"}, ANSWER), "whitespace_run", "messages[0].content"),
    # warnings
    ("empty answer", said(USER, {**ANSWER, "content": ""}), "empty_completion", "messages[1].content"),
    ("blank answer", said(USER, {**ANSWER, "content": " \n"}), "empty_completion", "messages[1].content"),
    ("empty question", said({**USER, "content": ""}, ANSWER), "empty_content", "messages[0].content"),
    ("two users", said(USER, USER, ANSWER), "consecutive_roles", "messages[1]"),
    ("two answers", said(USER, ANSWER, ANSWER), "consecutive_roles", "messages[2]"),
    ("late system", said(USER, {"role": "system", "content": "Be kind."}, ANSWER), "system_not_first", "messages[1]"),
    ("no user", said({"role": "system", "content": "Speak."}, ANSWER), "no_user_message", "messages"),
    ("blank line", "", "blank_line", None),
    ("template", said(USER, {**ANSWER, "content": "[INST] Hi [/INST]"}), "template_tokens", "messages[1].content"),
    ("key", said({**USER, "content": "use " + "sk-" + "a1B2" * 8}, ANSWER), "secret_detected", "messages[0].content"),
    (
        "address",
        said({**USER, "content": "I am jane@some" + "where.se"}, ANSWER),
        "personal_data",
        "messages[0].content",
    ),
    (
        "refusal",
        said(USER, {**ANSWER, "content": "I'm sorry, but I can't help with that."}),
        "refusal",
        "messages[1].content",
    ),
    (
        "model",
        said(USER, {**ANSWER, "content": "Well, as an AI language model I may."}),
        "refusal",
        "messages[1].content",
    ),
    ("unfilled", said({**USER, "content": "Dear {{first_name}}, hello"}, ANSWER), "placeholder", "messages[0].content"),
    ("insert", said(USER, {**ANSWER, "content": "Call [YOUR NUMBER] now"}), "placeholder", "messages[1].content"),
    ("invisible", said({**USER, "content": "pay\u200bpal"}, ANSWER), "invisible_characters", "messages[0].content"),
    (
        "invisible escaped",
        json.dumps(said({**USER, "content": "a\u202eb"}, ANSWER)),
        "invisible_characters",
        "messages[0].content",
    ),
    ("mojibake", said({**USER, "content": "cafÃ© au lait"}, ANSWER), "mojibake", "messages[0].content"),
    ("mojibake escaped", json.dumps(said({**USER, "content": "itâ€™s"}, ANSWER)), "mojibake", "messages[0].content"),
    ("loop", said(USER, {**ANSWER, "content": "So it goes. " * 60}), "repetitive_completion", "messages[1].content"),
    ("duplicate", GOOD["supervised"](1), "duplicate_example", None),
    (
        "duplicate written otherwise",
        json.dumps(GOOD["supervised"](2), indent=None, separators=(" , ", " : ")),
        "duplicate_example",
        None,
    ),
    (
        "other answer",
        said(*GOOD["supervised"](3)["messages"][:2], {"role": "assistant", "content": "7"}),  # type: ignore[index]
        "conflicting_answers",
        None,
    ),
]
OTHER: list[tuple[str, str, object, str, str | None]] = [
    ("dpo", "no preferred", {**GOOD["dpo"](99), "preferred_output": []}, "missing_preferred", "preferred_output"),
    ("dpo", "preferred null", {**GOOD["dpo"](99), "preferred_output": None}, "missing_preferred", "preferred_output"),
    (
        "dpo",
        "no other",
        {**GOOD["dpo"](99), "non_preferred_output": []},
        "missing_non_preferred",
        "non_preferred_output",
    ),
    ("dpo", "empty input", {**GOOD["dpo"](99), "input": {"messages": []}}, "empty_input", "input.messages"),
    ("dpo", "no input", {k: v for k, v in GOOD["dpo"](99).items() if k != "input"}, "empty_input", "input"),
    (
        "dpo",
        "user prefers",
        {**GOOD["dpo"](99), "preferred_output": [USER]},
        "invalid_message",
        "preferred_output[0].role",
    ),
    (
        "dpo",
        "two answers",
        {**GOOD["dpo"](99), "preferred_output": [ANSWER, ANSWER]},
        "invalid_message",
        "preferred_output",
    ),
    (
        "dpo",
        "same",
        {**GOOD["dpo"](99), "preferred_output": [ANSWER], "non_preferred_output": [ANSWER]},
        "identical_preference",
        "non_preferred_output",
    ),
    (
        "dpo",
        "blank",
        {**GOOD["dpo"](99), "preferred_output": [{**ANSWER, "content": ""}]},
        "empty_completion",
        "preferred_output[0].content",
    ),
    ("dpo", "extra", {**GOOD["dpo"](99), "score": 1}, "unknown_field", "score"),
    ("dpo", "a chat line", GOOD["supervised"](99), "mixed_formats", None),
    (
        "reinforcement",
        "answered",
        {**GOOD["reinforcement"](99), "messages": [USER, ANSWER]},
        "last_message_not_prompt",
        "messages[1]",
    ),
    ("reinforcement", "empty", {**GOOD["reinforcement"](99), "messages": []}, "empty_messages", "messages"),
    (
        "reinforcement",
        "role",
        {**GOOD["reinforcement"](99), "messages": [{"role": "me", "content": "x"}]},
        "unknown_role",
        "messages[0].role",
    ),
    ("legacy", "no prompt", {"completion": "x"}, "missing_prompt", "prompt"),
    ("legacy", "prompt list", {"prompt": [1], "completion": "x"}, "missing_prompt", "prompt"),
    ("legacy", "no completion", {"prompt": "x"}, "missing_completion", "completion"),
    ("legacy", "empty", {"prompt": "x", "completion": ""}, "empty_completion", "completion"),
    ("legacy", "extra", {"prompt": "x", "completion": "y", "id": 1}, "unknown_field", "id"),
]


def plant(check: Check, method: str, line: object, code: str, path: str | None) -> None:
    lines = [GOOD[method](at) for at in range(1, 15)]
    report = check([*lines[: LINE - 1], line, *lines[LINE - 1 :]], method)
    found = [(each.code, each.line, each.path) for each in report.errors + report.warnings if each.code not in QUIET]
    assert found == [(code, LINE, path)]
    assert report.valid is (report.error_count == 0)


@pytest.mark.parametrize(("line", "code", "path"), [case[1:] for case in CHAT], ids=[case[0] for case in CHAT])
def test_chat_line(check: Check, line: object, code: str, path: str | None) -> None:
    plant(check, "supervised", line, code, path)


@pytest.mark.parametrize(
    ("method", "line", "code", "path"),
    [(m, *rest) for m, _, *rest in OTHER],
    ids=[f"{case[0]} {case[1]}" for case in OTHER],
)
def test_line_of_another_form(check: Check, method: str, line: object, code: str, path: str | None) -> None:
    plant(check, method, line, code, path)


def test_all_defects_of_one_line_are_found_together(check: Check) -> None:
    line = said(
        {"role": "human", "content": "a"},
        {"content": "b"},
        {"role": "user", "content": 1},
        {**ANSWER, "weight": 3},
        x=1,
    )
    report = check([*(GOOD["supervised"](at) for at in range(60)), line])
    assert {each.code for each in report.errors} == {
        "unknown_field", "unknown_role", "missing_role", "invalid_content", "invalid_weight",
    }  # fmt: skip
    assert {each.line for each in report.errors} == {61}


def test_a_chat_template_token_that_openai_refuses_is_both(check: Check) -> None:
    line = said(USER, {**ANSWER, "content": "<|im_start|>user"})
    report = check([*(GOOD["supervised"](at) for at in range(60)), line])
    assert set(report.counts) - {"system_prompt_outlier"} == {"control_token", "template_tokens"}
