"""A run's folder: every change is whole or not at all, so that a kill at any moment leaves it consistent."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from workers.training.spec import CheckpointMeta, Control, RunEvent, RunSpec, RunState

T = TypeVar("T")
KEPT_CHECKPOINTS = 3
_PREFIX = "step-"


class RunDirectory:
    """Reads and writes the files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints_path = path / "checkpoints"
        self.resume_path = path / "resume"
        self.events_path = path / "events.jsonl"
        self.results_path = path / "results.csv"

    @property
    def run_id(self) -> str:
        """Return the run's id, which is the folder's name."""
        return self.path.name

    def spec(self) -> RunSpec:
        """Read the specification."""
        return msgspec.json.decode((self.path / "spec.json").read_bytes(), type=RunSpec)

    def state(self) -> RunState:
        """Read the state."""
        return msgspec.json.decode((self.path / "state.json").read_bytes(), type=RunState)

    def control(self) -> Control:
        """Read what the owner wants; a run without the file is wanted."""
        try:
            return msgspec.json.decode((self.path / "control.json").read_bytes(), type=Control)
        except FileNotFoundError:
            return Control()

    def write_state(self, state: RunState) -> None:
        """Replace the state; durable when this returns."""
        replace(self.path / "state.json", msgspec.json.encode(state))

    def write_control(self, control: Control) -> None:
        """Replace the wish; durable when this returns."""
        replace(self.path / "control.json", msgspec.json.encode(control))

    @contextlib.contextmanager
    def locked(self) -> Generator[bool]:
        """Hold the run's lock for the block, or yield False at once where another process holds it."""
        with (self.path / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def events(self, first: int = 0, limit: int = 1_000) -> list[RunEvent]:
        """Read whole events with number `first` and above; a line still being written is left for the next time."""
        return list(self._events(first, limit))

    def _events(self, first: int, limit: int) -> Iterator[RunEvent]:
        try:
            file = self.events_path.open("rb")
        except FileNotFoundError:
            return
        found = 0
        with file:
            for number, line in enumerate(file):
                if number < first:
                    continue
                if found == limit or not line.endswith(b"\n"):
                    return
                found += 1
                yield msgspec.json.decode(line, type=RunEvent)

    def rewind_events(self, step: int) -> list[RunEvent]:
        """Cut off a torn last line and everything after `step`; return what stays."""
        kept: list[RunEvent] = []
        if not self.events_path.exists():
            return kept
        size = 0
        with self.events_path.open("r+b") as file:
            for line in file:
                event = _whole_event(line)
                if event is None or event.step > step:
                    break
                kept.append(event)
                size += len(line)
            file.truncate(size)
            os.fsync(file.fileno())
        return kept

    def checkpoints(self) -> list[CheckpointMeta]:
        """Return the epoch checkpoints, newest first; one that is dropped meanwhile is left out."""
        found: list[CheckpointMeta] = []
        for folder in _by_step(self.checkpoints_path):
            with contextlib.suppress(FileNotFoundError):
                found.append(_meta(folder))
        return found

    def checkpoint_folder(self, step: int) -> Path:
        """Return where the epoch checkpoint of `step` lies."""
        return self.checkpoints_path / f"{_PREFIX}{step}"

    def resume_point(self) -> tuple[int, Path] | None:
        """Return the newest state that training can go on from."""
        folders = [*_by_step(self.checkpoints_path), *_by_step(self.resume_path)]
        newest = max(folders, key=_step, default=None)
        return None if newest is None else (_step(newest), newest)

    def save_checkpoint(self, meta: CheckpointMeta, save: Callable[[Path], None]) -> None:
        """Store an epoch checkpoint and drop all but the newest three."""
        self._save(self.checkpoints_path, meta, save)
        _drop(_by_step(self.checkpoints_path)[KEPT_CHECKPOINTS:])
        _drop(_by_step(self.resume_path))

    def save_resume(self, meta: CheckpointMeta, save: Callable[[Path], None]) -> None:
        """Store a rolling checkpoint in place of the one before."""
        self._save(self.resume_path, meta, save)
        _drop(_by_step(self.resume_path)[1:])

    def _save(self, parent: Path, meta: CheckpointMeta, save: Callable[[Path], None]) -> None:
        target, draft = parent / f"{_PREFIX}{meta.step}", parent / ".draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        save(draft)
        (draft / "meta.json").write_bytes(msgspec.json.encode(meta))
        for file in draft.iterdir():
            sync(file)
        sync(draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        sync(parent)

    def clear(self) -> None:
        """Remove what only a living run needs: the rolling checkpoint and the links to the data."""
        shutil.rmtree(self.resume_path, ignore_errors=True)
        for name in ("training.jsonl", "validation.jsonl"):
            (self.path / name).unlink(missing_ok=True)


class EventLog:
    """Appends events to a run, numbered on; flushed each time, durable after `sync`."""

    def __init__(self, run: RunDirectory, kept: list[RunEvent]) -> None:
        self._file = run.events_path.open("ab")
        self._next = len(kept)
        self._said = {event.message for event in kept if event.type == "message"}

    def metrics(self, message: str, data: dict[str, Any], *, step: int, now: float) -> None:
        """Add the measures of a step."""
        self._append(
            RunEvent(seq=self._next, created_at=int(now), type="metrics", message=message, data=data, step=step)
        )

    def message(self, message: str, *, step: int, now: float) -> None:
        """Say something once; a message that an earlier attempt has said is not repeated."""
        if message not in self._said:
            self._said.add(message)
            self._append(RunEvent(seq=self._next, created_at=int(now), message=message, step=step))

    def _append(self, event: RunEvent) -> None:
        self._file.write(msgspec.json.encode(event) + b"\n")
        self._file.flush()
        self._next += 1

    def sync(self) -> None:
        """Make all events durable."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def replace(path: Path, content: bytes) -> None:
    """Replace a file at once; durable when this returns."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file or a folder's entries durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _whole_event(line: bytes) -> RunEvent | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return msgspec.json.decode(line, type=RunEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix(_PREFIX))


def _by_step(parent: Path) -> list[Path]:
    return sorted(parent.glob(f"{_PREFIX}*"), key=_step, reverse=True)


def _meta(folder: Path) -> CheckpointMeta:
    return msgspec.json.decode((folder / "meta.json").read_bytes(), type=CheckpointMeta)


def _drop(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
