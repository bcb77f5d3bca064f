"""`python -m tests.faults.launch TETHER_FD`: imports the product once and forks trees of its processes on demand.

A tree is a leader (a supervisor in a process group of its own) and one child for each role, restarted when it dies. One
line of JSON on stdin asks for a tree, one line on stdout gives its leader's id. Everything ends when TETHER_FD closes,
orphans too.
"""

import asyncio
import ctypes
import faulthandler
import importlib
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from openai import AsyncOpenAI

from service.app import create_app
from service.check.tokens import load_encoding
from service.settings import Settings, load
from tests.faults import points
from workers import deliver, ticker, worker
from workers.providers import openai as _openai  # noqa: F401 - as above
from workers.steps import STEPS  # noqa: F401 - imported for all children

_PR_SET_CHILD_SUBREAPER = 36
_RESTART_S = 0.05


def main(tether: int) -> None:
    """Serve requests for trees until stdin closes."""
    _warm()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        sys.stdout.flush()
        leader = os.fork()
        if leader == 0:
            _lead(order, tether)
        print(leader, flush=True)


def _warm() -> None:
    """Load here what each child would load anew; the SDK imports its routes only when they are asked for."""
    load_encoding("o200k_base")
    api = AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:1/v1")
    for routes in (api.models, api.files, api.uploads, api.uploads.parts, api.fine_tuning.jobs):
        assert routes.with_raw_response is not None
    assert api.files.with_streaming_response is not None
    assert api.fine_tuning.jobs.checkpoints.with_raw_response is not None


def _lead(order: dict[str, Any], tether: int) -> None:
    """Run the roles and restart those that die; SIGTERM stops them in good order."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    is_stopping = False
    children: dict[int, str] = {}

    def stop(_number: int, _frame: object) -> None:
        nonlocal is_stopping
        is_stopping = True
        for child in list(children):
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    _tie(tether)
    for role in order["roles"]:
        children[_start(role, order, tether)] = role
    while children:
        try:
            child, _status = os.wait()
        except InterruptedError:
            continue
        role = children.pop(child, None)
        if role is not None and not is_stopping:
            time.sleep(_RESTART_S)
            children[_start(role, order, tether)] = role
    os._exit(0)


def _start(role: str, order: dict[str, Any], tether: int) -> int:
    leader = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faulthandler.register(signal.SIGUSR1)
        random.seed()
        _tie(tether)
        if (crash := order.get("crash")) and (point := points.BY_NAME[crash["point"]]).role == role:
            flag, frozen_s = Path(crash["flag"]), crash["frozen_s"]
            points.arm(point, crash["mode"], flag, parent=leader, frozen_s=frozen_s)
        for patch in order.get("patches", ()):
            importlib.import_module(patch)
        status = _run(role, load(environ={}, **order["settings"]), order)
    finally:
        os._exit(status)
    return 0


def _run(role: str, settings: Settings, order: dict[str, Any]) -> int:
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {role}[{os.getpid()}] %(name)s %(message)s")
    for chatty in ("httpx2", "rq.worker", "rq.queue"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if role == "worker":
        return worker.main(settings, lease_s=order["lease_s"])
    if role == "api":
        uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_level="warning", ws="none")
        return 0
    return asyncio.run(_until_stopped(role, settings, order["hold_s"]))


async def _until_stopped(role: str, settings: Settings, hold_s: float) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if role == "ticker":
        await ticker.run(settings, stop, hold_s=hold_s)
    else:
        await deliver.run(settings, stop)
    return 0


def _tie(tether: int) -> None:
    """End this process when the tests' end of the tether closes."""

    def wait() -> None:
        os.read(tether, 1)
        os._exit(9)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
