"""Fixtures of the fault tests: one process that forks all others, and worlds."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service.runtime import open_runtime
from service.settings import load
from tests.faults.remote_bench import RemoteBench, remote_bench
from tests.faults.trees import Nursery, nursery
from tests.faults.world import World, make_world
from tests.workers.conftest import Bench
from tests.workers.fakes import FakeProvider


@pytest.fixture(scope="session")
def trees() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="tw-f-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def world(short_folder: Path, trees: Nursery) -> AsyncIterator[World]:
    async with make_world(short_folder, trees) as made:
        yield made


@pytest.fixture
async def rig(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RemoteBench]:
    """One worker and one poller by hand, against a provider that misbehaves as it is told."""
    monkeypatch.setattr("service.store.credentials.PROBE_S", 60.0)  # a slow machine's call is still one call
    async with remote_bench(redis_url, tmp_path) as made:
        yield made


@pytest.fixture
async def bench(redis_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """The steps by hand, on a real store and a provider in memory."""
    async with open_runtime(load(environ={}, redis_url=redis_url, data_dir=tmp_path)) as runtime:
        yield Bench(runtime, FakeProvider())
