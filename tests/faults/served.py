"""A client of a served API that keeps its Idempotency-Key and asks again until it has an answer."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.faults.world import World
from tests.waiting import until_async

JOBS = "/v1/fine_tuning/jobs"
FAILURES = (httpx2.HTTPError, OSError)


@dataclass
class Api:
    """The API of a world that has grown it."""

    world: World
    http: httpx2.AsyncClient

    async def wait_until_up(self) -> None:
        async def is_up() -> bool:
            try:
                return (await self.http.get("/health/live")).status_code == 200
            except FAILURES:
                return False

        await until_async(is_up, "the API is up", lambda: self.world.log)

    async def post(self, training_file: str, key: str | None = None, **more: Any) -> httpx2.Response:
        body = {"model": "base-1", "training_file": training_file, "tunewright": {"provider": "remote"}, **more}
        return await self.http.post(JOBS, json=body, headers={"idempotency-key": key} if key else {})

    async def post_until_accepted(self, training_file: str, key: str, timeout_s: float = 30) -> str:
        """Do as a client that keeps its key: ask again until there is an answer."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                answer = await self.post(training_file, key)
            except FAILURES:
                answer = None
            if answer is not None and answer.status_code == 200:
                return answer.json()["id"]
            assert answer is None or answer.status_code in (409, 503), answer.text
            assert time.monotonic() < deadline, answer.text if answer else "no answer"
            await asyncio.sleep(0.2)

    async def ids(self) -> set[str]:
        return {job_id.decode() for job_id in await self.world.runtime.redis.zrange("tw:jobs", 0, -1)}


def client_of(world: World) -> httpx2.AsyncClient:
    """Return an HTTP client of the world's API; close it."""
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{world.settings.port}", trust_env=False, timeout=10)
