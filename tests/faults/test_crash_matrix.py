"""Every crash point with every way to die: the job ends as it should, once, and nothing is left over."""

import asyncio
import tempfile
import time
from pathlib import Path

import pytest

from service.core import clock, moves
from tests.faults.ledger import Pace
from tests.faults.points import BY_NAME, MODES, POINTS, Mode, Point
from tests.faults.trees import FROZEN_S, Crash, Nursery
from tests.faults.world import World, make_world
from tests.waiting import until_async
from workers.look import LEASE_S
from workers.ticker import HOLD_S

RECOVERED_WITHIN_S = 45.0
AT_ONCE = 6


async def survive(point: Point, mode: Mode, trees: Nursery, folder: Path, **pace_of_work: float) -> float:
    """Run one job through a world in which `point` strikes; return the seconds from the blow to the job's end.

    `pace_of_work` are the lengths of leases and holds; those of tests are short.
    """
    pace = Pace(running_s=3600) if point.cancels else Pace()
    async with make_world(folder, trees, pace=pace) as world:
        tree = world.grow(crash=Crash(point.name, mode, world.flag), **pace_of_work)
        job = await world.job(await world.dataset())
        if point.cancels:
            await until_async(lambda: _is_running(world, job.id), f"{point.name}: it runs", lambda: world.log)
            await world.runtime.jobs.modify(job.id, lambda found: moves.cancel(found, clock.now()))
        await until_async(world.flag.exists, f"{point.name} was reached", lambda: world.log)
        if mode != "self":
            await until_async(lambda: not tree.is_led, "the leader is gone")
            world.grow(**pace_of_work)
        await until_async(lambda: world.all_ended([job.id]), f"{point.name}/{mode}: the job ended", lambda: world.log)
        seconds = time.time() - world.flag.stat().st_mtime
        await world.assert_told()
        if mode == "parent":  # the orphan is awake again and has had its say
            await until_async(lambda: _at(world.flag.stat().st_mtime + FROZEN_S + 0.5), "the orphan woke")
        await until_async(lambda: _is_quiet(world), "nothing is left to do", lambda: world.log)
        await world.assert_world()
        assert (await world.read(job.id)).status == ("cancelled" if point.cancels else "succeeded")
    return seconds


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.soak) for turn in (1, 2))])
async def test_every_crash_point_recovers(turn: int, trees: Nursery) -> None:
    """Each point dies in another way in each turn: one turn has all points and all ways, three have all pairs."""
    gate = asyncio.Semaphore(AT_ONCE)
    slowest: dict[str, float] = {}
    failures: dict[str, BaseException] = {}

    async def one(number: int, point: Point) -> None:
        mode = MODES[(number + turn) % len(MODES)]
        async with gate:
            with tempfile.TemporaryDirectory(prefix=f"tw-{number}-", ignore_cleanup_errors=True) as folder:
                try:
                    slowest[point.name] = await survive(point, mode, trees, Path(folder))
                except (AssertionError, OSError, RuntimeError) as error:
                    failures[f"{point.name} / {mode}"] = error

    await asyncio.gather(*(one(number, point) for number, point in enumerate(POINTS)))
    assert not failures, "\n\n".join(f"{name}: {error}" for name, error in failures.items())
    assert len(slowest) == len(POINTS) >= 25
    worst = max(slowest, key=lambda name: slowest[name])
    print(f"turn {turn}: {len(slowest)} points, slowest {slowest[worst]:.1f} s ({worst})")
    assert slowest[worst] < RECOVERED_WITHIN_S


DEFAULTS = {"lease_s": LEASE_S, "hold_s": HOLD_S}
STARTING_S = 5.0
TICKER_ROUND_S = 1.0


def test_the_products_own_leases_keep_the_bound() -> None:
    """A death just after a renewal, and then a message that is lost: the worst that one kill leaves behind."""
    assert LEASE_S + TICKER_ROUND_S + HOLD_S + STARTING_S <= RECOVERED_WITHIN_S


@pytest.mark.slow
@pytest.mark.soak
async def test_recovery_with_the_products_own_leases(trees: Nursery) -> None:
    names = [
        "after the claim of a dataset",
        "after the claim of a job",
        "after the upload",
        "before the poll's claim is settled",
        "after the ticker's take",
        "before the end",
    ]

    async def one(name: str, mode: Mode) -> float:
        with tempfile.TemporaryDirectory(prefix="tw-", ignore_cleanup_errors=True) as folder:
            return await survive(BY_NAME[name], mode, trees, Path(folder), **DEFAULTS)

    modes: tuple[Mode, ...] = ("self", "group")
    seconds = await asyncio.gather(*(one(name, mode) for name in names for mode in modes))
    print(f"own leases: slowest {max(seconds):.1f} s of {len(seconds)}")
    assert max(seconds) < RECOVERED_WITHIN_S


async def _is_running(world: World, job_id: str) -> bool:
    return (await world.read(job_id)).status == "running"


async def _at(when: float) -> bool:
    return time.time() >= when


async def _is_quiet(world: World) -> bool:
    """Tell whether nothing is due but what the clock rings, and the watch after a doubtful create."""
    members = await world.runtime.redis.zrange("tw:due", 0, -1)
    return not [member for member in members if not member.startswith((b"collect", b"alarms", b"watch"))]
