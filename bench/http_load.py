"""A cheap HTTP client: prepared bytes over kept-alive connections, so that the server is what is measured."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import msgspec

CONNECTIONS = 32


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round: requests per second, 99th percentile in milliseconds, and how many were sent."""

    per_second: float
    p99_ms: float
    requests: int


class UnexpectedAnswer(Exception):
    """The server did not answer 200; the message carries the head and the start of its answer."""


def request_bytes(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """Return a whole HTTP/1.1 request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """Sends one request at a time; `answer` is done when a whole answer with Content-Length is there."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._received = b""
        if head.startswith(b"HTTP/1.1 200"):
            self._answer.set_result(body)
        else:
            self._answer.set_exception(UnexpectedAnswer(f"{head.decode()}\n{body[:500].decode()}"))

    def send(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request and return the body to come."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def once(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own and return the body of its 200 answer."""
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port)
    try:
        return await connection.send(request)
    finally:
        connection.close()


async def measure(port: int, requests: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Round:
    """Send `requests` over and over for so long, one at a time on each connection."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    began = time.perf_counter()
    source = cycle(requests)
    times = await asyncio.gather(*(_keep_sending(one, source, began + seconds) for one in opened))
    took = time.perf_counter() - began
    for one in opened:
        one.close()
    every = sorted(value for list_ in times for value in list_)
    return Round(per_second=len(every) / took, p99_ms=every[int(len(every) * 0.99)] * 1000, requests=len(every))


async def _keep_sending(connection: _Connection, source: "cycle[bytes]", end: float) -> list[float]:
    times: list[float] = []
    now = time.perf_counter()
    while now < end:
        await connection.send(next(source))
        done = time.perf_counter()
        times.append(done - now)
        now = done
    return times
