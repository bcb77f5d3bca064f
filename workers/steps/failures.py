"""What a provider's refusal means for a job: wait and try again, or end."""

import logging
from typing import cast

from service.core import clock, moves
from service.core.jobs import Job, JobError
from service.store import keys
from service.store.due import Claim
from workers.context import Context
from workers.providers.protocol import ProviderError, Reason

_log = logging.getLogger(__name__)

_CODES: dict[Reason, str] = {
    "refused": "provider_refused",
    "not_found": "provider_refused",
    "closed": "provider_refused",
    "unsupported": "provider_refused",
    "unauthorized": "provider_unreachable",
}
_PAUSE_S: dict[Reason, float] = {
    "quota": 900.0,
    "daily_limit": 3600.0,
    "concurrent_limit": 60.0,
    "unauthorized": 300.0,
}
PAUSING = frozenset(_PAUSE_S)
"""Refusals that pass, though the same call would be refused again at once."""

_BACKOFF_CAP_S = 120.0
_RETRY_AFTER_CAP_S = 3600.0
_FORGOTTEN_S = 600
"""Failures in a row that are further apart are no row."""


async def after_failure(context: Context, claim: Claim, job: Job, error: ProviderError) -> float | None:
    """Fail the job for a final refusal; else return the pause before the next try."""
    if not error.retryable and error.reason not in _PAUSE_S:
        code = error.code if error.code in {"training_not_available", "model_not_available"} else None
        failure = JobError(code=code or _CODES.get(error.reason, "provider_refused"), message=error.message)
        await context.advance(claim, job, moves.fail(job, failure, clock.now()))
        return None
    pause_s = await pause_after(context, claim, error)
    _log.warning("job %s: provider %s: %s; again in %.0f s", job.id, job.provider, error.reason, pause_s)
    return pause_s


async def pause_after(context: Context, claim: Claim, error: ProviderError, *, cap_s: float = _BACKOFF_CAP_S) -> float:
    """Return the seconds to wait: what the provider asked for, the refusal's own pause, or one growing to `cap_s`."""
    if error.retry_after_s is not None:
        return min(max(error.retry_after_s, 1.0), _RETRY_AFTER_CAP_S)
    if error.reason in _PAUSE_S:
        return _PAUSE_S[error.reason]
    async with context.runtime.redis.pipeline(transaction=True) as pipe:
        pipe.incr(keys.provider_failures(claim.member))
        pipe.expire(keys.provider_failures(claim.member), _FORGOTTEN_S)
        failures, _ = cast("tuple[int, bool]", tuple(await pipe.execute()))
    return min(cap_s, 2.0 ** min(failures, 10))


async def recovered(context: Context, claim: Claim) -> None:
    """Forget the failures of a provider that has answered again."""
    await context.runtime.redis.delete(keys.provider_failures(claim.member))
