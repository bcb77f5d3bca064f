"""The only place that reads the wall clock; everything else is handed a `now`."""

import time


def now() -> float:
    """Return Unix seconds, UTC."""
    return time.time()
