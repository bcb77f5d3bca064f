"""Local models answer in OpenAI's shapes, as the strict SDK reads them, through the API."""

import asyncio
import json
from typing import Any

import httpx2
import openai
import pytest

from tests.inference.conftest import Stack

TINY = "tunewright-tiny"
HELLO: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi"}]


async def test_a_whole_answer(stack: Stack) -> None:
    async with stack.client() as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=TINY, messages=HELLO, max_completion_tokens=5, n=2, seed=1, temperature=0.5, stop=["zzz"]
        )
    answer = raw.parse()
    assert raw.headers["x-request-id"].startswith("req_")
    assert answer.model == TINY
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert {choice.finish_reason for choice in answer.choices} <= {"stop", "length"}
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 10
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_streamed_answer_is_the_same_text(stack: Stack) -> None:
    async with stack.client() as client:
        whole = await client.chat.completions.create(model=TINY, messages=HELLO, seed=3, max_tokens=40)
        stream = await client.chat.completions.create(
            model=TINY, messages=HELLO, seed=3, max_tokens=40, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


async def test_completions(stack: Stack) -> None:
    async with stack.client() as client:
        answer = await client.completions.create(model=TINY, prompt=["a ->", "b ->"], n=2, max_tokens=3, echo=True)
    # The SDK's type wants a finish reason in every chunk, OpenAI itself sends null before the last: not strict.
    async with stack.client(strict=False) as client:
        stream = await client.completions.create(model=TINY, prompt="a ->", max_tokens=3, stream=True)
        chunks = [chunk async for chunk in stream]
    assert [choice.text[:4] for choice in answer.choices] == ["a ->", "a ->", "b ->", "b ->"]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert chunks[-1].choices[0].finish_reason in {"stop", "length"}


async def test_tools_and_other_members_are_accepted(stack: Stack) -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    call: Any = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: Any = [
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "assistant", "content": None, "tool_calls": [call, {"id": "d", "type": "custom"}]},
        {"role": "tool", "tool_call_id": "c", "content": "3"},
    ]
    options: Any = {"logprobs": True, "response_format": {"type": "text"}, "tool_choice": "auto", "user": "u"}
    async with stack.client() as client:
        for stream in (False, True):
            answer: Any = await client.chat.completions.create(
                model=TINY, messages=messages, tools=[tool, {"type": "custom"}], max_tokens=4, stream=stream, **options
            )
            if stream:
                assert [chunk async for chunk in answer][-1].choices[0].finish_reason
            else:
                assert answer.choices[0].logprobs is None


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"n": 0}, "n"),
        ({"max_tokens": "five"}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stream_options": {}}, "stream_options"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
    ],
)
async def test_what_is_wrong_is_named(stack: Stack, members: dict[str, Any], param: str) -> None:
    body = {"model": TINY, "messages": HELLO, **members}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{stack.url}/v1/chat/completions", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"messages":[]}'])
async def test_what_is_no_call(stack: Stack, body: bytes) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{stack.url}/v1/chat/completions", content=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_an_unknown_model(stack: Stack) -> None:
    async with stack.client() as client:
        for name in ("nobody-1", "ft:tunewright-tiny:org::0123abcd", "ft:gpt-4o:org::x"):
            with pytest.raises(openai.NotFoundError) as caught:
                await client.chat.completions.create(model=name, messages=HELLO)
            assert caught.value.code == "model_not_found"


async def test_too_large_a_body(stack: Stack) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{stack.url}/v1/chat/completions", content=_endless())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


async def _endless() -> Any:
    for _ in range(400):
        yield b" " * 65_536


async def test_many_answers_at_once(stack: Stack) -> None:
    async with stack.client() as client:

        async def one(seed: int) -> str:
            answer = await client.chat.completions.create(model=TINY, messages=HELLO, seed=seed, max_tokens=20)
            return json.dumps(answer.choices[0].message.content)

        assert len(await asyncio.gather(*(one(n) for n in range(24)))) == 24
