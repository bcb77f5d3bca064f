"""Which remote jobs are one too many: a job of ours has at most one at its provider (reference/reliability §2.3)."""

from collections.abc import Sequence

from service.core.jobs import TERMINAL, Job
from service.core.remote import RemoteJob

WATCH_S = (10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Pauses between looks for a job that a list may yet show: ten looks in the two hours after a doubtful create."""

_FREE = TERMINAL - {"succeeded"}


def extras(job: Job, found: Sequence[RemoteJob]) -> list[RemoteJob]:
    """Return those of `found` that run beside the job's own, or ran to their end before anybody looked.

    None while the job goes on without a remote job: it may adopt one of them. What failed or was cancelled costs
    nothing, and what bears another mark is not ours to touch.
    """
    if job.remote.job_id is None and not job.is_terminal:
        return []
    return [seen for seen in found if seen.mark == job.id and seen.id != job.remote.job_id and seen.status not in _FREE]


def is_doubtful(job: Job) -> bool:
    """Tell whether a create call may have made a job that nobody has found."""
    made = job.remote.tries + job.remote.doubts
    return made > (0 if job.remote.job_id is None else 1)


def next_look_s(looks: int) -> float | None:
    """Return the pause before the next look after `looks` of them; None when enough is enough."""
    return WATCH_S[looks] if looks < len(WATCH_S) else None
