"""One look at one due member: claim it, run its step under a renewed lease, settle it. A failure makes it due again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from service.core.background import end
from service.core.errors import Conflict, Unavailable
from service.store import keys
from service.store.counters import STEP_BUCKETS, WAIT_BUCKETS, count, observe
from service.store.due import Claim, DueStore, LeaseLost
from workers.context import Context, Later, Step

_log = logging.getLogger(__name__)

LEASE_S = 20.0
"""How long a dead worker's item waits for the next one; renewed three times in that time while the worker lives.

Lease, the ticker's round (1 s), a lost message (15 s) and a worker's start (5 s) stay under 45 s together: that is how
soon what any kill left is taken up again.
"""

_BACKOFF_CAP_S = 60.0


class Looker:
    """Runs steps by kind. Safe to call for any member at any time: what is not due, or is held, is left alone."""

    def __init__(self, context: Context, steps: Mapping[str, Step], *, lease_s: float = LEASE_S) -> None:
        self._context = context
        self._steps = steps
        self._lease_s = lease_s
        self._due = context.runtime.due

    async def look(self, member: str) -> None:
        """Look at `member` once."""
        kind, _, object_id = member.partition(":")
        step = self._steps.get(kind)
        if step is None:
            _log.error("look: no step for %s; left for a newer worker", kind)
            return
        claim = await self._due.claim(member, self._lease_s)
        if claim is None:
            return
        began = asyncio.get_running_loop().time()
        result = await self._run(step, claim, object_id)
        await self._measure(kind, claim.waited_s, result, asyncio.get_running_loop().time() - began)

    async def excuse(self) -> None:
        """Say that this process is told to stop: if it is killed for taking too long, its work is not to blame."""
        try:
            await self._context.runtime.trials.excuse()
        except RedisError as error:
            _log.warning("look: %s; what is in hand was not excused", type(error).__name__)

    async def _run(self, step: Step, claim: Claim, object_id: str) -> str:
        try:
            async with _renewed(self._due, claim):
                due_in_s = await step(self._context, claim, object_id)
            await self._settle(claim, due_in_s)
        except Later as later:
            await self._due.settle(claim, later.due_in_s)
            return "later"
        except LeaseLost:
            _log.warning("look: lost the lease on %s; another worker has it", claim.member)
            return "lease_lost"
        except Conflict:
            await self._due.settle(claim, 0.0)
            return "conflict"
        except (RedisError, Unavailable) as error:
            _log.warning(
                "look: %s while on %s; it is due again when its lease ends", type(error).__name__, claim.member
            )
            return "store_unavailable"
        except Exception:  # noqa: BLE001 - the RQ entry point: one bad record can't stop the rest
            _log.exception("look: %s failed; pushed back", claim.member)
            await self._push_back(claim)
            return "error"
        return "ok"

    async def _settle(self, claim: Claim, due_in_s: float | None) -> None:
        async with self._context.runtime.redis.pipeline(transaction=False) as pipe:
            pipe.hdel(keys.FAILURES, claim.member)
            if due_in_s is None:  # a step that got somewhere; its provider answered, if it asked one
                pipe.delete(keys.provider_failures(claim.member))
            await pipe.execute()
        await self._due.settle(claim, due_in_s)

    async def _push_back(self, claim: Claim) -> None:
        failures = await self._context.runtime.redis.hincrby(keys.FAILURES, claim.member, 1)
        await self._due.settle(claim, min(_BACKOFF_CAP_S, 2.0 ** min(failures, 10)))

    async def _measure(self, kind: str, waited_s: float | None, result: str, seconds: float) -> None:
        async with self._context.runtime.redis.pipeline(transaction=False) as pipe:
            count(pipe, "step_attempts", step=kind, result=result)
            observe(pipe, "step_duration_seconds", seconds, STEP_BUCKETS, step=kind)
            if waited_s is not None:
                observe(pipe, "step_wait_seconds", waited_s, WAIT_BUCKETS, step=kind)
            with contextlib.suppress(RedisError):
                await pipe.execute()


@asynccontextmanager
async def _renewed(due: DueStore, claim: Claim) -> AsyncGenerator[None]:
    """Renew the lease while the body runs; if it is lost, the body is cancelled and LeaseLost raised."""
    body = asyncio.current_task()
    lost = is_over = False

    async def renew() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(claim.lease_s / 3)
            try:
                await due.renew(claim)
            except LeaseLost:
                if body and not is_over:
                    lost = True
                    body.cancel()
                return
            except RedisError:
                continue

    renewal = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost:
            raise LeaseLost(claim.member) from None
        raise
    finally:
        is_over = True
        await end(renewal)
