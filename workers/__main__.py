"""`python -m workers ROLE`: the processes behind the API. Each reads the settings anew and runs until SIGTERM."""

import asyncio
import importlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable

from service.check.vocab import VocabularyDamaged
from service.settings import ConfigurationError, Settings, load
from service.store.redis import NotDurable

ROLES = {
    "ticker": "workers.ticker",
    "deliver": "workers.deliver",
    "inference": "workers.inference",
    "train": "workers.training.manager",
}
"""Each module has `async def run(settings, stop)`; chosen late, since what they import is heavy and differs."""

WORKER = "worker"
NAMES = (WORKER, *ROLES)

Run = Callable[[Settings, asyncio.Event], Awaitable[None]]


def main(argv: list[str]) -> int:
    """Run one role; 2 for a wrong call or configuration."""
    if len(argv) != 1 or argv[0] not in NAMES:
        sys.stderr.write(f"usage: python -m workers {{{','.join(NAMES)}}}\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("httpx2", "rq.worker", "rq.queue", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load()
        if argv[0] == WORKER:
            return importlib.import_module("workers.worker").main(settings)
        return asyncio.run(_until_stopped(importlib.import_module(ROLES[argv[0]]).run, settings))
    except (ConfigurationError, NotDurable, VocabularyDamaged) as error:
        sys.stderr.write(f"{error}\n")
        return 2


async def _until_stopped(run: Run, settings: Settings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
