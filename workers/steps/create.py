"""Step `creating`: one remote job, whatever dies when. Intent, look-up by mark, settle time, and only then the call."""

import logging
from collections.abc import Callable

from service.core import clock, holds, moves
from service.core.credentials import QUOTA
from service.core.dataset.report import Report
from service.core.errors import Conflict
from service.core.jobs import Change, Job
from service.core.remote import CreateRequest, RemoteJob
from service.store.counters import count
from service.store.due import Claim, LeaseLost
from service.store.holds import Turn
from service.store.redis import Pipeline
from workers.context import Context
from workers.providers.protocol import ProviderError
from workers.steps import report as reports
from workers.steps import upload
from workers.steps.check import request_for
from workers.steps.failures import after_failure
from workers.trial import WorkerLost

_log = logging.getLogger(__name__)

UPLOADS = 2
"""How often files are uploaded: once more when the provider has lost one, and not for ever."""

_WRITES = 8
_FILES = {"training_file", "validation_file"}


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Adopt the job that bears our mark, or create one if the last try is surely settled."""
    try:
        if (job.remote.tries or job.remote.doubts) and (found := await _find(context, job)):
            await _adopt(context, claim, job, found)
            return None
        if (wait_s := await _unsettled(context, job)) > 0:
            return wait_s
        if job.wish == "cancel":
            await context.advance(claim, job, moves.cancelled(job, clock.now()))
            return None
        if job.wish == "pause":
            await context.advance(claim, job, moves.hold(job))
            return None
        if not (turn := await context.runtime.holds.turn(job)).is_on:
            return await _wait_for(context, claim, job, turn)
        return await _create(context, claim, job)
    except ProviderError as error:
        return await after_failure(context, claim, job, error)


async def _create(context: Context, claim: Claim, job: Job) -> float | None:
    provider = context.provider_of(job)
    try:
        report = await reports.ensure(context, claim, request_for(job))
    except WorkerLost:  # made anew since the job was checked; only the tokens of an epoch stay untold
        report = None
    request = _request(job, report)
    # The intent is written without settling the claim: the same look goes on to the call, under the same lease.
    now = await context.runtime.due.now()
    intended = await context.runtime.jobs.advance(job, moves.intend(job, now), claim=claim, keep_claim=True)
    try:
        created = await provider.create(request)
    except ProviderError as error:
        if error.param in _FILES and not error.retryable and intended.remote.uploads < UPLOADS:
            await upload.forget(context, intended)
            await context.advance(claim, intended, moves.upload_again(intended))
            return None
        if error.executed or error.reason == "unclear":
            await _count_unclear(context)
            return max(1.0, _settle_s(context, intended))
        return await _after_clear_refusal(context, claim, intended, error)
    try:
        await _write_back(context, claim, intended, lambda job: moves.adopt(job, created))
    except (Conflict, LeaseLost):  # somebody went on without this answer: its job is adopted by its mark, or too many
        await context.runtime.due.ring(f"watch:0:{job.id}")
        raise
    return None


async def _write_back(
    context: Context, claim: Claim, intended: Job, move: Callable[[Job], Change], *, keep_claim: bool = False
) -> Job:
    """Write what came of the call, also where a wish came meanwhile: the answer is had once, and a list may lag.

    Raises Conflict where the intent no longer stands, LeaseLost where another look may have acted on it.
    """
    job = intended
    for _ in range(_WRITES):
        try:
            return await context.runtime.jobs.advance(job, move(job), claim=claim, keep_claim=keep_claim)
        except Conflict:
            found = await context.runtime.jobs.get(job.id)
            if found is None or found.is_terminal or found.remote != intended.remote:
                raise
            job = found
    raise Conflict(f"The job {job.id} is changing too fast; try again.")


async def _wait_for(context: Context, claim: Claim, job: Job, turn: Turn) -> float | None:
    wait_s = holds.look_again_s(turn.ahead, turn.closed_s)
    change = holds.hold(job, turn.closed_for or "turn", await context.runtime.due.now(), wait_s)
    if change.job != job:
        await context.advance(claim, job, change)
    return wait_s


async def _after_clear_refusal(context: Context, claim: Claim, job: Job, error: ProviderError) -> float | None:
    """The provider surely made nothing: the intent is withdrawn, so that the next try need not settle.

    The four refusals differ: a limit has the jobs of this model wait in line, a spent quota this job and, by the
    provider's gate, all others; a closed model ends the job, and its files go.
    """
    now = await context.runtime.due.now()
    limit = holds.LIMITS.get(error.reason)
    if limit or error.reason == "quota":
        pause_s = holds.pause_s(limit, now, error.retry_after_s) if limit else error.retry_after_s or QUOTA.base_s
        if limit:
            await context.runtime.holds.close(job, limit, pause_s)
        reason = limit or "quota"
        await _write_back(context, claim, job, lambda old: holds.hold(moves.withdraw(old).job, reason, now, pause_s))
        return None
    if error.reason == "closed":
        await after_failure(context, claim, job, error)
        await upload.discard(context, job)
        return None
    withdrawn = await _write_back(context, claim, job, moves.withdraw, keep_claim=True)
    return await after_failure(context, claim, withdrawn, error)


async def _find(context: Context, job: Job) -> list[RemoteJob]:
    return await context.provider_of(job).find(job.id, since=float(job.created_at))


async def _adopt(context: Context, claim: Claim, job: Job, found: list[RemoteJob]) -> None:
    """Keep the first of the jobs that bear our mark; what is more than one is cancelled by the watch."""

    def also(pipe: Pipeline) -> None:
        count(pipe, "upstream_reconciled", operation="create", result="adopted")

    await context.runtime.jobs.advance(job, moves.adopt(job, found[0]), claim=claim, also=also)
    for extra in found[1:]:
        await context.runtime.due.ring(f"watch:0:{job.id}")
        _log.warning("job %s: the provider has more than one: %s beside %s", job.id, extra.id, found[0].id)


async def _count_unclear(context: Context) -> None:
    async with context.runtime.redis.pipeline(transaction=False) as pipe:
        count(pipe, "upstream_ambiguous", operation="create", result="unclear")
        await pipe.execute()


def _settle_s(context: Context, job: Job) -> float:
    return context.provider_of(job).capabilities.settle_s


async def _unsettled(context: Context, job: Job) -> float:
    """Return for how long a try that ended unclearly may still bear a job that no list shows, by Redis's clock."""
    if not job.remote.tries or job.remote.last_try_at is None:
        return 0.0
    return job.remote.last_try_at + _settle_s(context, job) - await context.runtime.due.now()


def _request(job: Job, report: Report | None) -> CreateRequest:
    if job.remote.training_file is None:
        raise ValueError(f"{job.id} is to be created but was not uploaded")
    return CreateRequest(
        mark=job.id,
        model=job.model,
        training_file=job.remote.training_file,
        validation_file=job.remote.validation_file,
        method=job.method,
        suffix=job.suffix,
        seed=job.seed,
        metadata=job.metadata or {},
        integrations=job.integrations,
        provider_options=job.options.provider_options,
        tokens_per_epoch=report.tokens.billable if report and report.tokens else None,
        priority=job.options.priority,
    )
