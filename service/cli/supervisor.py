"""Keeps a set of child processes running: starts, logs, restarts with backoff, stops in order."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from service.cli.log_lines import LineLog, say

_TETHER = str(Path(__file__).with_name("tether.py"))
_LONGEST_LINE = 1 << 20
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 10.0
_STARTS_BEFORE_READY = 4
_REFUSED = frozenset({2, 3})  # a wrong configuration, an application that did not start: again would be the same
_LAST_OUTPUT_S = 1.0


def tethered(command: Iterable[str], lifeline: int) -> list[str]:
    """Return a command line that runs `command` so that it dies with this process.

    It must inherit `lifeline`, the near end of a pipe whose far end this process alone holds.
    """
    return [sys.executable, "-I", "-S", _TETHER, str(os.getpid()), str(lifeline), *command]


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """One process to keep. It has `grace_s` from SIGTERM to SIGKILL; `inherits` are descriptors that it is given."""

    name: str
    command: tuple[str, ...]
    grace_s: float = 20.0
    inherits: tuple[int, ...] = ()


class StartFailed(Exception):
    """A process can't be started; the message names it, and its own lines in the log say why."""


class Supervisor:
    """Children die with this process, however it ends, and each holds the data folder's lock until it is gone."""

    def __init__(self, environment: dict[str, str], lock: int) -> None:
        self._environment = environment
        self._lock = lock
        self._lifeline, self._far_end = os.pipe()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: set[str] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_ready = False
        """Set once all works: from then on a child that dies is started again for ever."""

    def keep(self, role: Role) -> None:
        """Start the process of `role`, and again whenever it ends."""
        self._tasks[role.name] = asyncio.create_task(self._keep(role), name=role.name)

    async def failure(self) -> None:
        """Wait until a child could not be started before all was ready; raises StartFailed."""
        await asyncio.shield(self._failure)

    async def stop(self, roles: Iterable[Role]) -> None:
        """End these processes, all at the same time; return when they are gone."""
        await asyncio.gather(*(self._stop(role) for role in roles if role.name in self._tasks))

    def kill(self) -> None:
        """End every process now."""
        for process in self._processes.values():
            _send(process, signal.SIGKILL)

    def close(self) -> None:
        """Let go of the descriptors; call it after `stop`."""
        os.close(self._lifeline)
        os.close(self._far_end)
        if self._failure.done():
            self._failure.exception()

    async def _keep(self, role: Role) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while role.name not in self._stopping:
            started = loop.time()
            status = await self._run(role)
            if role.name in self._stopping:
                return
            deaths = 1 if loop.time() - started > _STEADY_S else deaths + 1
            if not self.is_ready and (status in _REFUSED or deaths >= _STARTS_BEFORE_READY):
                self._fail(f"`{role.name}` does not start ({_reason(status)}); its lines above say why.")
                return
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (deaths - 1)) * random.uniform(0.8, 1.2)
            say(f"{role.name} ended ({_reason(status)}); starting it again in {pause_s:.1f} s", logging.WARNING)
            await asyncio.sleep(pause_s)

    def _fail(self, message: str) -> None:
        if not self._failure.done():
            self._failure.set_exception(StartFailed(message))

    async def _run(self, role: Role) -> int:
        """Run the process once; return its exit status, negative for a signal."""
        process = await asyncio.create_subprocess_exec(
            *tethered(role.command, self._lifeline),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=self._environment, pass_fds=(self._lock, self._lifeline, *role.inherits), limit=_LONGEST_LINE,
            start_new_session=True,  # Ctrl-C in the terminal is for us alone, who then stop the rest in order
        )  # fmt: skip
        self._processes[role.name] = process
        say(f"{role.name} started as process {process.pid}", logging.DEBUG)
        if role.name in self._stopping:
            _send(process, signal.SIGTERM)
        log = asyncio.create_task(_copy(process.stdout, LineLog(role.name)))
        status = await process.wait()
        await asyncio.wait({log}, timeout=_LAST_OUTPUT_S)
        log.cancel()
        return status

    async def _stop(self, role: Role) -> None:
        self._stopping.add(role.name)
        task, process = self._tasks[role.name], self._processes.get(role.name)
        if process is None or process.returncode is not None:
            task.cancel()  # it waits before another start, or has given up
        else:
            _send(process, signal.SIGTERM)
        done, _ = await asyncio.wait({task}, timeout=role.grace_s)
        if not done and process is not None:
            say(f"{role.name} did not end within {role.grace_s:g} s and is killed", logging.WARNING)
            _send(process, signal.SIGKILL)
            await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            say(f"{role.name} could not be kept: {error!r}", logging.ERROR)


async def _copy(stream: asyncio.StreamReader | None, log: LineLog) -> None:
    while stream is not None:
        try:
            line = await stream.readline()
        except ValueError:  # longer than the limit; what was read of it is gone
            log.write(b"WARNING a log line over 1 MiB was dropped")
            continue
        if not line:
            return
        log.write(line)


def _send(process: asyncio.subprocess.Process, number: int) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def _reason(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
