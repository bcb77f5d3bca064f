"""Work of ours that may end its worker (no memory, a fault in a C library): when it is tried again, and how often."""

PAUSES_S = (0.0, 30.0, 60.0, 120.0)
"""How long is waited after each worker that was lost in a row.

The first loss says nothing: a node or a deploy ended, and what it left goes on at once. From the second on the work is
suspect, and the workers get time for the work of others, which shares their memory, in between.
"""

MOST_LOSSES = len(PAUSES_S) + 1
"""The fifth worker lost in a row ends it. Where a kill by chance hits one such work in ten, five in a row hit one in
100,000; and five tries take some six minutes, in which a neighbour's hunger for memory mostly passes."""

BESIDE_S = 2.0
"""How long suspect work waits while another worker is at it, so that it never has two of them at once."""

LOST = "worker_lost"
"""The error code of what was given up."""


CHECKING = "Checking this dataset"


def check_of(file_id: str) -> str:
    """Return the name of checking a file, under whatever model and method."""
    return f"check:{file_id}"


def message(deed: str) -> str:
    """Return what a client is told of work given up; `deed` is what was done, as in "Checking this dataset"."""
    return (
        f"{deed} ended its worker {MOST_LOSSES} times in a row, most likely because its memory was not enough. Give "
        "the workers more memory, or split the file, and post it again; the workers' logs say more."
    )
