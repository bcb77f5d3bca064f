"""Role `train`: starts what is queued, looks after deaths, pauses and cancels, and never runs a run twice."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.processes import is_alive
from tests.training.conftest import ROOT, MakeRun, colours, losses, write
from tests.waiting import until, until_async
from workers.training.local_models import runs_folder
from workers.training.manager import TrainManager, serve
from workers.training.run_directory import RunDirectory
from workers.training.spec import Control, RunState

SLOW = {"min_step_seconds": 0.05}


@contextlib.asynccontextmanager
async def managed(data_dir: Path, slots: int = 2) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(serve(data_dir, slots, stop))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        stop.set()
        await task


def status(run: RunDirectory) -> str:
    return run.state().status


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "train.jsonl", colours(80, 1))


async def test_runs_in_order_of_creation_within_the_slots(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    first, second = make_run(data, name="b"), make_run(data, name="a")
    async with managed(tmp_path, slots=1):
        await until_async(lambda: status(second) == "succeeded", "it has succeeded")
    ended, started = first.state().finished_at, second.state().started_at
    assert ended is not None
    assert started is not None
    assert ended < started


def settled(folder: Path) -> None:
    """Date the folder back: its time is coarse, so a fresh one is not trusted."""
    os.utime(folder, (time.time() - 60, time.time() - 60))


async def test_a_new_run_starts_at_the_next_look(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    runs = runs_folder(tmp_path)
    runs.mkdir(parents=True)
    manager = TrainManager(tmp_path, 2)
    for _ in range(3):
        settled(runs)
        await manager.look()
    run = make_run(data)
    await manager.look()
    await manager.stop()
    assert (run.path / "process.log").exists()


async def test_a_killed_process_is_started_again(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data, engine_options=SLOW)
    async with managed(tmp_path):
        await until_async(lambda: len(losses(run)) >= 12, "12 steps are done")
        pid = run.state().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until_async(lambda: status(run) == "succeeded", "it has succeeded")
    assert [e.seq for e in run.events()] == list(range(len(run.events())))


async def test_five_deaths_without_progress_fail_the_run(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data)
    run.events_path.mkdir()
    async with managed(tmp_path):
        await until_async(lambda: status(run) == "failed", "it has failed")
    error = run.state().error
    assert error is not None
    assert error.code == "server_error"


async def test_pause_resume_and_cancel(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run, waiting, other = (make_run(data, name=n, engine_options=SLOW) for n in ("run", "waiting", "other"))
    waiting.write_control(Control(want="pause"))
    other.write_control(Control(want="cancel"))
    async with managed(tmp_path):
        await until_async(lambda: len(losses(run)) >= 12, "12 steps are done")
        run.write_control(Control(want="pause"))
        await until_async(
            lambda: (status(run), status(waiting), status(other)) == ("paused", "paused", "cancelled"), "all stand"
        )
        for each in (run, waiting):
            each.write_control(Control(want="run"))
        await until_async(lambda: (status(run), status(waiting)) == ("succeeded", "succeeded"), "both have succeeded")


async def test_stopping_saves_and_a_new_manager_goes_on(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data, engine_options=SLOW)
    async with managed(tmp_path):
        await until_async(lambda: len(losses(run)) >= 5, "5 steps are done")
    assert status(run) == "queued"
    async with managed(tmp_path), managed(tmp_path):
        await until_async(lambda: status(run) == "succeeded", "it has succeeded")
    assert len(losses(run)) == 30


def test_runs_die_with_a_killed_manager_and_go_on_under_the_next(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("SKIPPED LOUDLY: the kernel's parent death signal is Linux only")
    run = make_run(data, engine_options=SLOW)
    code = (
        "import asyncio, pathlib, sys\nfrom workers.training.manager import serve\n"
        "asyncio.run(serve(pathlib.Path(sys.argv[1]), 2, asyncio.Event()))"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    until(lambda: len(losses(run)) >= 8, "eight steps are done")
    pid = run.state().pid
    first.kill()
    first.wait()
    until(lambda: not is_alive(pid), "the run has died", timeout_s=5)
    second = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    try:
        until(lambda: status(run) == "succeeded", "it has succeeded")
    finally:
        second.kill()
        second.wait()
    assert len(losses(run)) == 30


async def test_an_idle_manager_reads_nothing_again(
    make_run: MakeRun, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        run = make_run(data, name=str(number))
        run.write_state(RunState(status="succeeded" if number else "paused"))
        run.write_control(Control(want="pause"))
    settled(runs_folder(tmp_path))
    manager = TrainManager(tmp_path, 2)
    for _ in range(3):
        await manager.look()
    reads: list[object] = []
    for name in ("state", "control", "spec"):
        read = getattr(RunDirectory, name)
        monkeypatch.setattr(RunDirectory, name, lambda run, read=read: (reads.append(run), read(run))[1])
    listed, scandir = list[object](), os.scandir
    monkeypatch.setattr(os, "scandir", lambda *path: (listed.append(path), scandir(*path))[1])
    for _ in range(80):
        await manager.look()
    assert (len(reads), len(listed)) == (0, 2)
