"""The process of one training run: `python -m workers.training.run RUNDIR [--parent PID]`.

Exit 0: the run's state says how it went. Exit 75: another process has the run. Dies with its parent.
"""

import argparse
import ctypes
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from workers.training.engines import one_thread
from workers.training.run_directory import RunDirectory
from workers.training.session import Session

BUSY = 75
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Train the run in the given folder."""
    parser = argparse.ArgumentParser(prog="python -m workers.training.run")
    parser.add_argument("run_directory", type=Path)
    parser.add_argument("--parent", type=int, help="end when this process ends")
    options = parser.parse_args(arguments)
    if options.parent is not None and not follow_parent(options.parent):
        return BUSY
    one_thread()
    stop = threading.Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    run = RunDirectory(options.run_directory)
    with run.locked() as mine:
        if not mine:
            return BUSY
        Session(run, pid=os.getpid(), stop=stop).execute()
    return 0


def follow_parent(parent: int) -> bool:
    """Have the kernel kill this process when the parent ends (Linux); False if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
