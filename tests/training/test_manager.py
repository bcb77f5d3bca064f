"""Role `train`: starts what is queued, looks after deaths, pauses and cancels, and never runs a run twice."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.training.conftest import ROOT, MakeRun, colours, losses, wait_until, write
from workers.training.manager import serve
from workers.training.run_directory import RunDirectory
from workers.training.spec import Control, RunState

SLOW = {"min_step_seconds": 0.03}


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


async def reached(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not reached in time"
        await asyncio.sleep(0.01)


def status(run: RunDirectory) -> str:
    return run.state().status


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "train.jsonl", colours(80, 1))


async def test_runs_in_order_of_creation_within_the_slots(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    first, second = make_run(data, name="b"), make_run(data, name="a")
    async with managed(tmp_path, slots=1):
        await reached(lambda: status(second) == "succeeded")
    ended, started = first.state().finished_at, second.state().started_at
    assert ended is not None
    assert started is not None
    assert ended < started


@pytest.mark.alone
async def test_a_new_run_starts_at_once(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    async with managed(tmp_path):
        await asyncio.sleep(1.2)
        run = make_run(data)
        began = time.monotonic()
        await reached(lambda: (run.path / "process.log").exists())
        assert time.monotonic() - began < 0.4
        await reached(lambda: status(run) == "succeeded")


async def test_a_killed_process_is_started_again(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data, engine_options=SLOW)
    async with managed(tmp_path):
        await reached(lambda: len(losses(run)) >= 12)
        pid = run.state().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await reached(lambda: status(run) == "succeeded")
    assert [e.seq for e in run.events()] == list(range(len(run.events())))


async def test_five_deaths_without_progress_fail_the_run(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data)
    run.events_path.mkdir()
    async with managed(tmp_path):
        await reached(lambda: status(run) == "failed", 60)
    error = run.state().error
    assert error is not None
    assert error.code == "server_error"


async def test_pause_resume_and_cancel(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run, waiting, other = (make_run(data, name=n, engine_options=SLOW) for n in ("run", "waiting", "other"))
    waiting.write_control(Control(want="pause"))
    other.write_control(Control(want="cancel"))
    async with managed(tmp_path):
        await reached(lambda: len(losses(run)) >= 12)
        run.write_control(Control(want="pause"))
        await reached(lambda: (status(run), status(waiting), status(other)) == ("paused", "paused", "cancelled"))
        for each in (run, waiting):
            each.write_control(Control(want="run"))
        await reached(lambda: (status(run), status(waiting)) == ("succeeded", "succeeded"))


async def test_stopping_saves_and_a_new_manager_goes_on(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    run = make_run(data, engine_options=SLOW)
    async with managed(tmp_path):
        await reached(lambda: len(losses(run)) >= 5)
    assert status(run) == "queued"
    async with managed(tmp_path), managed(tmp_path):
        await reached(lambda: status(run) == "succeeded")
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
    wait_until(lambda: len(losses(run)) >= 8)
    pid = run.state().pid
    first.kill()
    first.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text(), 5)
    second = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    try:
        wait_until(lambda: status(run) == "succeeded")
    finally:
        second.kill()
        second.wait()
    assert len(losses(run)) == 30


@pytest.mark.alone
async def test_an_idle_manager_costs_next_to_nothing(make_run: MakeRun, data: Path, tmp_path: Path) -> None:
    for number in range(200):
        run = make_run(data, name=str(number))
        run.write_state(RunState(status="succeeded" if number else "paused"))
        run.write_control(Control(want="pause"))
    async with managed(tmp_path):
        await asyncio.sleep(2.0)
        before = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.sleep(2.0)
        after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.06
