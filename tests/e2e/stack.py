"""A whole Tunewright as a user starts it: `tunewright up` on a free port and a folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import openai

REPOSITORY = Path(__file__).parents[2]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """One instance; its data outlive it, so that it can be started again."""

    def __init__(self, folder: Path, *, config: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._config = folder / "tunewright.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(config or "")
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[openai.OpenAI] = []

    def start(self, timeout_s: float = 120) -> None:
        """Start it and return once `/health/ready` is 200."""
        command = [str(Path(sys.executable).parent / "tunewright"), "up", "--port", str(self.port)]
        command += ["--data-dir", str(self.folder / "data"), "--config", str(self._config)]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TUNEWRIGHT_", "OPENAI_"))}
        log = (self.folder / "up.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=clean, cwd=self.folder)
        log.close()
        deadline = time.monotonic() + timeout_s
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`tunewright up` is not ready:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL to `up` alone: its children must die with it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def log(self) -> str:
        return (self.folder / "up.log").read_text("utf-8", "replace")

    def client(self, **options: Any) -> openai.OpenAI:
        """The unmodified SDK with only `base_url` changed, refusing any object that is not exactly OpenAI's."""
        options = {"max_retries": 0, "_strict_response_validation": True, **options}
        http = httpx2.Client(trust_env=False, timeout=120)
        self._clients.append(openai.OpenAI(base_url=self.base_url, api_key="any", http_client=http, **options))
        return self._clients[-1]

    def _is_ready(self) -> bool:
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}/health/ready", trust_env=False, timeout=2)
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200


def finished(client: openai.OpenAI, job_id: str, timeout_s: float = 300) -> Any:
    """Wait for the end of a job without a sleep loop: `Prefer: wait` holds the answer."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        job = client.fine_tuning.jobs.retrieve(job_id, extra_headers={"Prefer": "wait=5"})
        if job.status in {"succeeded", "failed", "cancelled"}:
            return job
    raise AssertionError(f"{job_id} has no end after {timeout_s} s; it is {job.status}")


def upload(client: openai.OpenAI, path: Path) -> str:
    with path.open("rb") as file:
        return client.files.create(file=file, purpose="fine-tune").id
