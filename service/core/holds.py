"""Jobs that wait for their provider to take more: one queue a provider and model, by priority and then by age."""

from typing import Literal

from msgspec.structs import replace

from service.core.jobs import Change, Hold, HoldReason, Job, NewEvent

Limit = Literal["concurrent_limit", "daily_limit"]
"""Refusals that hold for one model: its line stands still until the time is over or, for the first, a job has ended."""

LIMITS: dict[str, Limit] = {"concurrent_limit": "concurrent_limit", "daily_limit": "daily_limit"}

_CONCURRENT_S = 60.0
_DAILY_S = 3600.0
_LONGEST_S = 86_400.0
_DAY_S = 86_400.0
_AFTER_MIDNIGHT_S = 60.0
_A_PLACE_S = 15.0
_LONGEST_WAIT_S = 600.0
_YEARS = 10_000_000_000.0

_SAID: dict[HoldReason, str] = {
    "concurrent_limit": "as many jobs of this model as it allows are at work",
    "daily_limit": "no more jobs of this model are taken today",
    "quota": "the account's quota is spent",
    "turn": "other jobs of this model are before it",
}


def order(job: Job) -> float:
    """Return the job's place in its queue, lowest first: a higher priority before an older job."""
    return -job.options.priority * _YEARS + job.created_at


def pause_s(reason: Limit, now: float, asked_s: float | None) -> float:
    """Return how long a queue stands still: what the provider asks, else a minute or an hour.

    A daily limit is tried again each hour by one job, and a minute after midnight UTC, when most providers' day ends.
    """
    if asked_s is not None:
        return min(max(asked_s, 1.0), _LONGEST_S)
    if reason == "concurrent_limit":
        return _CONCURRENT_S
    return min(_DAILY_S, _DAY_S - now % _DAY_S + _AFTER_MIDNIGHT_S)


def look_again_s(ahead: int, closed_s: float) -> float:
    """Return when a held job looks by itself, should nobody ring it: when the pause ends, the later in line later."""
    return max(closed_s, 1.0) if ahead == 0 else min(closed_s + _A_PLACE_S * ahead, closed_s + _LONGEST_WAIT_S)


def hold(job: Job, reason: HoldReason, now: float, due_in_s: float) -> Change:
    """Put the job into its queue, or keep it there; its history says so once for each reason that the provider gave."""
    known = job.hold
    if known is not None and reason in {"turn", known.reason}:
        return Change(job=replace(job, hold=replace(known, tries=job.remote.tries)), due_in_s=due_in_s)
    entered = Hold(reason=reason, since=known.since if known else now, tries=job.remote.tries)
    event = NewEvent(message=f"Waiting for the provider: {_SAID[reason]}")
    return Change(job=replace(job, hold=entered), events=(event,), due_in_s=due_in_s)
