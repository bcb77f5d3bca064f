"""Chaos: kills of workers, tickers and Redis, and faults of the provider, while jobs go through."""

import asyncio
import os
import random
import signal
import time
from collections import Counter, deque
from contextlib import suppress

from tests.e2e.processes import descendants
from tests.faults.trees import Tree
from tests.faults.world import World
from tests.waiting import until_async

READS = ("GET", "/(files|fine_tuning/jobs).*")
WRITES = ("POST", "/(files|fine_tuning/jobs)")


_NOBODY_S = 30.0
_ORPHANS = 8
"""How many work on at most without a supervisor; where the product runs they die with it."""


class Chaos:
    """Deals kills at random until told to stop. `dealt` counts those that ended a process."""

    def __init__(self, world: World, *, seed: int, workers: int = 4) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._trees: dict[str, list[Tree]] = {
            "worker": [self._grow("worker") for _ in range(workers)],
            "ticker": [self._grow("ticker") for _ in range(2)],
            "deliver": [self._grow("deliver") for _ in range(2)],
            "api": [self._grow("api")],
        }
        self._orphans: deque[Tree] = deque()
        self.dealt: Counter[str] = Counter()

    def break_the_provider(self, share: float) -> None:
        """Let `share` of all calls to the provider fail, half of the writes after they were carried out."""
        plan = self._world.provider.plan
        plan.by_chance(*WRITES, share / 2, "drop", "hang", "cut", "500", "503", "html")
        plan.by_chance(*WRITES, share / 2, "500 before", "429", "drop before")
        plan.by_chance(*READS, share, "drop before", "500 before", "429", "cut", "html")

    async def run(self, seconds: float, worker_kills: int, ticker_kills: int, redis_kills: int) -> None:
        """Deal the kills, spread evenly over `seconds`, in random order; all of them, however slow the machine is."""
        blows = ["worker"] * worker_kills + ["ticker"] * ticker_kills + ["redis"] * redis_kills
        blows += ["deliver"] * (ticker_kills // 2) + ["api"] * (ticker_kills // 4)
        self._random.shuffle(blows)
        began = time.monotonic()
        for number, blow in enumerate(blows, 1):
            if blow == "redis":
                await self._kill_redis()
            else:
                await self._kill(blow)
            left = began + seconds * number / len(blows) - time.monotonic()
            await asyncio.sleep(max(0.0, left))

    async def _kill_redis(self) -> None:
        self._world.server.kill()
        self.dealt["redis"] += 1
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        await asyncio.to_thread(self._world.server.start)

    async def _kill(self, role: str) -> None:
        """Kill a process, its whole tree, or its supervisor alone, which leaves an orphan at work.

        One that was killed just before is given time to come back.
        """
        number = self._random.randrange(len(self._trees[role]))
        tree = self._trees[role][number]
        await until_async(lambda: _at_work(tree), f"the {role} is back", lambda: self._world.log, _NOBODY_S)
        self.dealt[role] += 1
        # An orphaned API would keep the port, as no supervisor lets it.
        match self._random.choice(("self", "self", "group", "parent" if role != "api" else "group")):
            case "self":
                for child in descendants(tree.leader):
                    _end(child)
                return
            case "group":
                tree.kill()
            case _:
                _end(tree.leader)
                self._orphans.append(tree)
                if len(self._orphans) > _ORPHANS:
                    self._orphans.popleft().kill()
        self._trees[role][number] = self._grow(role)

    def _grow(self, role: str) -> Tree:
        return self._world.grow(role, patches=("tests.faults.quick_webhooks",))

    def end_orphans(self) -> None:
        """Kill what the chaos left without a supervisor."""
        while self._orphans:
            self._orphans.popleft().kill()


async def _at_work(tree: Tree) -> bool:
    return bool(tree.children())


def _end(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
