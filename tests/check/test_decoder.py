"""Tools that many lines declare are read and judged once, and nothing else comes of it."""

import json
from typing import Any

import msgspec
import pytest

from service.check import split
from service.core.dataset import decoder
from service.core.dataset.decoder import LineDecoder
from service.core.dataset.forms import DECODERS, judge
from service.core.dataset.known import KnownTool
from service.core.dataset.lines import ChatLine, Line, PreferenceLine, ReinforcementLine
from service.core.dataset.parse import NOT_READ, repeated_in
from service.core.dataset.spans import Spans, lay_out
from tests.check.suite import CLEAN, PLANTED, Planted
from tests.check.suite.clean import NUMBER
from tests.check.suite.planted import encoded
from tests.check.ways import check

ASKED = [{"role": "user", "content": "How is it?"}, {"role": "assistant", "content": "It is well."}]


def tool(name: str = "weather", **members: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}}
    return {"type": "function", "function": {"name": name, "parameters": schema, **members}}


def line(*tools: Any, **members: Any) -> bytes:
    return json.dumps({"messages": ASKED, "tools": tools, **members}).encode()


def with_tools(data: bytes) -> bool:
    return b'"tools"' in data


@pytest.fixture
def without_knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all lines be read with their tools, whether these are known or not."""
    monkeypatch.setattr(LineDecoder, "_known_tools", lambda self, listed: None)


@pytest.mark.parametrize("case", [each for each in PLANTED if with_tools(each.data)], ids=lambda case: case.name)
def test_planted_defects_are_found_alike(case: Planted, request: pytest.FixtureRequest) -> None:
    report = check(case.data, case.method, case.validation)
    request.getfixturevalue("without_knowledge")
    assert check(case.data, case.method, case.validation) == report


@pytest.mark.parametrize("name", CLEAN)
def test_clean_sets_look_alike(name: str, request: pytest.FixtureRequest) -> None:
    method, line_of = CLEAN[name]
    data = encoded([json.dumps(line_of(at)) for at in range(NUMBER)])
    report = check(data, method)
    request.getfixturevalue("without_knowledge")
    assert check(data, method) == report


def test_equal_tools_are_one_object() -> None:
    read = LineDecoder("chat")
    lines = [read.decode(line(tool(), tool(name)))[0] for name in ("time", "time", "place")]
    first, again, other = (each.tools for each in lines if isinstance(each, ChatLine))
    assert first
    assert again
    assert other
    assert first[0] is again[0] is other[0]
    assert first[1] is again[1]
    assert (first[1], other[1]) == tuple(msgspec.convert(tool(name), KnownTool) for name in ("time", "place"))


@pytest.mark.parametrize("form", ["chat", "preference", "reinforcement"])
def test_lines_are_as_they_are_without(form: Any) -> None:
    declared = [tool(), tool("time", strict=True, description=None)]
    shape: dict[str, dict[str, Any]] = {
        "chat": {"messages": ASKED, "tools": declared, "functions": [declared[0]["function"]]},
        "preference": {
            "input": {"messages": ASKED[:1], "tools": declared, "parallel_tool_calls": False},
            "preferred_output": ASKED[1:],
            "non_preferred_output": [{"role": "assistant", "content": "Bad."}],
        },
        "reinforcement": {"messages": ASKED[:1], "tools": declared, "answer": 5},
    }
    raw = json.dumps(shape[form]).encode()
    plain = DECODERS[form].decode(raw)
    read = LineDecoder(form)
    for _ in range(2):
        known, is_sure = read.decode(raw)
        assert isinstance(known, ChatLine | PreferenceLine | ReinforcementLine)
        assert is_sure == (form != "reinforcement"), "`answer` is no member of it"
        assert msgspec.to_builtins(known) == msgspec.to_builtins(plain)
        laid: list[Spans] = []
        for each in (known, plain):
            spans, found = Spans("o200k_base"), []
            lay_out(each, spans)
            judge(each, found)
            laid.append(spans)
            assert [defect.code for defect in found] == ["tool_schema_not_strict"]
        assert [(each.texts, each.leads, each.trained, each.roles) for each in laid[:1]] == [
            (each.texts, each.leads, each.trained, each.roles) for each in laid[1:]
        ]


@pytest.mark.parametrize(
    "tools",
    [
        b'[{"type":"function","function":{"name":"a","name":"a"}}]',
        b'[{"type":"function","function":{"name":"a"},"function":{"name":"a"}}]',
        b'[{"type":"function","function":{"name":"a","parameters":{"type":"object","type":"object"}}}]',
        b'[{"type" :"function","function":{"name":"a","name" :"a"}}]',
    ],
)
def test_a_member_that_is_given_twice_is_noticed_each_time(tools: bytes) -> None:
    read = LineDecoder("chat")
    raw = json.dumps({"messages": ASKED}).encode()[:-1] + b',"tools":' + tools + b"}"
    for _ in range(3):
        found, is_sure = read.decode(raw)
        assert isinstance(found, ChatLine)
        assert not is_sure
        assert found.tools
        assert type(found.tools[0]) is not KnownTool


@pytest.mark.parametrize(
    "tools",
    [
        b"5", b'"a"', b"{}", b"[5]", b'[{"type":"function"}]', b'[{"type":"function","function":{"name":"a"}},{}]',
        b'[{"type":"function","function":{"name":"a","x":1}}]', b'[{"type":"function","function":{"name":"\\ud800"}}]',
        b'[{"type":"function","function":{"name":"\xff"}}]', b"[{]", b"[" * 100_000, b'[{"a":' * 100_000,
        b'[{"type":"function","function":{"name":"a","parameters":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}}]",
    ],
    ids=range(13),
)  # fmt: skip
def test_tools_that_can_not_be_read_are_refused_as_without(tools: bytes) -> None:
    raw = json.dumps({"messages": ASKED}).encode()[:-1] + b',"tools":' + tools + b"}"
    read = LineDecoder("chat")
    for decode in (DECODERS["chat"].decode, read.decode, read.decode):
        with pytest.raises(NOT_READ):
            decode(raw)


@pytest.mark.parametrize("tools", [b'["\xff"]', b"[" + b"9" * 5000 + b"]", b"[5]", b'[{"type":"function"}]'])
def test_tools_that_others_replace_are_looked_at(tools: bytes) -> None:
    raw = json.dumps({"messages": ASKED}).encode()[:-1] + b',"tools":' + tools + b',"tools":null}'
    for decode in (DECODERS["chat"].decode, LineDecoder("chat").decode):
        with pytest.raises(NOT_READ):
            decode(raw)


def test_what_only_graders_read_is_looked_at() -> None:
    line = b'{"messages":[{"role":"user","content":"How many are %d?"}],"answer":"%d"}'
    lines = [line % (at, at) for at in range(60)]
    lines[7] = lines[7].replace(b'"answer":"7"', b'"answer":"\xff"')
    report = check(b"\n".join(lines), "reinforcement")
    assert [(each.line, each.code) for each in report.errors] == [(8, "not_utf8")]
    assert report.examples == 59


def test_nothing_is_left_of_a_line_that_is_too_deep_for_some_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def lay_out_all_but_one(line: Line, spans: Spans) -> None:
        lay_out(line, spans)
        if "a.b@corp.org" in spans.texts:
            raise RecursionError

    monkeypatch.setattr(split, "lay_out", lay_out_all_but_one)
    said = [{"role": "user", "content": "a.b@corp.org"}, ASKED[1]]
    good = [{"messages": [{"role": "user", "content": f"{at}?"}, ASKED[1]], "tools": [tool()]} for at in range(60)]
    lines = [json.dumps(each) for each in good]
    left = check("\n".join(lines).encode())
    lines.insert(7, json.dumps({"messages": said, "tools": [tool()]}))
    report = check("\n".join(lines).encode())
    assert [(each.line, each.code) for each in report.errors] == [(8, "nesting_too_deep")]
    assert "personal_data" not in report.counts
    assert report.tokens is not None
    assert (report.examples, report.tokens) == (60, left.tokens)


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ('{"a":1,"a":2}', "a"),
        ('{"a"\n:1,"a":2}', "a"),
        ('{"a":1,"a" :2}', "a"),
        ('{"b\\\\":1,"b\\\\":2}', "b\\"),
        ('{"b\\u005c":1,"b\\\\":2}', "b\\"),
        ('{"\\u0061":1,"a":2}', "a"),
        ('{"a":{"c":1,"c":1},"b":[]}', "c"),
        ('{"a":[{"c":1},{"c":1}]}', None),
        ('{"a\\":":1,"b":"\\":"}', None),
        ('{"a":"\\u0022:","b":"\\\\"}', None),
        ('{"a":1e5,"b":12345678901234567890123}', None),
        ("{}", None),
    ],
)
def test_arguments_that_are_given_twice(text: str, twice: str | None) -> None:
    assert repeated_in(text, json.loads(text)) == twice


@pytest.mark.parametrize("tools", [b"null", b"[]"])
def test_no_tools_are_left_as_they_are(tools: bytes) -> None:
    raw = json.dumps({"messages": ASKED}).encode()[:-1] + b',"tools":' + tools + b"}"
    found, is_sure = LineDecoder("chat").decode(raw)
    assert isinstance(found, ChatLine)
    assert is_sure
    assert found.tools == json.loads(tools)


def test_what_is_kept_in_mind_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_BYTES", 2000)
    read, most = LineDecoder("chat"), 0
    for at in range(300):
        found, _ = read.decode(line(tool(f"tool_{at}"), tool(f"tool_{at}", description="x" * (at % 7 * 100))))
        assert isinstance(found, ChatLine)
        assert found.tools
        assert {each.function.name for each in found.tools if each} == {f"tool_{at}"}
        known = read._known  # pyright: ignore[reportPrivateUsage]
        most = max(most, sum(map(len, known)))
    assert 500 < most <= 2000


def test_a_large_tool_is_not_kept_in_mind() -> None:
    read = LineDecoder("chat")
    found, is_sure = read.decode(line(tool(description="x" * 50_000), tool("other")))
    assert isinstance(found, ChatLine)
    assert is_sure
    assert [len(each) > 1000 for each in read._known] == [False]  # pyright: ignore[reportPrivateUsage]
