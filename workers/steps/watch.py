"""Watch for second jobs: after a doubtful create, look again by our mark; cancel what runs beside the job's own."""

import logging
from collections.abc import Sequence
from functools import partial

from service.core import duplicates, ids, moves
from service.core.jobs import TERMINAL, Job
from service.core.remote import RemoteJob
from service.store.counters import count
from service.store.due import Claim
from service.store.redis import Pipeline
from workers.context import Context
from workers.providers.protocol import ProviderError
from workers.steps.failures import pause_after

_log = logging.getLogger(__name__)


async def look(context: Context, claim: Claim, object_id: str) -> float | None:
    """Look for `LOOKS:JOB_ID`, and again ever more rarely for two hours: no list lags for longer than that."""
    looks, _, job_id = object_id.partition(":")
    job = await context.runtime.jobs.get(job_id)
    if job is None or job.provider not in context.providers.names:
        return None
    try:
        found = await context.provider_of(job).find(job.id, since=float(job.created_at))
        await end_extras(context, job, found)
    except ProviderError as error:
        return await pause_after(context, claim, error)
    pause_s = duplicates.next_look_s(int(looks) + 1)
    if pause_s is not None:
        await context.runtime.due.ring(f"watch:{int(looks) + 1}:{job_id}", pause_s)
    return None


async def end_extras(context: Context, job: Job, found: Sequence[RemoteJob]) -> None:
    """Cancel the jobs of `found` that are one too many, if it is not too late; each is counted and told of once."""
    for extra in duplicates.extras(job, found):
        _log.error("job %s: a second job %s at %s, beside %s", job.id, extra.id, job.provider, job.remote.job_id)
        is_over = extra.status in TERMINAL
        also = partial(_count, result="ended" if is_over else "cancelled")
        await context.runtime.jobs.modify(job.id, lambda old, extra=extra: moves.note_extra(old, extra), also)
        if not is_over:
            await context.provider_of(job).cancel(extra.id)


async def look_among(context: Context, provider: str, met: Sequence[RemoteJob]) -> None:
    """Judge the live jobs with our marks that a poll round met and did not ask for."""
    marks = {seen.mark for seen in met if seen.mark and seen.status not in TERMINAL}
    ours = sorted(mark for mark in marks if mark.startswith(ids.JOB) and ids.is_safe(mark))
    for job in await context.runtime.jobs.get_many(ours):
        if job.provider != provider:
            continue
        try:
            await end_extras(context, job, met)
        except ProviderError as error:
            _log.warning("watch: the second job of %s: %s; again in the next round", job.id, error.reason)


def _count(pipe: Pipeline, *, result: str) -> None:
    count(pipe, "upstream_duplicate_jobs", operation="create", result=result)
