"""Calls for remote models pass through as bytes; what goes wrong on the way is an envelope."""

from typing import Any

import httpx2
import pytest

from tests.inference.conftest import Stack
from tests.providers.conftest import KEY
from tests.providers.upstream import HANG, Answer, error
from tests.waiting import until_async

CHAT = "/chat/completions"
EVENTS = {"content-type": "text/event-stream"}


async def post(stack: Stack, body: Any, path: str = CHAT) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.post(f"{stack.url}/v1{path}", json=body)


async def test_the_name_alone_is_replaced(stack: Stack) -> None:
    stack.records.add("ft:mine", "up", "remote-ft")
    answer = await post(stack, {"big": 1.00, "model": "ft:mine", "x": {"y": [None]}})
    assert answer.json() == {"echo": {"big": 1.0, "model": "remote-ft", "x": {"y": [None]}}}
    (call,) = stack.upstream.sent("POST", CHAT)
    assert call.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(("model", "key"), [("base-1", KEY), ("named-1", "none")])
async def test_base_models_go_to_who_has_them(stack: Stack, model: str, key: str) -> None:
    for _ in range(2):
        assert (await post(stack, {"model": model})).status_code == 200
    assert {call.headers["authorization"] for call in stack.upstream.sent("POST", CHAT)} == {f"Bearer {key}"}
    assert len(stack.upstream.sent("GET", "/models")) == (model == "base-1")


async def test_a_stream_passes_unchanged(stack: Stack) -> None:
    events = b"data: {}\n\n" * 20_000 + b"data: [DONE]\n\n"
    stack.upstream.fail("POST", CHAT, Answer(body=events, headers=EVENTS))
    answer = await post(stack, {"model": "base-1", "stream": True})
    assert (answer.content, answer.headers["content-type"]) == (events, "text/event-stream")


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (error(400, "bad", "invalid_value", param="top_p"), 400, "invalid_value"),
        (error(404, "gone", "model_not_found"), 404, "model_not_found"),
        (error(429, "slow", "rate_limit_exceeded", headers={"retry-after": "9"}), 429, "rate_limit_exceeded"),
        (error(429, "pay", "insufficient_quota"), 429, "insufficient_quota"),
        (error(401, f"wrong {KEY}"), 502, "provider_unreachable"),
        (error(500, "x"), 502, "provider_unreachable"),
        (Answer(status=200, drop=True), 502, "provider_unreachable"),
    ],
)
async def test_refusals(stack: Stack, said: Answer, status: int, code: str) -> None:
    stack.upstream.fail("POST", CHAT, said)
    answer = await post(stack, {"model": "base-1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert KEY not in answer.text
    assert answer.headers.get("retry-after") == ("9" if code == "rate_limit_exceeded" else None)


async def test_a_stream_that_breaks_breaks_for_the_client_too(stack: Stack) -> None:
    stack.upstream.fail("POST", CHAT, Answer(body=b"data: {}\n\n", headers=EVENTS, cut=True))
    with pytest.raises(httpx2.RemoteProtocolError):
        await post(stack, {"model": "base-1", "stream": True})


async def test_a_provider_that_can_not_list(stack: Stack) -> None:
    stack.upstream.fail("GET", "/models", error(500, "x"), times=3)
    answer = await post(stack, {"model": "base-9"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "provider_unreachable")
    assert answer.headers["retry-after"] == "5"


async def test_a_client_that_leaves_ends_the_call_upstream(stack: Stack) -> None:
    stack.upstream.fail("POST", CHAT, HANG)
    with pytest.raises(httpx2.ReadTimeout):
        async with httpx2.AsyncClient(trust_env=False, timeout=0.3) as client:
            await client.post(f"{stack.url}/v1{CHAT}", json={"model": "base-1"})
    await until_async(
        lambda: not stack.upstream.connections, "the call upstream has ended", timeout_s=4
    )  # it times out after 5


async def test_while_inference_is_down(stack: Stack) -> None:
    await stack.stop_inference()
    answer = await post(stack, {"model": "base-1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "inference_unavailable")
    assert answer.headers["retry-after"] == "2"
    await stack.start_inference()
    assert (await post(stack, {"model": "base-1"})).status_code == 200


async def test_health_and_routes_of_the_process(stack: Stack) -> None:
    socket = stack.settings.inference.removeprefix("unix:")
    transport = httpx2.AsyncHTTPTransport(uds=socket)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inference") as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert (await client.get("/other")).status_code == 404
        assert (await client.get(CHAT)).status_code == 404
