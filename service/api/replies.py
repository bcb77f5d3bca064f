"""Responses as ASGI applications: bytes that are ready, or a stream of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import msgspec
from litestar.types import Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

_JSON = (b"content-type", b"application/json")
_encoder = msgspec.json.Encoder()


class Reply:
    """A whole response."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, body: bytes, *, status: int = 200, headers: Headers = (_JSON,)) -> None:
        self.body = body
        self.status = status
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        length = (b"content-length", str(len(self.body)).encode())
        start: Any = {"type": "http.response.start", "status": self.status, "headers": [*self.headers, length]}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class StreamReply:
    """A response whose bytes come one by one; the iterator is closed when the client goes away."""

    __slots__ = ("chunks", "headers", "status")

    def __init__(self, chunks: AsyncIterator[bytes], *, headers: Headers, status: int = 200) -> None:
        self.chunks = chunks
        self.headers = headers
        self.status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until the client disconnects."""
        del scope
        gone = asyncio.create_task(_disconnected(receive))
        started = False
        async with aclosing(cast("Any", self.chunks)) as chunks:
            try:
                while (chunk := await _next(chunks, gone)) is not None:
                    if not started:
                        await self._start(send)
                        started = True
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if not started:
                    await self._start(send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                gone.cancel()

    async def _start(self, send: Send) -> None:
        start: Any = {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        await send(start)


def json_reply(value: Any, *, status: int = 200, headers: Headers = ()) -> Reply:
    """Answer `value` as JSON."""
    return Reply(_encoder.encode(value), status=status, headers=(_JSON, *headers))


def raw_reply(body: bytes, *, status: int = 200, headers: Headers = ()) -> Reply:
    """Answer JSON that is encoded already."""
    return Reply(body, status=status, headers=(_JSON, *headers))


def encode(value: Any) -> bytes:
    """Return `value` as JSON."""
    return _encoder.encode(value)


def page(items: Sequence[Any], has_more: bool) -> dict[str, Any]:
    """Return OpenAI's list envelope; each item has an `id`."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0].id if items else None,
        "last_id": items[-1].id if items else None,
        "has_more": has_more,
    }


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _next(chunks: Any, gone: "asyncio.Task[None]") -> bytes | None:
    """Return the next chunk; None at the end, or when the client has gone."""
    step = asyncio.ensure_future(anext(chunks, None))
    await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
    if step.done():
        return cast("bytes | None", step.result())
    step.cancel()
    await asyncio.wait({step})
    return None
