"""Tell of jobs that do not move: once a day for each, in the log, in a counter and by webhook."""

import logging
from typing import get_args

from service.core import clock, ids
from service.core.announcements import payload
from service.core.deadlines import STUCK_AFTER_S
from service.core.jobs import Job, Stage
from service.core.webhooks import WebhookMessage
from service.store import keys
from service.store.counters import count
from service.store.due import Claim
from service.store.webhooks import queue_message
from workers.context import Context

_log = logging.getLogger(__name__)

TOLD_FOR_S = 86_400
STUCK = "fine_tuning.job.stuck"


async def look(context: Context, claim: Claim, object_id: str) -> float | None:
    """Look over the stages once; the ticker rings again every minute."""
    del claim, object_id
    for stage in get_args(Stage):
        stuck = await context.runtime.stages.still(stage, STUCK_AFTER_S)
        for job in await context.runtime.jobs.get_many(stuck):
            await _tell(context, job)
    return None


async def _tell(context: Context, job: Job) -> None:
    redis, key = context.runtime.redis, keys.alarm(job.id)
    if job.is_terminal or await redis.exists(key):
        return
    _log.warning("job %s: stuck in %s at provider %s", job.id, job.stage, job.provider)
    message = WebhookMessage(
        id=ids.make(ids.WEBHOOK_EVENT),
        type=STUCK,
        created_at=int(clock.now()),
        data=payload(job, job.announced),
    )
    async with redis.pipeline(transaction=True) as pipe:
        pipe.set(key, "1", ex=TOLD_FOR_S)
        count(pipe, "stuck_alarms", stage=job.stage)
        queue_message(pipe, message)
        await pipe.execute()
