"""Datasets and runs on this machine's disk: linking what is needed, removing what is not."""

import os
import shutil
from pathlib import Path

from workers.training.run_directory import RunDirectory
from workers.training.spec import TERMINAL


def link(source: Path, target: Path) -> None:
    """Put a dataset at `target`: by hard link, or by a copy where the disk allows none."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(source, draft)
        draft.rename(target)


def count_lines(path: Path) -> int:
    """Count lines that are not blank."""
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def ended_runs(runs: Path, older_than: float) -> list[RunDirectory]:
    """Return the runs that ended before Unix second `older_than`."""
    found = [RunDirectory(path) for path in sorted(runs.glob("ftrun-*"))] if runs.is_dir() else []
    return [run for run in found if _ended_at(run) < older_than]


def _ended_at(run: RunDirectory) -> float:
    state = run.state()
    return float(state.finished_at or 0.0) if state.status in TERMINAL else float("inf")


def remove_run(run: RunDirectory) -> bool:
    """Delete a run's folder; False while some process still holds it."""
    with run.locked() as mine:
        if not mine:
            return False
        shutil.rmtree(run.path)
    return True


def remove_files(files: Path, older_than: float) -> int:
    """Delete datasets that no blob and no run shares any more; one that is needed again is uploaded again."""
    count = 0
    for path in files.iterdir() if files.is_dir() else ():
        status = path.stat()
        if status.st_nlink == 1 and status.st_mtime < older_than:
            path.unlink()
            count += 1
    return count
