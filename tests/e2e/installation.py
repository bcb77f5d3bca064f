"""A running `tunewright up` for tests."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from service.cli.up import READY

TUNEWRIGHT = (sys.executable, "-m", "service.cli.main")
READY_WITHIN_S = 60.0


class Installation:
    """The process, its `base_url` and a client of it."""

    def __init__(self, process: subprocess.Popen[str], log: Path, started: float) -> None:
        self.process = process
        self._log = log
        self.base_url = self._read_base_url()
        self.seconds_to_ready = time.monotonic() - started
        self.client = httpx2.Client(base_url=self.base_url, trust_env=False, timeout=30)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self, seconds: float = 40) -> int:
        self.process.terminate()
        return self.process.wait(seconds)

    def pid_of(self, role: str) -> int:
        """Return the newest process id that the log (of a verbose `up`) gives for `role`."""
        lines = [line for line in self.log.splitlines() if f" {role} started as process " in line]
        return int(lines[-1].rpartition(" ")[2])

    def _read_base_url(self) -> str:
        assert self.process.stdout is not None
        too_late = threading.Timer(READY_WITHIN_S, self.process.kill)
        too_late.start()
        line = self.process.stdout.readline()
        too_late.cancel()
        assert line.startswith(READY), f"up is not ready; its log:\n{self.log}"
        return line.removeprefix(READY).strip()


@contextmanager
def installation(data_dir: Path, *options: str, **environment: str) -> Iterator[Installation]:
    """Run `up` on a free port until it is ready; end it with SIGKILL if the test has not ended it."""
    data_dir.mkdir(exist_ok=True)
    log = data_dir / "up.log"
    command = [*TUNEWRIGHT, "up", "--port", "0", "--data-dir", str(data_dir), "--workers", "1", "--verbose", *options]
    started = time.monotonic()
    with log.open("a") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=file, text=True, env=clean_environment(**environment)
        )
    found = None
    try:
        found = Installation(process, log, started)
        yield found
    finally:
        if found is not None:
            found.client.close()
        process.kill()
        process.communicate()


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without what would configure another installation, and with `more`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TUNEWRIGHT_", "OPENAI_")) and k != "REDIS_URL"}
    return {**kept, **more}


def tunewright(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return subprocess.run(
        [*TUNEWRIGHT, *arguments], capture_output=True, text=True, timeout=300, env=clean_environment(**environment)
    )
