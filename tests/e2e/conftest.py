"""Running instances, one per module where that is enough."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("stack"))
    running.start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Make further instances; all are stopped at the end."""
    made: list[Stack] = []

    def make(name: str, config: str | None = None) -> Stack:
        made.append(Stack(tmp_path / name, config=config))
        return made[-1]

    yield make
    for each in reversed(made):
        if each.process is not None:
            each.stop()
