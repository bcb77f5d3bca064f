"""C1 to C4 of reliability §3: one job posted is one job at the provider, whatever becomes of the call."""

import asyncio
import contextlib
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from service.core import clock, moves
from service.store import counters
from tests.faults.hand import hand_of
from tests.faults.ledger import MARK, Pace
from tests.faults.trees import Nursery
from tests.faults.world import World, make_world
from tests.waiting import until_async
from workers.context import Context
from workers.look import Looker
from workers.providers.registry import Providers
from workers.steps import STEPS

CREATE = ("POST", "/fine_tuning/jobs")
LEASE_S = 2.0


class Crew:
    """Workers and ticker in one loop: what is due is looked at, `size` at a time; some of them drop dead."""

    def __init__(self, world: World, *, size: int, deaths: float = 0.0, seed: int = 0) -> None:
        self._world = world
        self._gate = asyncio.Semaphore(size)
        self._deaths = deaths
        self._random = random.Random(seed)
        self._providers = Providers(world.settings, world.runtime.redis)
        context = Context(runtime=world.runtime, providers=self._providers)
        self._looker = Looker(context, STEPS, lease_s=LEASE_S)
        self.died = 0

    async def work(self, job_ids: list[str], what: str, timeout_s: float = 240) -> None:
        """Work until every job is adopted."""
        tasks: set[asyncio.Task[None]] = set()
        open_ids = set(job_ids)

        async def is_done() -> bool:
            with contextlib.suppress(RedisError):  # so much to do in one loop may miss an answer; a ticker goes on, too
                found, _ = await self._world.runtime.due.take(64, LEASE_S)
                for member in found:
                    task = asyncio.create_task(self._look(member))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                some = list(itertools.islice(open_ids, 50))
                jobs = await self._world.runtime.jobs.get_many(some)
                open_ids.difference_update(job.id for job in jobs if job.remote.job_id is not None or job.is_terminal)
            return not open_ids

        try:
            await until_async(is_done, what, timeout_s=timeout_s)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._providers.aclose()

    async def _look(self, member: str) -> None:
        async with self._gate:
            look = asyncio.create_task(self._looker.look(member))
            if member.startswith("job:") and self._random.random() < self._deaths:
                await asyncio.wait((look,), timeout=self._random.random() * 0.2)
                self.died += not look.done()
                look.cancel()  # as a death: the lease stays, nothing is settled
            await asyncio.gather(look, return_exceptions=True)


@asynccontextmanager
async def shop(folder: Path, trees: Nursery, pace: Pace, **settings: object) -> AsyncIterator[World]:
    async with make_world(folder, trees, pace=pace, **settings) as world:
        world.provider.pace.queued_s = 3600.0
        yield world


async def ready_to_create(world: World, count: int) -> list[str]:
    """Submit jobs whose files are at the provider already; their first look prices them."""
    record = await world.dataset()
    return [(await world.job(record)).id for _ in range(count)]


@pytest.mark.slow
@pytest.mark.soak
async def test_c1_a_thousand_creates_of_which_a_quarter_is_done_and_then_fails(
    short_folder: Path, trees: Nursery
) -> None:
    quick = {"settle_s": 8.0, "request_timeout_s": 2.0}
    async with shop(short_folder, trees, Pace(list_lag_s=0.5), **quick) as world:
        plan = world.provider.plan
        plan.by_chance(*CREATE, 0.25, "drop", "hang", "cut", "408", "409", "500", "502", "503", "html")
        plan.by_chance(*CREATE, 0.13, "500 before", "429", "drop before")
        ids = await ready_to_create(world, 1000)
        crew = Crew(world, size=32, deaths=0.05)
        await crew.work(ids, "all are created", timeout_s=400)
        assert crew.died > 50
        assert sum(plan.injected.values()) > 300
        assert set(world.provider.ledger.creates) == set(ids)
        assert world.provider.ledger.duplicates == {}
        await world.assert_world()


@pytest.mark.parametrize("fault", ["drop", "hang", "cut", "408", "409", "500", "503", "html"])
async def test_c1_each_fault_alone(short_folder: Path, trees: Nursery, fault: str) -> None:
    async with shop(short_folder, trees, Pace(list_lag_s=0.3), settle_s=1.5, request_timeout_s=0.7) as world:
        world.provider.plan.once(*CREATE, fault, times=3)
        ids = await ready_to_create(world, 4)
        await Crew(world, size=4).work(ids, "all are created")
        assert world.provider.plan.injected == {fault: 3}
        assert dict(world.provider.ledger.creates) == dict.fromkeys(ids, 1)


async def test_c4_list_lag_ignored_filter_and_foreign_jobs_mislead_nobody(short_folder: Path, trees: Nursery) -> None:
    async with shop(short_folder, trees, Pace(list_lag_s=1.0), settle_s=2.5, request_timeout_s=0.7) as world:
        world.provider.ignores_filter = True
        ids = await ready_to_create(world, 20)
        for number in range(300):  # of another installation, with the same file and suffix
            foreign = {MARK: f"ftjob-{number:024d}"} if number % 3 else {"owner": "somebody"}
            world.provider.add_job(model="base-1", training_file="file-1", suffix="s", metadata=foreign)
        world.provider.plan.by_chance(*CREATE, 0.5, "drop", "500", "html")
        await Crew(world, size=8).work(ids, "all are created")
        for job_id in ids:
            job = await world.read(job_id)
            assert [found["id"] for found in world.provider.of(job_id)] == [job.remote.job_id]
        assert all(world.provider.ledger.creates[job_id] == 1 for job_id in ids)


async def test_u1_an_upload_that_hangs_is_given_up_and_taken_over(short_folder: Path, trees: Nursery) -> None:
    async with shop(short_folder, trees, Pace(), request_timeout_s=0.7) as world:
        world.provider.plan.once("POST", "/files", "hang", times=2)
        ids = await ready_to_create(world, 2)
        await Crew(world, size=2).work(ids, "all are created", timeout_s=20)
        assert len(world.provider.files) == 1


async def test_c2_a_death_behind_the_call_is_waited_out_while_lists_lag(short_folder: Path, trees: Nursery) -> None:
    async with shop(short_folder, trees, Pace(list_lag_s=4.0), settle_s=6.0, request_timeout_s=30.0) as world:
        world.provider.plan.once(*CREATE, "hang")
        (job_id,) = await ready_to_create(world, 1)
        doomed = asyncio.create_task(Crew(world, size=1).work([job_id], "it is created"))
        await until_async(lambda: bool(world.provider.ledger.creates), "it is created")
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
        await Crew(world, size=1).work([job_id], "it is adopted")
        assert dict(world.provider.ledger.creates) == {job_id: 1}


@pytest.mark.parametrize("wish", ["cancel", "pause"])
async def test_c2_a_wish_during_the_call_does_not_lose_the_job_that_the_call_made(
    short_folder: Path, trees: Nursery, wish: str
) -> None:
    """No list will show the job for an hour: only the answer of the call tells its id."""
    slow = {"settle_s": 600.0, "request_timeout_s": 60.0}
    async with shop(short_folder, trees, Pace(list_lag_s=3600.0), **slow) as world, hand_of(world) as hand:
        world.provider.hold_create.clear()
        job = await world.job(await world.dataset())
        calling = asyncio.create_task(hand.drive(job))
        await until_async(lambda: bool(world.provider.ledger.creates), "it is created")
        move = {"cancel": lambda old: moves.cancel(old, clock.now()), "pause": moves.pause}[wish]
        await world.runtime.jobs.modify(job.id, move)
        world.provider.hold_create.set()
        await calling
        (remote,) = world.provider.of(job.id)
        assert (await world.read(job.id)).remote.job_id == remote["id"]
        assert remote["status"] == {"cancel": "cancelled", "pause": "paused"}[wish]


async def test_c3_a_worker_that_wakes_late_writes_nothing(short_folder: Path, trees: Nursery) -> None:
    # Its call outlives its sleep, so that it comes back with an answer to be written.
    async with make_world(short_folder, trees, request_timeout_s=60.0) as world:
        world.provider.pace.queued_s = 3600.0
        tree = world.grow()
        record = await world.dataset()
        await until_async(lambda: _is_checked(world, record.id), "the dataset is checked", lambda: world.log)
        world.provider.hold_create.clear()
        job = await world.job(record)
        await until_async(lambda: bool(world.provider.ledger.creates), "it is created", lambda: world.log)
        for child in tree.children():
            os.kill(child, signal.SIGSTOP)
        os.kill(tree.leader, signal.SIGSTOP)
        world.provider.hold_create.set()
        world.grow()
        await until_async(lambda: _is_adopted(world, job.id), "another worker took over", lambda: world.log)
        version = (await world.read(job.id)).version
        for process in (tree.leader, *tree.children()):
            os.kill(process, signal.SIGCONT)
        await until_async(lambda: _is_refused(world), "the late one is refused", lambda: world.log)
        assert (await world.read(job.id)).version == version
        await world.assert_world()


async def _is_refused(world: World) -> bool:
    attempts = [sample for sample in await counters.read(world.runtime.redis) if sample.name == "step_attempts_total"]
    return any(dict(sample.labels)["result"] in {"lease_lost", "conflict"} for sample in attempts)


async def _is_adopted(world: World, job_id: str) -> bool:
    return (await world.read(job_id)).remote.job_id is not None


async def _is_checked(world: World, file_id: str) -> bool:
    found = await world.runtime.files.get(file_id)
    return found is not None and found.status == "processed"


async def test_a_target_that_honours_the_key_needs_no_settling(short_folder: Path, trees: Nursery) -> None:
    async with shop(short_folder, trees, Pace(list_lag_s=60.0), settle_s=0.0, request_timeout_s=0.5) as world:
        world.provider.honours_keys = True
        world.provider.plan.by_chance(*CREATE, 0.4, "drop", "hang", "500", "html")
        ids = await ready_to_create(world, 40)
        await Crew(world, size=16).work(ids, "all are created")
        assert dict(world.provider.ledger.creates) == dict.fromkeys(ids, 1)
