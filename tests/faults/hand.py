"""A worker moved by hand: each look happens when the test says so, through the real SDK at the test's provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.core.jobs import Job
from service.store import counters
from tests.faults.world import World
from workers.context import Context
from workers.look import Looker
from workers.providers.registry import Providers
from workers.steps import STEPS


class Hand:
    """Looks at due members, whenever they are due."""

    def __init__(self, world: World, providers: Providers) -> None:
        self.world = world
        self.looker = Looker(Context(runtime=world.runtime, providers=providers), STEPS)

    async def look(self, member: str) -> None:
        await self.looker.look(member)

    async def look_again(self, member: str) -> None:
        """Make it due, and look."""
        await self.world.runtime.due.ring(member)
        await self.looker.look(member)

    async def drive(self, job: Job, looks: int = 8) -> Job:
        """Look at the job until its step stands still."""
        for _ in range(looks):
            await self.look(f"job:{job.id}")
        return await self.world.read(job.id)

    async def due_in_s(self, member: str) -> float | None:
        """Return the seconds until the member is due, None if it isn't."""
        score = await self.world.runtime.redis.zscore("tw:due", member)
        return None if score is None else score - await self.world.runtime.due.now()

    async def counted(self, name: str, **labels: str) -> int:
        """Return a counter's sum over the samples that bear `labels`."""
        samples = await counters.read(self.world.runtime.redis)
        return round(sum(s.value for s in samples if s.name == name and labels.items() <= dict(s.labels).items()))


@asynccontextmanager
async def hand_of(world: World) -> AsyncIterator[Hand]:
    providers = Providers(world.settings, world.runtime.redis)
    try:
        yield Hand(world, providers)
    finally:
        await providers.aclose()
