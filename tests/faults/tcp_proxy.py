"""A TCP proxy that loses replies, cuts, delays or freezes connections on the n-th matching request."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Action = Literal["lose_reply", "cut", "delay", "freeze"]
_CHUNK = 1 << 16


@dataclass
class Rule:
    """`match` is looked for in what the client sends; the rule acts from the `nth` match on, `times` times."""

    match: bytes
    action: Action
    nth: int = 1
    times: int = 1
    share: float = 1.0
    delay_s: float = 0.0
    seen: int = 0
    done: int = 0


@dataclass
class TcpProxy:
    """Forwards connections to `backend` (a Unix socket's path, or host and port) from a Unix socket at `path`, or from
    a free port of loopback if `path` is None."""

    backend: Path | tuple[str, int]
    path: Path | None = None
    rules: list[Rule] = field(default_factory=list[Rule])
    acted: Counter[str] = field(default_factory=Counter[str])
    seed: int = 0
    port: int = 0

    async def __aenter__(self) -> "TcpProxy":
        self._random = random.Random(self.seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._thaw = asyncio.Event()
        self._thaw.set()
        if self.path is not None:
            self._server = await asyncio.start_unix_server(self._connected, self.path)
        else:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._thaw.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on(self, match: bytes, action: Action, **more: float) -> Rule:
        """Add a rule and return it."""
        self.rules.append(Rule(match, action, **more))
        return self.rules[-1]

    def freeze(self) -> None:
        """Pass nothing on, in no connection, until `heal`."""
        self._thaw.clear()

    def heal(self) -> None:
        """Forget all rules and let frozen connections go on."""
        self.rules.clear()
        self._thaw.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        lose = asyncio.Event()
        far_writer = None
        try:
            far_reader, far_writer = await self._dial()
            back = asyncio.create_task(self._replies(far_reader, writer, lose))
            self._tasks.add(back)
            back.add_done_callback(self._tasks.discard)
            await self._requests(reader, far_writer, lose)
            far_writer.close()
            await back
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            if far_writer is not None:
                far_writer.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.backend, Path):
            return await asyncio.open_unix_connection(self.backend)
        return await asyncio.open_connection(*self.backend)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lose: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._thaw.wait()
            rule = self._rule_for(chunk)
            if rule is not None and rule.action == "cut":
                return
            if rule is not None and rule.action == "freeze":
                await asyncio.Event().wait()
            if rule is not None and rule.action == "delay":
                await asyncio.sleep(rule.delay_s)
            if rule is not None and rule.action == "lose_reply":
                lose.set()
            writer.write(chunk)
            await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lose: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._thaw.wait()
                if lose.is_set():  # it was carried out; the client sees the connection end instead
                    break
                writer.write(chunk)
                await writer.drain()
        writer.close()

    def _rule_for(self, chunk: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.match not in chunk or rule.done >= rule.times:
                continue
            rule.seen += 1
            if rule.seen >= rule.nth and self._random.random() < rule.share:
                rule.done += 1
                self.acted[rule.action] += 1
                return rule
        return None
