"""Processes of a benchmark: a private Redis as `tunewright up` would start it, and whatever else, ended with it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import redis

from bench.http_load import once
from service.cli.embedded import prepare

START_LIMIT_S = 30.0


@contextmanager
def redis_server(folder: Path) -> Generator[str]:
    """Run a private server, as `tunewright up` would, and yield its URL."""
    embedded = prepare(folder / "redis", folder / "redis.sock")
    with process(list(embedded.command), {}):
        client = redis.Redis.from_url(embedded.url)
        end = time.monotonic() + START_LIMIT_S
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        client.close()
        yield embedded.url


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """Run a command for as long as the context lasts."""
    started = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def uvicorn(factory: str, environment: dict[str, str]) -> Generator[tuple[int, int]]:
    """Serve an application on a free port, and yield port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-access-log", "--log-level", "warning"]
    with process(command, environment) as started:
        yield port, started.pid


async def answers(port: int, request: bytes) -> None:
    """Return once the server answers. Raises ConnectionError after half a minute."""
    end = time.monotonic() + START_LIMIT_S
    while True:
        try:
            await once(port, request)
        except ConnectionError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.05)
        else:
            return


def cpu_s(pid: int) -> float | None:
    """Return the processor time that a process has used, None off Linux."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
