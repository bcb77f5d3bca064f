"""Trees of the product's processes, forked by `tests.faults.launch`, and who of them lives."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.settings import Settings
from tests.e2e.processes import descendants, is_alive
from tests.e2e.stack import REPOSITORY
from tests.waiting import until

LEASE_S = 3.0
HOLD_S = 1.5
FROZEN_S = 4.5
"""Longer than the lease, so that an orphan wakes when its work is somebody else's."""


@dataclass(frozen=True)
class Crash:
    """Who dies where; `flag` appears when it happens."""

    point: str
    mode: str
    flag: Path
    frozen_s: float = FROZEN_S


@dataclass
class Tree:
    """A leader and its children; the process group outlives the leader."""

    leader: int

    @property
    def is_led(self) -> bool:
        return is_alive(self.leader)

    def children(self) -> list[int]:
        return descendants(self.leader)

    def stop(self, timeout_s: float = 20) -> None:
        """SIGTERM in good order."""
        os.kill(self.leader, signal.SIGTERM)
        until(lambda: not self.is_led, "the tree has stopped", timeout_s=timeout_s)

    def kill(self) -> None:
        """SIGKILL to all of it, orphans too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.leader, signal.SIGKILL)


class Nursery:
    """Makes trees; all of them end with it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._trees: list[Tree] = []
        self._lock = threading.Lock()
        assert self._read() == "ready"

    def grow(
        self,
        settings: Settings,
        *roles: str,
        log: Path,
        crash: Crash | None = None,
        patches: tuple[str, ...] = (),
        lease_s: float = LEASE_S,
        hold_s: float = HOLD_S,
    ) -> Tree:
        """Start a tree of `roles`; `patches` are modules of `tests.faults` that are imported first in each child."""
        order: dict[str, Any] = {
            "roles": roles,
            "settings": _as_values(settings),
            "log": str(log),
            "patches": patches,
            "lease_s": lease_s,
            "hold_s": hold_s,
        }
        if crash is not None:
            point = {"point": crash.point, "mode": crash.mode, "flag": str(crash.flag), "frozen_s": crash.frozen_s}
            order["crash"] = point
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            self._trees.append(Tree(int(self._read())))
            return self._trees[-1]

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _as_values(settings: Settings) -> dict[str, Any]:
    """Return the settings as `load` takes them."""
    values = {name: getattr(settings, name) for name in Settings.__struct_fields__}
    values["providers"] = {
        name: {field: getattr(table, field) for field in table.__struct_fields__ if getattr(table, field) is not None}
        for name, table in settings.providers.items()
    }
    text = json.dumps({name: value for name, value in values.items() if value is not None}, default=str)
    return json.loads(text)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Run the process that makes trees."""
    far, near = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.launch", str(far)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(far,),
        cwd=REPOSITORY,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    os.close(far)
    try:
        yield Nursery(process)
    finally:
        os.close(near)
        process.communicate()
