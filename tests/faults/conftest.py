"""Fixtures of the fault tests: one process that forks all others, and worlds."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.trees import Nursery, nursery
from tests.faults.world import World, make_world


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
