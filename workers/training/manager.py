"""Role `train`: starts a process for each queued run, as many as there are slots, and looks after what becomes of it.

Several managers may share one folder: a run's lock decides who has it. A run whose process died is started again from
its newest checkpoint; after 5 deaths without progress it fails.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

import msgspec

from service.core import clock
from service.core.jobs import JobError
from service.settings import Settings
from workers.training.local_models import runs_folder
from workers.training.run import BUSY
from workers.training.run_directory import RunDirectory
from workers.training.session import end
from workers.training.spec import MAX_ATTEMPTS, TERMINAL, RunSpec, Status

LOOK_EVERY_S = 0.075
_FULL_LOOK_EVERY = 40
_GRACE_S = 20.0
_BUSY_PAUSE_S = 1.0
_DEATH_PAUSE_S = 0.5
_DRAFT_AGE_S = 3_600.0
_JUDGED_PER_LOOK = 256
_log = logging.getLogger(__name__)


class _Known(msgspec.Struct):
    """A run that has not ended; `changed` marks its control and state files as last looked at."""

    run: RunDirectory
    created_at: float
    priority: int = 0
    changed: tuple[int, ...] = ()
    ready: bool = False
    not_before: float = 0.0


class TrainManager:
    """The bookkeeping behind `serve`."""

    def __init__(self, data_dir: Path, slots: int) -> None:
        self._runs = runs_folder(data_dir)
        self._slots = slots
        self._known: dict[str, _Known] = {}
        self._ended: set[str] = set()
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._folder_changed = 0
        self._looks = 0

    async def look(self) -> None:
        """Take note of new runs and wishes, then start what may start."""
        self._find_runs()
        for name in [*self._known][:_JUDGED_PER_LOOK]:
            known = self._known.pop(name)
            self._known[name] = known
            if name not in self._children:
                self._judge(name, known)
        if len(self._children) >= self._slots:
            return
        waiting = (k for k in self._known.values() if k.ready and k.run.run_id not in self._children)
        for known in sorted(waiting, key=lambda k: (-k.priority, k.created_at, k.run.run_id)):
            if len(self._children) < self._slots and known.not_before <= clock.now():
                await self._start(known)

    def _find_runs(self) -> None:
        """List the folder when it has changed (its time is coarse: not while that is fresh), and every 40th time."""
        changed = self._runs.stat().st_mtime_ns
        fresh = abs(clock.now() - changed / 1e9) < 1.0
        self._looks += 1
        if changed == self._folder_changed and not fresh and self._looks % _FULL_LOOK_EVERY != 1:
            return
        self._folder_changed = changed
        there: set[str] = set()
        with os.scandir(self._runs) as entries:
            there = {entry.name for entry in entries if entry.name.startswith("ftrun-")}
        for name in there - self._known.keys() - self._ended:
            run = RunDirectory(self._runs / name)
            spec = _read_spec(run)
            if spec is None:
                self._ended.add(name)
            else:
                self._known[name] = _Known(run=run, created_at=spec.created_at, priority=spec.priority)
        for name in self._known.keys() - there - self._children.keys():
            del self._known[name]
        self._ended &= there

    def _judge(self, name: str, known: _Known) -> None:
        """Read a run again if its files changed: forget it if it has ended, else settle its wish."""
        run = known.run
        changed = (*_mark_of(run.path / "control.json"), *_mark_of(run.path / "state.json"))
        if known.not_before > clock.now() or (changed == known.changed and known.not_before == 0.0):
            return
        try:
            state, want = run.state(), run.control().want
        except (OSError, msgspec.DecodeError):
            _log.exception("The files of run %s can't be read", name)
            return
        known.changed = changed
        known.ready = False
        known.not_before = 0.0
        if state.status in TERMINAL:
            self._ended.add(name)
            del self._known[name]
        elif want == "cancel":
            self._settle(known, "cancelled", None)
        elif want == "pause":
            self._pause(known)
        elif state.attempt >= MAX_ATTEMPTS:
            message = f"The training process ended {state.attempt} times without progress."
            self._settle(known, "failed", JobError(code="server_error", message=message))
        else:
            known.ready = True

    def _settle(self, known: _Known, status: Status, error: JobError | None) -> None:
        with known.run.locked() as mine:
            state = known.run.state()
            if mine and state.status not in TERMINAL:
                end(known.run, state, status, error, now=clock.now())
            if not mine:
                known.not_before = clock.now() + _BUSY_PAUSE_S

    def _pause(self, known: _Known) -> None:
        with known.run.locked() as mine:
            state = known.run.state()
            if mine and state.status in {"queued", "running"}:
                known.run.write_state(msgspec.structs.replace(state, status="paused", pid=None, estimated_finish=None))
            if not mine:
                known.not_before = clock.now() + _BUSY_PAUSE_S

    async def _start(self, known: _Known) -> None:
        run = known.run
        with run.locked() as free:
            pass
        if not free:
            known.not_before = clock.now() + _BUSY_PAUSE_S
            return
        with (run.path / "process.log").open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.training.run", str(run.path), "--parent", str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._children[run.run_id] = child
        _log.info("Run %s started as process %d", run.run_id, child.pid)

    def reap(self) -> None:
        """Take back the slots of processes that have ended."""
        for name, child in list(self._children.items()):
            if child.returncode is None:
                continue
            del self._children[name]
            if known := self._known.get(name):
                known.changed = ()
                known.ready = False
                known.not_before = clock.now() + _BUSY_PAUSE_S if child.returncode == BUSY else 0.0
                if child.returncode not in {0, BUSY}:
                    self._count_death(name, known, child.returncode)

    def _count_death(self, name: str, known: _Known, code: int) -> None:
        """Note the death of a process; a second one without progress between makes the next start wait."""
        _log.warning("Process of run %s ended with %d; it is started again", name, code)
        with known.run.locked() as mine:
            state = known.run.state()
            if mine and state.status not in TERMINAL:
                known.run.write_state(msgspec.structs.replace(state, attempt=state.attempt + 1))
                known.not_before = clock.now() + (_DEATH_PAUSE_S * 2**state.attempt / 2 if state.attempt else 0.0)

    async def stop(self) -> None:
        """Ask the processes to save and end; kill after 20 s what has not."""
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        waits = [child.wait() for child in self._children.values()]
        try:
            await asyncio.wait_for(asyncio.gather(*waits), _GRACE_S)
        except TimeoutError:
            for child in self._children.values():
                with contextlib.suppress(ProcessLookupError):
                    child.kill()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Role `train`: see `serve`."""
    await serve(settings.data_dir, settings.training_slots, stop)


async def serve(data_dir: Path, slots: int, stop_event: asyncio.Event) -> None:
    """Look after local runs until `stop_event`; then let running ones save and end, so that they go on later."""
    runs_folder(data_dir).mkdir(parents=True, exist_ok=True)
    _clear_drafts(runs_folder(data_dir))
    manager = TrainManager(data_dir, slots)
    try:
        while not stop_event.is_set():
            manager.reap()
            await manager.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop_event.wait(), LOOK_EVERY_S)
    finally:
        await manager.stop()


def _read_spec(run: RunDirectory) -> RunSpec | None:
    try:
        return run.spec()
    except (OSError, msgspec.DecodeError):
        _log.exception("The specification of run %s can't be read; the run is left alone", run.run_id)
        return None


def _clear_drafts(runs: Path) -> None:
    """Remove half-made runs that a killed process left more than an hour ago."""
    for draft in runs.glob(".draft-*"):
        if draft.stat().st_mtime < clock.now() - _DRAFT_AGE_S:
            shutil.rmtree(draft, ignore_errors=True)


def _mark_of(path: Path) -> tuple[int, int]:
    """Tell versions of a file apart; times alone are too coarse, each replacement is a new inode."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
