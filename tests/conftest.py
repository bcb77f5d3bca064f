"""Fixtures that every test may use: a private Valkey with the durability of production."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from service.cli import embedded
from tests.providers.upstream import Upstream

if "PYTEST_XDIST_WORKER" in os.environ:
    # Coverage is of the processes that run tests; measuring those that they start as well doubles the time of all.
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name long bytes by their length: compressed ones hold the time, and names must be the same in each process."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 40 else None


class RedisServer:
    """One real server on a Unix socket of its own; its data outlive `kill`, as in production."""

    def __init__(self, folder: Path) -> None:
        other = os.environ.get("TEST_REDIS_SERVER")  # CI runs once against a server that is not the packaged one
        self._plan = embedded.prepare(folder / "data", folder / "redis.sock", Path(other) if other else None)
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._plan.url

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it unless it runs, and return once it answers (also after it has loaded its file)."""
        if self.is_running:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._plan.command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._answers():
            if not self.is_running or time.monotonic() > deadline:
                raise RuntimeError(f"the test server did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL, as a crash: nothing is flushed that was not flushed before."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM and wait."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def restart(self) -> None:
        """Kill it if it runs, and start it again on the same data."""
        self.kill()
        self.start()

    def flush(self) -> None:
        with contextlib.closing(self.client()) as client:
            client.flushall()

    def client(self) -> redis.Redis:
        """Return a synchronous client; close it."""
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        with contextlib.closing(self.client()) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:  # not listening yet, or still loading its file
                return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A running server for the session; a test that kills it may leave it dead (`redis_url` starts it again)."""
    folder = Path(tempfile.mkdtemp(prefix="tw-redis-"))
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty database."""
    redis_server.start()
    redis_server.flush()
    return redis_server.url


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A running OpenAI-shaped target that misbehaves as it is told."""
    server = Upstream()
    server.url = await server.start()
    yield server
    await server.stop()
