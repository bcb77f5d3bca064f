"""Prints the part of requirements.lock that the service needs to run: no test tools in the image, and still one lock.

`python docker/runtime_lock.py requirements.lock`, in an environment where the whole lock and Tunewright are installed.
"""

import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "tunewright"
EXTRAS = ("objects", "parquet", "open")
_BLOCK = re.compile(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", re.MULTILINE | re.DOTALL)


def needed(root: str = ROOT, extras: tuple[str, ...] = EXTRAS) -> set[str]:
    """Return the names of all packages that `root` needs here, itself left out."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    open_ends = [(root, extras)]
    while open_ends:
        name, wanted = open_ends.pop()
        for line in requires(name) or ():
            requirement = Requirement(line)
            applies = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in ("", *wanted)
            )
            child = (canonicalize_name(requirement.name), tuple(sorted(requirement.extras)))
            if applies and child not in seen:
                seen.add(child)
                open_ends.append(child)
    return {name for name, _ in seen}


def part(lock: str, names: set[str]) -> str:
    """Return the blocks of `lock` that pin `names`."""
    return "".join(block for block in _BLOCK.findall(lock) if canonicalize_name(re.split(r"[=;\s]", block)[0]) in names)


if __name__ == "__main__":
    sys.stdout.write(part(Path(sys.argv[1]).read_text("utf-8"), needed()))
