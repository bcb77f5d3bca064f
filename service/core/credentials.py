"""When calls to a provider stop for a while, for whom, and how long: rules that all workers share."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Scope = Literal["read", "write", "create"]
"""What a pause holds up: reading, changing, or the creation of jobs alone."""

SCOPES: tuple[Scope, ...] = ("read", "write", "create")


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure does to a circuit: opened by the `after`-th in a row, for `base_s` that double to `cap_s`.

    Only one call is let through when the time is over; its end decides whether the others follow.
    """

    after: int
    base_s: float
    cap_s: float
    needs_operator: bool = False


OUTAGE = Trip(after=8, base_s=1.0, cap_s=30.0)
SLOW_DOWN = Trip(after=5, base_s=2.0, cap_s=60.0)
UNAUTHORIZED = Trip(after=1, base_s=60.0, cap_s=300.0, needs_operator=True)
QUOTA = Trip(after=1, base_s=300.0, cap_s=3600.0, needs_operator=True)

_TRIPS: Mapping[str, Trip] = {
    "unavailable": OUTAGE,
    "unclear": OUTAGE,
    "rate_limited": SLOW_DOWN,
    "unauthorized": UNAUTHORIZED,
    "quota": QUOTA,
}

PROBE_S = 5.0
"""How long the others wait for the one call that finds out: its worker may have died."""

LONGEST_RETRY_AFTER_S = 3600.0
STOPS_ALL_S = 5.0
"""A pause of this length that a provider asks for holds up all calls of the kind, a shorter one the call alone."""


def trip_for(reason: str) -> Trip | None:
    """Return what a failure for `reason` does; None for one that says nothing of the next call."""
    return _TRIPS.get(reason)


def scope_of(reason: str, *, write: bool) -> Scope:
    """Return what a failure for `reason` of a write (or a read) holds up.

    Without money jobs are still read, cancelled and finished, but none is created. A key that may read and not write
    goes on reading.
    """
    if reason == "quota":
        return "create"
    return "write" if write else "read"
