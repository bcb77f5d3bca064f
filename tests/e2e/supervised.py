"""A stand-in for `up` with three small children, for tests that look at processes: `python supervised.py FOLDER`."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from service.cli import log_lines, places
from service.cli.supervisor import Role, StartFailed, Supervisor

CHILD = """
import os, pathlib, signal, sys, time
folder, name, stubborn = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "stubborn"
def end(*_):
    with (folder / "stopped").open("a") as file: file.write(name + "\\n")
    if not stubborn: sys.exit(0)
signal.signal(signal.SIGTERM, end)
(folder / f"{name}.pid").write_text(str(os.getpid()))
print(f"WARNING {name} is up", flush=True)
while True: signal.pause()
"""


def role(folder: Path, name: str, kind: str = "polite") -> Role:
    return Role(name=name, command=(sys.executable, "-c", CHILD, str(folder), name, kind), grace_s=1.0)


async def main(folder: Path) -> None:
    log_lines.configure(logging.DEBUG)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with places.lock(folder) as lock:
        supervisor = Supervisor(dict(os.environ), lock)
        groups = [
            [role(folder, "store")],
            [role(folder, "one"), role(folder, "two", "stubborn")],
            [role(folder, "front")],
        ]
        for group in groups:
            for each in group:
                supervisor.keep(each)
        (folder / "supervisor.pid").write_text(str(os.getpid()))
        supervisor.is_ready = "--ready" in sys.argv
        if "--broken" in sys.argv:
            supervisor.keep(Role(name="broken", command=(sys.executable, "-c", "import sys; sys.exit(2)")))
        waits = [asyncio.create_task(stop.wait()), asyncio.create_task(supervisor.failure())]
        done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for group in reversed(groups):
            await supervisor.stop(group)
        supervisor.close()
        for other in others:
            other.cancel()
        for each in done:
            try:
                each.result()
            except StartFailed as error:
                sys.exit(str(error))


asyncio.run(main(Path(sys.argv[1])))
