"""What a supervisor promises about real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.cli import places
from tests.e2e.processes import is_alive
from tests.waiting import until

CHILDREN = ("store", "one", "two", "front")
SCRIPT = Path(__file__).with_name("supervised.py")


def pid(folder: Path, name: str) -> int:
    file = folder / f"{name}.pid"
    return int(file.read_text() or 0) if file.exists() else 0


@contextmanager
def supervised(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), str(folder), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def all_up(folder: Path) -> bool:
    return all(pid(folder, name) for name in (*CHILDREN, "supervisor"))


def test_sigterm_stops_the_groups_in_order_and_kills_the_stubborn(tmp_path):
    with supervised(tmp_path) as process:
        until(lambda: all_up(tmp_path), "all children run")
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    stopped = (tmp_path / "stopped").read_text().split()
    assert (stopped[0], set(stopped[1:3]), stopped[3]) == ("front", {"one", "two"}, "store")
    assert "two did not end within 1 s and is killed" in log
    assert not any(is_alive(pid(tmp_path, name)) for name in CHILDREN)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_sigkill_of_the_parent_ends_every_child_and_frees_the_folder(tmp_path):
    with supervised(tmp_path) as process:
        until(lambda: all_up(tmp_path), "all children run")
        assert places.is_locked(tmp_path)
        process.kill()
        process.wait()
        until(lambda: not any(is_alive(pid(tmp_path, name)) for name in CHILDREN), "no child lives")
        until(lambda: not places.is_locked(tmp_path), "the lock is free")


def test_a_child_that_dies_is_started_again(tmp_path):
    with supervised(tmp_path, "--ready") as process:
        until(lambda: all_up(tmp_path), "all children run")
        for _ in range(2):
            first = pid(tmp_path, "one")
            os.kill(first, signal.SIGKILL)
            until(lambda first=first: pid(tmp_path, "one") not in {0, first}, "one runs again")
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert "one ended (signal SIGKILL); starting it again" in log
    assert "one       WARNING one is up" in log


def test_a_child_that_refuses_its_configuration_ends_it_all(tmp_path):
    with supervised(tmp_path, "--broken") as process:
        _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "`broken` does not start (exit status 2)" in log


@contextmanager
def minded(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command under a minder; give the minder and the far end of its lifeline."""
    near, far = os.pipe()
    program = (
        f"import sys, service.cli.tether as t; sys.exit(t.mind({near}, {[sys.executable, '-c', SLEEPER, str(folder)]}))"
    )
    minder = subprocess.Popen([sys.executable, "-c", program], pass_fds=(near,))
    os.close(near)
    try:
        until(lambda: pid(folder, "child"), "the command runs")
        yield minder, far
    finally:
        minder.kill()
        minder.wait()


def test_where_the_kernel_does_not_help_a_minder_ends_the_command_with_its_parent(tmp_path):
    with minded(tmp_path) as (minder, far):
        os.close(far)
        assert minder.wait(10) == 1
        until(lambda: not is_alive(pid(tmp_path, "child")), "the command has ended")


def test_a_minder_passes_sigterm_on_and_gives_the_status_back(tmp_path):
    with minded(tmp_path) as (minder, far):
        minder.terminate()
        assert minder.wait(10) == 7
        os.close(far)


SLEEPER = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
pathlib.Path(sys.argv[1], "child.pid").write_text(str(os.getpid()))
while True: signal.pause()
"""
