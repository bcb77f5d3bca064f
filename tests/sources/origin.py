"""A web server that a dataset comes from, well or badly: what it does is said by the path."""

import asyncio
import contextlib
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

LINE = b'{"messages":[{"role":"user","content":"Is %d a number?"},{"role":"assistant","content":"yes"}]}\n'
CONTENT = b"".join(LINE % number for number in range(2_000))


@dataclass
class Seen:
    """A request as it came."""

    path: str
    headers: dict[str, str]


Handler = Callable[["Origin", Seen, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Origin:
    """The server. `breaks` is after how many bytes `/breaking` hangs up, each time it is asked."""

    breaks: list[int] = field(default_factory=list[int])
    seen: list[Seen] = field(default_factory=list[Seen])
    etag: str = '"one"'
    etags: list[str] = field(default_factory=list[str])
    port: int = 0
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    async def __aenter__(self) -> "Origin":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
            await asyncio.wait([task])

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        call = Seen(first.split(" ")[1], headers)
        self.seen.append(call)
        self.was_asked.set()
        name = call.path.partition("?")[0].strip("/").split("/")[0]
        await HANDLERS.get(name, _missing)(self, call, writer)

    async def send(self, writer: asyncio.StreamWriter, status: int, body: bytes = b"", **headers: object) -> None:
        fields = {"content-length": len(body), **{name.replace("_", "-"): text for name, text in headers.items()}}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {text}" for name, text in fields.items() if text is not None)]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()


async def _missing(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 404, b"no")


async def _whole(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, CONTENT, content_type="application/jsonl")


async def _hop(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    _, _, location = call.path.partition("?")
    await origin.send(writer, 302, location=location)


async def _loop(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 307, location=f"/loop/{len(origin.seen)}")


async def _nowhere(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 301)


async def _endless(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, content_length=None)
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def _huge(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, content_length=10**15)


async def _html(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, b"<html>log in", content_type="text/html; charset=utf-8")


async def _drip(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, content_length=10_000)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _gzip(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, gzip.compress(CONTENT), content_encoding="gzip")


async def _bomb(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, gzip.compress(bytes(5 << 20)), content_encoding="gzip")


async def _brotli(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 200, b"x", content_encoding="br")


async def _busy(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 503, retry_after="7")


async def _garbage(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def _silent(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _breaking(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    start = int(call.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    left = CONTENT[start:]
    etag = origin.etags.pop(0) if origin.etags else origin.etag
    fields: dict[str, object] = {"etag": etag, "accept_ranges": "bytes", "content_length": len(left)}
    if start:
        fields["content_range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    size = origin.breaks.pop(0) if origin.breaks else len(left)
    await origin.send(writer, 206 if start else 200, left[:size], **fields)


async def _datasets(origin: Origin, call: Seen, writer: asyncio.StreamWriter) -> None:
    await origin.send(writer, 302, location=origin.url("/whole", "localhost"))


HANDLERS: dict[str, Handler] = {
    name.lstrip("_"): handler
    for name, handler in dict(globals()).items()
    if name.startswith("_") and not name.startswith("__") and asyncio.iscoroutinefunction(handler)
}
