"""Chat calls pass as bytes; refusals are sorted; nothing of the key comes back."""

import json

import pytest

from tests.providers.conftest import KEY, Make
from tests.providers.upstream import DROP, Answer, Upstream, error
from workers.providers.protocol import ProviderError

CHAT = "/chat/completions"


async def test_bytes_pass_both_ways(upstream: Upstream, make: Make) -> None:
    events = b"data: {}\n\n" * 5_000 + b"data: [DONE]\n\n"
    upstream.fail("POST", CHAT, Answer(body=events, headers={"content-type": "text/event-stream; charset=utf-8"}))
    body = b'{"model":"m" ,"odd": [1,2]}'
    reply = await make(extra_query={"api-version": "preview"}).call("chat/completions", body)
    assert (reply.status, reply.content_type) == (200, "text/event-stream; charset=utf-8")
    assert b"".join([chunk async for chunk in reply.body]) == events
    (call,) = upstream.calls
    assert (call.body, call.query, call.headers["authorization"]) == (body, {"api-version": "preview"}, f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(400, "bad temperature", param="temperature"), "refused"),
        (error(404, "no model", "model_not_found"), "not_found"),
        (error(401, f"wrong key {KEY}"), "unauthorized"),
        (error(429, "slow", headers={"retry-after": "3"}), "rate_limited"),
        (Answer(status=502, body=b"<html>bad gateway</html>"), "unclear"),
        (DROP, "unclear"),
    ],
)
async def test_refusals(upstream: Upstream, make: Make, answer: Answer, reason: str) -> None:
    upstream.fail("POST", CHAT, answer)
    with pytest.raises(ProviderError) as caught:
        await make().call("chat/completions", json.dumps({}).encode())
    assert caught.value.reason == reason
    assert KEY not in caught.value.message
    assert "<" not in caught.value.message


async def test_a_stream_that_breaks_is_an_error(upstream: Upstream, make: Make) -> None:
    upstream.fail("POST", CHAT, Answer(body=b"data: {}\n\n", cut=True))
    reply = await make().call("chat/completions", b"{}")
    with pytest.raises(ProviderError):
        [chunk async for chunk in reply.body]
