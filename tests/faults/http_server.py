"""A small HTTP/1.1 server whose answers can hang up, hang or break off, as a plan of faults says."""

import asyncio
import contextlib
import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.providers.upstream import DROP, HANG, HTML, Answer, Call, error

Handler = Callable[[Call], Awaitable[Answer]]

EXECUTED: dict[str, Answer] = {
    "drop": DROP,
    "hang": HANG,
    "cut": Answer(body={}, cut=True),
    "408": error(408, "timed out"),
    "409": error(409, "conflict"),
    "500": error(500, "broken"),
    "502": error(502, "bad gateway"),
    "503": error(503, "overloaded"),
    "html": HTML,
}
"""Ways in which an answer is lost after the request was carried out."""

CLEAN: dict[str, Answer] = {
    "500 before": error(500, "broken"),
    "429": error(429, "slow down", "rate_limit_exceeded", headers={"retry-after": "1"}),
    "drop before": DROP,
}
"""Refusals before anything was done; to the client the first and the last look like the ones above."""


@dataclass(frozen=True)
class Fault:
    """What becomes of a matching request; `executed` carries it out first."""

    name: str
    answer: Answer
    executed: bool


@dataclass
class FaultPlan:
    """Faults to come: `once` ones in order, then by chance. `injected` counts what was dealt out."""

    seed: int = 0
    injected: Counter[str] = field(default_factory=Counter[str])
    _once: list[tuple[str, str, Fault]] = field(default_factory=list[tuple[str, str, Fault]])
    _shares: list[tuple[str, str, float, tuple[Fault, ...]]] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def once(self, method: str, path: str, name: str, *, times: int = 1) -> None:
        """Deal fault `name` to the next `times` matching requests."""
        self._once += [(method, path, _fault(name))] * times

    def by_chance(self, method: str, path: str, share: float, *names: str) -> None:
        """Deal one of `names` to `share` of the matching requests, until `heal`."""
        self._shares.append((method, path, share, tuple(map(_fault, names))))

    def heal(self) -> None:
        """Deal no more faults."""
        self._once.clear()
        self._shares.clear()

    def draw(self, call: Call) -> Fault | None:
        """Return the fault for this request."""
        for planned in self._once:
            method, path, fault = planned
            if _matches(call, method, path):
                self._once.remove(planned)
                self.injected[fault.name] += 1
                return fault
        for method, path, share, faults in self._shares:
            if _matches(call, method, path) and self._random.random() < share:
                fault = self._random.choice(faults)
                self.injected[fault.name] += 1
                return fault
        return None


def _fault(name: str) -> Fault:
    return Fault(name, CLEAN[name], False) if name in CLEAN else Fault(name, EXECUTED[name], True)


def _matches(call: Call, method: str, path: str) -> bool:
    return method in ("*", call.method) and re.fullmatch(path, call.path) is not None


class HttpServer:
    """Serves `handle` on a free port of loopback; paths come without `/v1`."""

    def __init__(self, handle: Handler, plan: FaultPlan) -> None:
        self._handle = handle
        self.plan = plan
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""

    async def __aenter__(self) -> "HttpServer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1 << 20, backlog=512)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False if the connection is to be closed."""
        call = await read_call(reader)
        fault = self.plan.draw(call)
        answer = await self._handle(call) if fault is None or fault.executed else fault.answer
        if fault is not None:
            answer = fault.answer
        if answer.hang:
            await reader.read()
        if answer.hang or answer.drop:
            return False
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = {"content-type": "application/json", **answer.headers, "content-length": len(body) + answer.cut}
        lines = [f"HTTP/1.1 {answer.status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        return not answer.cut


async def read_call(reader: asyncio.StreamReader) -> Call:
    """Read one request with its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Call(method, parts.path.removeprefix("/v1"), query, headers, body)
