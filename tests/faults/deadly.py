"""A patch for workers of tests: some content ends the process that checks it, as no memory or a broken library does."""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any

from workers.steps import report

KILLS, CRASHES, HANGS = b"the kernel kills", b"a library crashes", b"it takes long"

_check_file = report.check_file


def _deadly(path: Path, **more: Any) -> Any:
    content = path.read_bytes()
    if KILLS in content:
        os.kill(os.getpid(), signal.SIGKILL)
    if CRASHES in content:
        ctypes.string_at(0)
    if HANGS in content:
        time.sleep(600)
    return _check_file(path, **more)


report.check_file = _deadly
