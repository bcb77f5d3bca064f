"""Poll one provider: all of its open jobs in as few requests as can be, and news only of those that moved."""

import logging
import math
import random

from service.core import clock, deadlines, moves
from service.core.errors import Conflict
from service.core.jobs import TERMINAL, Job, JobError
from service.core.remote import RemoteCheckpoint, RemoteEvent, RemoteJob
from service.store.counters import count
from service.store.due import Claim
from service.store.jobs import member
from service.store.redis import Pipeline
from workers.context import Context
from workers.providers.protocol import UNREAD, FineTuner, ProviderError, Reason
from workers.steps import watch
from workers.steps.failures import pause_after, recovered
from workers.steps.finish import kept_checkpoints, models_of

_log = logging.getLogger(__name__)

DETAILS_A_ROUND = 20
"""Jobs whose events are read in one round; more of them take turns, so that a round stays cheap."""

ROUND_REQUESTS = 110
"""What a round may cost, with 10,000 jobs open (DESIGN §7)."""

_PAGE = 100
_SPARE_REQUESTS = 5
_FAILED_DETAILS = 3
_OF_ONE_JOB: frozenset[Reason] = frozenset({"unavailable", "not_found", "bad_answer", "refused", "unclear"})

MANY_OPEN = 1000
SLOW_S = 60.0
OUTAGE_PAUSE_S = 30.0
"""The longest pause between two tries at a provider that is down: two of the usual rounds."""

GONE_AFTER_S = 600.0


async def look(context: Context, claim: Claim, provider_name: str) -> float | None:
    """Poll, take in, and come again; never again while nothing is open."""
    began = await context.runtime.due.now()
    jobs = await context.runtime.jobs.open_at(provider_name)
    if not jobs:
        return None
    if provider_name not in context.providers.names:  # a mistake in the configuration, perhaps: it may come back
        _log.warning("poll %s: not configured, with %d open jobs", provider_name, len(jobs))
        return SLOW_S
    provider = context.providers.get(provider_name)
    try:
        met: list[RemoteJob] = []
        seen = await provider.poll([job.remote.job_id for job in jobs if job.remote.job_id], met=met)
        read = [job for job in jobs if not _is_unread(seen.get(job.remote.job_id or ""))]
        await context.runtime.freshness.seen(provider_name, [job.id for job in read])
        details = _Details(provider, _detailed(provider, [job for job in read if job.remote.job_id in seen], seen))
        for job in read:
            await _take_in(context, details, job, seen.get(job.remote.job_id or ""), began)
        await watch.look_among(context, provider_name, met)
    except ProviderError as error:
        pause_s = await pause_after(context, claim, error, cap_s=OUTAGE_PAUSE_S)
        _log.warning("poll %s: %s; again in %.0f s", provider_name, error.reason, pause_s)
        return pause_s
    await recovered(context, claim)
    now = await context.runtime.due.now()
    age_s = now - max(job.remote.created_at or job.created_at for job in jobs)
    return round_pause_s(len(jobs), provider.capabilities.poll_interval_s, age_s=age_s, elapsed_s=now - began)


def _is_unread(seen: RemoteJob | None) -> bool:
    return seen is not None and seen.raw_status == UNREAD


def round_pause_s(count: int, interval_s: float, *, age_s: float, elapsed_s: float) -> float:
    """Return 1, 2, 4, 8 s while the youngest of `count` jobs is new, then the target's own pace; more for many jobs.

    The slow pace is from start to start of rounds that take `elapsed_s`, so that a long one makes nothing older. The
    chance in it keeps the rounds of several providers apart.
    """
    if count >= MANY_OPEN:
        return max(1.0, SLOW_S * random.uniform(0.8, 1.2) - elapsed_s)
    return min(interval_s, 15.0, max(1.0, age_s)) * random.uniform(0.8, 1.0)


def _detailed(provider: FineTuner, jobs: list[Job], seen: dict[str, RemoteJob]) -> set[str]:
    """Return the ids of the jobs whose events (and checkpoints: two requests) are read now, changed ones first."""
    if not provider.capabilities.events:
        return set()
    by_remote = {job.remote.job_id: job for job in jobs if job.remote.job_id}
    changed = [job.id for id_, job in by_remote.items() if seen[id_].raw_status != job.remote.status]
    moving = [job.id for id_, job in by_remote.items() if seen[id_].status == "running"]
    room = (ROUND_REQUESTS - _SPARE_REQUESTS - math.ceil(len(jobs) / _PAGE)) // 2
    room = max(1, min(DETAILS_A_ROUND, room))
    random.shuffle(changed)
    random.shuffle(moving)
    return set(list(dict.fromkeys([*changed, *moving]))[:room])


class _Details:
    """Reads of events and checkpoints in one round. A job's history that can't be read holds up no other job's status;
    after three failures, or one that asks to wait, the round reads no more histories."""

    def __init__(self, provider: FineTuner, chosen: set[str]) -> None:
        self._provider = provider
        self._chosen = chosen
        self._left = _FAILED_DETAILS

    async def read(self, job: Job, seen: RemoteJob) -> tuple[list[RemoteEvent], list[RemoteCheckpoint]]:
        """Return new events, and checkpoints if the events tell of one; nothing where they can't be read now."""
        if job.id not in self._chosen or not self._left:
            return [], []
        try:
            events = await self._provider.events(seen.id, after=job.remote.event_cursor)
            if not self._provider.capabilities.checkpoints or not any(
                event.message.startswith("Checkpoint created") for event in events
            ):
                return events, []
            return events, await self._provider.checkpoints(seen.id)
        except ProviderError as error:
            _log.warning("poll: the history of job %s: %s", job.id, error.reason)
            self._left = self._left - 1 if error.reason in _OF_ONE_JOB else 0
            return [], []


async def _take_in(context: Context, details: _Details, job: Job, seen: RemoteJob | None, now: float) -> None:
    """Take in one job; one that changed under us is left to the next round."""
    try:
        if deadlines.is_overdue(job, now, context.runtime.settings.deadline_s(job.provider)):
            await context.runtime.jobs.advance(job, deadlines.expire(job, now))
            return
        if seen is None:
            await _missing(context, job, now)
            return
        events, checkpoints = await details.read(job, seen)
        change = moves.observe(job, seen, events, clock.now())
        if change is None:
            if seen.status in TERMINAL:  # seen before, but the look at it found something else: look again
                await context.runtime.due.ring(member(job.id))
            return
        if checkpoints:
            change = moves.with_checkpoints(change, kept_checkpoints(change.job, checkpoints))
        is_new = seen.status == "unknown" and seen.raw_status != job.remote.status

        def also(pipe: Pipeline) -> None:
            if is_new:
                count(pipe, "upstream_unknown_states", provider=job.provider)

        models = models_of(change.job, change.job.checkpoints[len(job.checkpoints) :])
        await context.runtime.jobs.advance(job, change, models=models, also=also)
    except Conflict:
        return


async def _missing(context: Context, job: Job, now: float) -> None:
    """A job that the provider does not list is given ten minutes (of Redis's clock) before it counts as gone."""
    if job.remote.missing_since is None:
        await context.runtime.jobs.advance(job, moves.missing(job, now))
    elif now - job.remote.missing_since > GONE_AFTER_S:
        message = f"The provider no longer knows the job {job.remote.job_id}."
        error = JobError(code="provider_refused", message=message)
        await context.runtime.jobs.advance(job, moves.fail(job, error, now))
