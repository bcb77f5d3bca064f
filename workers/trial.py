"""The bound on pure work of ours that ends its worker. Never around a call to a provider: that is never given up so."""

import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from service.core import trials
from service.store.counters import count
from service.store.due import Claim
from workers.context import Context, Later

_log = logging.getLogger(__name__)


class WorkerLost(Exception):
    """The work has lost too many workers in a row and is not tried again for an hour. The message is for the client."""


@asynccontextmanager
async def on_trial(context: Context, claim: Claim, name: str, deed: str) -> AsyncGenerator[None]:
    """Do work that may end this process. `name` is `kind:id`; `deed` opens the sentence that says what failed.

    Raises WorkerLost where it has lost too many, Later where it has to wait. An end by MemoryError is a loss, too.
    """
    store = context.runtime.trials
    trial = await store.begin(name, claim)
    if trial.is_new:
        _log.warning("trial: %s has lost its worker, %d in a row", name, trial.losses)
        async with context.runtime.redis.pipeline(transaction=False) as pipe:
            count(pipe, "workers_lost", work=name.partition(":")[0])
            await pipe.execute()
    if trial.is_given_up:
        raise WorkerLost(trials.message(deed))
    if trial.wait_s > 0:
        raise Later(trial.wait_s)
    lives = True
    try:
        yield
    except MemoryError:
        lives = False
        raise
    finally:
        if lives:
            with contextlib.suppress(RedisError):  # Redis is away; the next look finds what the work has made
                await store.end(name, claim)
