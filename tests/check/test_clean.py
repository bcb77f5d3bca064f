"""Good data of every kind: not one finding."""

import json

import pytest

from tests.check.conftest import Check
from tests.check.suite.pictures import png, url
from tests.check.test_planted import ANSWER, CALL, IMAGE, RESULT, TOOL, USER, said


def asked(at: int) -> dict[str, object]:
    return {"role": "user", "content": f"Question {at}"}


DATA_IMAGE = {"type": "image_url", "image_url": {"url": url("png", png())}}
SETS = {
    "tool calls": lambda at: said(
        asked(at),
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        RESULT,
        ANSWER,
        tools=[TOOL],
        parallel_tool_calls=False,
    ),
    "parallel calls": lambda at: said(
        asked(at),
        {"role": "assistant", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {**RESULT, "tool_call_id": "c2"},
        RESULT,
        ANSWER,
        tools=[TOOL],
    ),
    "ends with a call": lambda at: said(asked(at), {"role": "assistant", "tool_calls": [CALL]}, tools=[TOOL]),
    "functions": lambda at: said(
        asked(at),
        {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
        {"role": "function", "name": "weather", "content": "3 C"},
        ANSWER,
        functions=[TOOL["function"]],
    ),
    "weights": lambda at: said(asked(at), {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
    "names": lambda at: said({**asked(at), "name": "Jane_1"}, {**ANSWER, "name": "helper-bot"}),
    "images": lambda at: said(
        {"role": "user", "content": [{"type": "text", "text": f"What is {at}?"}, IMAGE]},
        {"role": "assistant", "content": f"A cat {at}."},
    ),
    "data image": lambda at: said(
        {"role": "user", "content": [{"type": "text", "text": f"{at}"}, DATA_IMAGE]},
        ANSWER,
    ),
    "parts": lambda at: said(asked(at), {"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}),
    "refusal member": lambda at: said(asked(at), {"role": "assistant", "refusal": "No."}),
    "nulls": lambda at: said({**asked(at), "name": None}, {**ANSWER, "tool_calls": None, "weight": None}, tools=None),
    "labels": lambda at: said(asked(at), {"role": "assistant", "content": ("yes", "no")[at % 2]}),
    "letters": lambda at: said(asked(at), {"role": "assistant", "content": "ABCDE"[at % 5]}),
    "numbers": lambda at: said(asked(at), {"role": "assistant", "content": str(at)}),
    "japanese": lambda at: said(
        {"role": "system", "content": "あなたは親切なアシスタントです。"},
        {"role": "user", "content": f"{at}番目の質問です。「東京」とは何ですか？"},
        {"role": "assistant", "content": f"東京は日本の首都です（{at}）。"},
    ),
    "scripts": lambda at: said(
        {"role": "user", "content": f"{at} Привет مرحبا नमस्ते 안녕 👩‍👩‍👧 می‌خواهم São Ñandú"},
        {"role": "assistant", "content": f"Ação {at} ÄÖÜ"},
    ),
    "code": lambda at: said(
        {"role": "user", "content": f"Write f{at} in Python; use `{{{{x}}}}` in Jinja."},
        {
            "role": "assistant",
            "content": f"```python\ndef f{at}(x):\n    return {{'a': [x]}}  # TODO\n```\n```\n{{{{ name }}}}\n```",
        },
    ),
    "quoted json": lambda at: said(
        asked(at), {"role": "assistant", "content": json.dumps({"role": "x", "content": {"a": at}})}
    ),
    "long": lambda at: said(
        asked(at), {"role": "assistant", "content": " ".join(f"Line {at * 1000 + n} says {n}." for n in range(400))}
    ),
    "several turns": lambda at: said(
        {"role": "system", "content": "Be brief."},
        asked(at),
        ANSWER,
        USER,
        ANSWER,
        USER,
        {**ANSWER, "content": f"{at}"},
    ),
    "sorry, kindly": lambda at: said(
        asked(at), {"role": "assistant", "content": f"I'm sorry to hear that. Ticket {at} is open now."}
    ),
    "html and e-mail of examples": lambda at: said(
        {"role": "user", "content": f"<s>old</s> <b>new</b> {at} write to jane@example.org, git@github.com:a/b"}, ANSWER
    ),
    "markdown table": lambda at: said(
        asked(at), {"role": "assistant", "content": f"| a | b |\n|---|---|\n| {at} | <|> |"}
    ),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("escaped", [False, True], ids=["utf-8", "escaped"])
def test_clean_set(check: Check, name: str, escaped: bool) -> None:
    report = check([json.dumps(SETS[name](at), ensure_ascii=escaped) for at in range(60)])
    assert {each.code: (each.line, each.path) for each in report.errors + report.warnings} == {}
    assert report.valid
    assert report.tokens is not None
    assert report.tokens.trained


def test_reinforcement_with_tools_developer_and_item_members(check: Check) -> None:
    lines = [
        {
            "messages": [{"role": "developer", "content": "Be brief."}, asked(at)],
            "tools": [TOOL],
            "answer": {"n": at},
            "tags": [],
        }
        for at in range(60)
    ]
    report = check(lines, "reinforcement")
    assert report.counts == {}
    assert report.tokens is not None
    assert report.tokens.trained is None
