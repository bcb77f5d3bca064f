"""Processes of a benchmark: a private Redis as `tunewright up` would start it, and whatever else, ended with it."""

import os
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import redis

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
