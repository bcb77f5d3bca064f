"""When a job has had its time: it is cancelled at its provider, and fails with `deadline_exceeded`."""

from msgspec.structs import replace

from service.core import moves
from service.core.jobs import Change, Job, NewEvent

STUCK_AFTER_S = 43_200.0
"""Half a day: a job that has not moved for so long is told of. Providers queue for hours, and epochs may take some."""


def is_overdue(job: Job, now: float, deadline_s: float) -> bool:
    """Tell whether the job should have ended; a paused one waits for its client, a cancelled one is on its way."""
    is_stopping = job.expired or job.wish == "cancel"
    return not job.is_terminal and job.status != "paused" and not is_stopping and now - job.created_at > deadline_s


def expire(job: Job, now: float) -> Change:
    """End what was not sent; have the rest cancelled, and take what the provider then says for the end.

    A job that succeeds while it is being cancelled has succeeded: it is paid for, and its model is there.
    """
    expired = replace(job, expired=True)
    if moves.is_unsent(job):
        return moves.cancelled(expired, now)
    event = NewEvent(message="The job's deadline has passed; it is being cancelled", level="warn")
    return Change(job=replace(expired, wish="cancel"), events=(event,), due_in_s=0.0)
