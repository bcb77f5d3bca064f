"""A server to fetch from, and the fetching alone: no Redis, no step."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from tests.sources.origin import Origin
from workers.guarded_http import GuardedHttp, Resolve
from workers.sources.fetching import Sources

LOOPBACK = ("127.0.0.0/8",)
Fetch = Callable[..., Awaitable[bytes]]


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as server:
        yield server


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Read a source whole, as it is sent."""

    async def read(url: str, *, resolve: Resolve | None = None, open_store: Any = None, **settings: Any) -> bytes:
        chosen = Settings(**{"data_dir": tmp_path, "source_allow": LOOPBACK, **settings})
        sources = Sources(chosen, http=GuardedHttp(resolve=resolve), open_store=open_store)
        try:
            async with sources.open(url) as body:
                return b"".join([chunk async for chunk in body.chunks])
        finally:
            sources.close()

    return read
