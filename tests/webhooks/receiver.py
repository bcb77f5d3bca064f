"""A real HTTP receiver on loopback whose path says how it misbehaves, with a ledger of what reached it."""

import asyncio
import contextlib
import functools
import gzip
import random
import ssl
from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    is_taken: bool = True
    """False for what `/moody` refused."""


@dataclass
class FaultyReceiver:
    """`/ok` takes it; see `_answer` for the faults. `status` overrides the answer of `/switch`.

    `/moody` refuses or cuts off the share `refused` of what comes.
    """

    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    ledger: list[Received] = field(default_factory=list[Received])
    by_path: defaultdict[str, list[Received]] = field(default_factory=lambda: defaultdict(list))
    status: int = 200
    refused: float = 0.0
    open_now: Counter[str] = field(default_factory=Counter[str])
    most_open: Counter[str] = field(default_factory=Counter[str])
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0

    async def __aenter__(self) -> "FaultyReceiver":
        _bomb()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, self.host, 0, ssl=self.tls, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str = "/ok") -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        return self.by_path[path]

    async def wait_for(self, count: int, path: str = "/ok", timeout_s: float = 5.0) -> list[Received]:
        async with asyncio.timeout(timeout_s), self.arrived:
            await self.arrived.wait_for(lambda: len(self.at(path)) >= count)
        return self.at(path)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        received = Received(path, headers, body, asyncio.get_running_loop().time())
        if path == "/moody" and random.random() < self.refused:
            received.is_taken, path = False, random.choice(("/cut", "/status/500"))
        self.ledger.append(received)
        self.by_path[received.path].append(received)
        async with self.arrived:
            self.arrived.notify_all()
        self.open_now[path] += 1
        self.most_open[path] = max(self.most_open[path], self.open_now[path])
        try:
            await self._answer(path, writer)
            await writer.drain()
        finally:
            self.open_now[path] -= 1

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        match path.split("?")[0].split("/")[1]:
            case "hang":
                await asyncio.sleep(60)
            case "cut":
                return
            case "redirect":
                writer.write(_head(307, f"location: {self.url('/internal')}"))
            case "later":
                writer.write(_head(429, "retry-after: 120"))
            case "bomb":
                writer.write(_head(200, "content-encoding: gzip", length=len(_bomb())) + _bomb())
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            case "drip":
                writer.write(_head(200, length=1_000))
                for _ in range(1_000):
                    writer.write(b"x")
                    await asyncio.sleep(1)
            case "dripping-head":
                for letter in b"HTTP/1.1 200 OK\r\n" * 100:
                    writer.write(bytes([letter]))
                    await asyncio.sleep(0.2)
            case "headers":
                lines = b"".join(b"x-%d: %s\r\n" % (n, b"y" * 50) for n in range(10_000))
                writer.write(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n")
            case "nonsense":
                writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
            case "slow":
                await asyncio.sleep(0.3)
                writer.write(_head(200))
            case "status":
                writer.write(_head(int(path.split("/")[2])))
            case "switch":
                writer.write(_head(self.status))
            case _:
                writer.write(_head(200))


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(200_000_000), 1)


def _head(status: int, *lines: str, length: int = 0) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"content-length: {length}", *lines, "", ""]
    return "\r\n".join(head).encode()
