"""Runs a command that dies with its parent: `python tether.py PARENT_PID LIFELINE_FD COMMAND…`, a file of its own.

On Linux the kernel ends the command when the parent goes (PR_SET_PDEATHSIG outlives exec), so this process becomes the
command. Elsewhere it stays as the command's minder and ends it when LIFELINE_FD, a pipe whose other end only the
parent holds, closes.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.1


def main(arguments: list[str]) -> int:
    """Become the command, or mind it; 1 if the parent has gone already."""
    parent, lifeline, command = int(arguments[0]), int(arguments[1]), arguments[2:]
    if sys.platform != "linux":
        return mind(lifeline, command)
    os.close(lifeline)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        return 1
    return os.execv(command[0], command)  # noqa: S606


def mind(lifeline: int, command: list[str]) -> int:
    """Run `command` until it ends or the lifeline closes; pass SIGTERM on; return its exit status."""
    child = subprocess.Popen(command, close_fds=False)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    while (status := child.poll()) is None:
        if select.select([lifeline], [], [], _LOOK_EVERY_S)[0]:
            child.kill()
            child.wait()
            return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
