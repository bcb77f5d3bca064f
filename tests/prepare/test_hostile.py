"""Whatever a file holds, an operation ends with datasets or says why not; nothing else comes out."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.prepare.rows import PrepareFailed
from tests.prepare.conftest import chat, encoded, pair

OPERATIONS: tuple[dict[str, Any], ...] = (
    {"type": "clean"},
    {"type": "clean", "remove_unknown": True, "method": "dpo"},
    {"type": "dedupe", "by": "near"},
    {"type": "normalise", "unicode": "NFKC"},
    {"type": "redact"},
    {"type": "truncate", "max_tokens": 20},
    {"type": "sample", "fraction": 0.5},
    {"type": "convert"},
    {"type": "convert", "to": "chosen_rejected"},
    {"type": "convert", "template": {"user": "{messages}", "assistant": "{a.b}"}},
    {"type": "split", "validation": 1},
)
NASTY = [
    b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"messages":[{"role":"user","content":"\\ud800"},{"role":"assistant","content":"a"}]}',
    b'{"messages":[{"role":"user","content":"\xff"}]}',
    b'{"messages":[{"role":"user","content":"a\\u0000b"},{"role":"assistant","content":"c"}],"n":1e400}',
    b'{"prompt":' + b"9" * 5000 + b',"completion":-1e-400}',
    b'{"prompt":"a","completion":"' + b" " * 150_000 + b'"}',
    b'{"messages":[{"role":"user","content":[{"type":"text","text":7},null,{"type":"image_url"}]}],"tools":"[{]"}',
    b'{"input":{"messages":{"role":"user"}},"preferred_output":[[]],"non_preferred_output":7}',
    b'{"chosen":[],"rejected":{"from":"x"},"prompt":[{}],"tools":[{"name":1}]}',
    b'{"conversations":[{"from":"function_call","value":"{\\"name\\":[]}"}],"instruction":{},"output":[]}',
    b"\0\0\0",
    b"\xef\xbb\xbf",
    b'"text"',
    b"[1,2]",
    b"",
    b"null",
]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "text", "type", "function", "tool_calls", "name"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_COLUMNS = ["messages", "conversations", "prompt", "completion", "chosen", "rejected", "instruction", "output", "input"]
RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from([*_COLUMNS, "tools", "system", "history", "preferred_output"]), _VALUES, max_size=5
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each["type"])
@given(lines=RECORDS)
@example(lines=[{"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": {"a": 1}}}]}]}])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_records_are_taken_or_refused(run, operation, lines):
    encodable = [json.dumps(line) for line in lines]
    with contextlib.suppress(PrepareFailed):
        made = run([*encodable, chat("a"), chat("b")], operation)
        assert sum(map(len, made.outputs)) == sum(diff.lines.after for diff in made.diffs)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each["type"])
@pytest.mark.parametrize("first", [chat("q"), pair("q"), {"prompt": "p", "completion": "c"}, NASTY[0]])
def test_nasty_lines_stop_no_operation(run, operation, first):
    lines = [encoded(first), *NASTY, encoded(first).replace(b"q", b"r"), encoded(pair("x"))]
    with contextlib.suppress(PrepareFailed):
        assert run(b"\n".join(lines), operation).diffs[0].lines.before == 18


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each["type"])
@pytest.mark.parametrize("data", [b"", b"\n\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_says_that_it_is(run, operation, data):
    with pytest.raises(PrepareFailed):
        run(data, operation)
