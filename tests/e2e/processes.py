"""Looking at real processes."""

from pathlib import Path


def is_alive(number: int) -> bool:
    """Tell whether the process runs (a dead one that nobody has waited for does not)."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # the second: it ended while being read
        return False
    return state != "Z"


def descendants(number: int) -> list[int]:
    """Return the ids of all processes below `number`."""
    try:
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):  # the second: it ended while being read
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]
