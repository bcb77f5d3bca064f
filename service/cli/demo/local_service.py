"""Starts `tunewright up` beside the demo, with a webhook receiver, and stops it at the end."""

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from service.cli import places
from service.cli.roles import Receiver
from service.cli.supervisor import tethered
from service.cli.up import READY

_STOP_S = 60.0


class NotStarted(Exception):
    """`tunewright up` did not become ready; the message ends with its log."""


class LocalService(msgspec.Struct, frozen=True, kw_only=True):
    """Where it answers, and the receiver beside it."""

    base_url: str
    receiver: Receiver
    log: Path


@contextmanager
def running(data_dir: Path) -> Generator[LocalService]:
    """Run the whole installation on `data_dir` and free ports."""
    if places.is_locked(data_dir):
        raise NotStarted(
            f"A Tunewright runs on {data_dir} already. Use it: tunewright demo --base-url http://127.0.0.1:8484/v1"
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    receiver, log = Receiver.at(_free_port(), data_dir), data_dir / "up.log"
    command = [sys.executable, "-m", "service.cli.main", "up", "--port", "0", "--data-dir", str(data_dir)]
    command += ["--with-receiver", str(receiver.port)]
    near, far = os.pipe()
    with log.open("wb") as file:
        process = subprocess.Popen(
            tethered(command, near), stdout=subprocess.PIPE, stderr=file, text=True, pass_fds=(near,),
            start_new_session=True,  # Ctrl-C is for the demo, which then stops it in order
        )  # fmt: skip
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith(READY):
            raise NotStarted(f"The service did not start; {log} ends with:\n{log.read_text()[-1500:]}")
        yield LocalService(base_url=line.removeprefix(READY).strip(), receiver=receiver, log=log)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        os.close(near)
        os.close(far)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
