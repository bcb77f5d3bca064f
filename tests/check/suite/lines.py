"""Planted lines: broken JSON, messages and forms."""

import json

from tests.check.suite.changes import as_text, members, message
from tests.check.suite.ordinary import completion, preference, reinforcement, support
from tests.check.suite.planted import answering, planted

_JSON = (
    planted("cut line", "invalid_json", as_text(lambda text: text[:-20])),
    planted("Python's dict", "invalid_json", str),
    planted("trailing comma", "invalid_json", as_text(lambda text: text[:-1] + ",}")),
    planted("comment", "invalid_json", as_text(lambda text: "// " + text)),
    planted("NaN", "invalid_json", as_text(lambda text: text[:-1] + ',"x":NaN}')),
    planted("a list", "not_an_object", lambda line: json.dumps(line["messages"])),
    planted("encoded twice", "not_an_object", lambda line: json.dumps(json.dumps(line))),
    planted("role twice", "repeated_key", as_text(lambda text: text.replace('"user"', '"user", "role": "user"'))),
    planted(
        "content twice",
        "repeated_key",
        as_text(lambda text: text.replace('"content": "To', '"content": "x", "content": "To')),
    ),
    planted(
        "half a pair",
        "lone_surrogate",
        lambda line: json.dumps(answering("x")(line)).replace('"x"', '"Hello \\ud83d there."'),
    ),
    planted("deep", "nesting_too_deep", lambda _: '{"messages":' + "[" * 5000 + "]" * 5000 + "}"),
    planted(
        "six hundred deep", "nesting_too_deep", as_text(lambda text: f'{text[:-1]},"tools":{"[" * 600}{"]" * 600}}}')
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
    planted("no role", "missing_role", message(1, "role")),
    planted("role usr", "unknown_role", message(1, role="usr")),
    planted("role Assistant", "unknown_role", message(2, role="Assistant")),
    planted("no content", "missing_content", message(1, "content")),
    planted("null answer", "missing_content", message(2, content=None)),
    planted("a number", "invalid_content", message(2, content=42)),
    planted("no parts", "invalid_content", message(1, content=[])),
    planted("extra member of the line", "unknown_field", members(metadata={"a": 1})),
    planted("extra member of a message", "unknown_field", message(1, timestamp=5)),
    planted("weight 2", "invalid_weight", message(2, weight=2)),
    planted("weight as text", "invalid_weight", message(2, weight="1")),
    planted("weight of the user", "invalid_weight", message(1, weight=1)),
    planted("all weights 0", "no_trained_message", message(2, weight=0)),
    planted("no answer", "no_assistant_message", lambda line: {"messages": line["messages"][:2]}),
    planted(
        "user last",
        "last_message_not_assistant",
        lambda line: {"messages": [*line["messages"], {"role": "user", "content": "Thanks, bye."}]},
    ),
    planted("name with a blank", "invalid_name", message(1, name="John Smith")),
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
    planted("empty question", "empty_content", message(1, content="")),
    planted("a million blanks", "whitespace_run", message(1, content="a" + " " * 1_000_000 + "b")),
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
    planted("nothing preferred", "missing_preferred", members("preferred_output"), preference),
    planted("preferred as text", "missing_preferred", members(preferred_output="x"), preference),
    planted("nothing rejected", "missing_non_preferred", members(non_preferred_output=[]), preference),
    planted("no input", "empty_input", members("input"), preference),
    planted("empty input", "empty_input", members(input={"messages": []}), preference, also=("system_prompt_outlier",)),
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
    *(
        planted(f"an answer that is {value!r}", "item_outlier", members(answer=value), reinforcement)
        for value in ("", 120, None, ["120"], {"text": "120"})
    ),
    planted(
        "a misspelt answer", "item_outlier", lambda line: {"messages": line["messages"], "anwser": "1"}, reinforcement
    ),
    planted("no prompt", "missing_prompt", members("prompt"), completion),
    planted("empty prompt", "empty_content", members(prompt=" "), completion),
    planted("no completion", "missing_completion", members(completion=None), completion),
    planted("empty completion", "empty_completion", members(completion=""), completion),
)
LINES = (*_JSON, *_MESSAGES, *_FORMS)
