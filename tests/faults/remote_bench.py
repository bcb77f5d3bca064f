"""A worker moved by hand over an upstream that answers as the test says: real SDK, shared gates, a clock to advance."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from service.core.credentials import Scope
from service.core.jobs import Job
from service.runtime import open_runtime
from service.settings import ProviderSettings, Settings
from service.store import counters, keys, webhook_keys
from tests.providers.upstream import Upstream
from tests.workers.conftest import Bench, chat
from tests.workers.fakes import FakeProvider
from workers.providers.registry import Providers

LINES = [chat(number) for number in range(12)]


class RemoteBench(Bench):
    """Jobs go to `upstream` as provider `remote`."""

    upstream: Upstream

    async def remote_job(self, **changes: Any) -> Job:
        """Submit a job that nothing was done for yet."""
        given = {"provider": "remote", "model": "base-1", "requested_model": "base-1", **changes}
        return await self.job(await self.dataset(LINES), **given)

    async def ready(self, **changes: Any) -> Job:
        """Submit a job and bring it to where it is to be created."""
        job = await self.remote_job(**changes)
        for _ in range(3):
            await self.look(f"job:{job.id}")
        assert (await self.read(job)).step == "creating"
        return job

    async def due_in_s(self, job: Job) -> float:
        """Return the seconds until the job is looked at."""
        return await self.member_due_in_s(f"job:{job.id}")

    async def member_due_in_s(self, member: str) -> float:
        score = await self.runtime.redis.zscore(keys.DUE, member)
        assert score is not None
        return score - await self.runtime.due.now()

    async def let_pass(self, scope: Scope) -> None:
        """Advance the clock to the end of the pause of one circuit."""
        digest = await self.runtime.redis.hget(keys.CREDENTIALS, "remote")
        key = keys.circuit((digest or b"").decode(), scope)
        if await self.runtime.redis.hexists(key, "until"):
            await self.runtime.redis.hset(key, "until", str(await self.runtime.due.now() - 0.001))

    async def told(self, kind: str) -> int:
        """Count the webhook messages of a type."""
        redis = self.runtime.redis
        names = [key async for key in redis.scan_iter(match=webhook_keys.message("evt_") + "*")]
        messages = [msgspec.json.decode(await redis.get(name)) for name in names]
        return sum(message["type"] == kind for message in messages)

    async def counted(self, name: str, **labels: str) -> int:
        """Return a counter's sum over the samples that bear `labels`."""
        samples = await counters.read(self.runtime.redis)
        return round(sum(s.value for s in samples if s.name == name and labels.items() <= dict(s.labels).items()))


@asynccontextmanager
async def remote_bench(redis_url: str, folder: Path, **provider: Any) -> AsyncIterator[RemoteBench]:
    """Open a bench; keyword arguments are the provider's settings."""
    upstream = Upstream()
    upstream.url = await upstream.start()
    quick = {"settle_s": 0.0, "request_timeout_s": 5.0, "requests_per_minute": 0, "job_deadline_s": 1e12}
    remote = ProviderSettings(base_url=upstream.url, **{**quick, **provider})
    settings = Settings(redis_url=redis_url, data_dir=folder, providers={"remote": remote})
    async with open_runtime(settings) as runtime:
        providers = Providers(settings, runtime.redis)
        bench = RemoteBench(runtime, FakeProvider(), providers)
        bench.upstream = upstream
        try:
            yield bench
        finally:
            await providers.aclose()
            await upstream.stop()
