"""`tunewright up`: the whole installation in one foreground process."""

import asyncio
import itertools
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
import msgspec
from redis.exceptions import RedisError

from service.cli import embedded, log_lines, places, probe, roles
from service.cli.log_lines import say
from service.cli.roles import Receiver
from service.cli.supervisor import Role, StartFailed, Supervisor
from service.runtime import catalogue_of
from service.settings import ConfigurationError, Settings, child_environment, load
from service.store.api_keys import ApiKeyStore
from service.store.redis import NotDurable, check_durability, connect

READY = "Tunewright is ready: "
_REDIS_WAIT_S = 30.0
_POLL_S = 0.03
_REMIND_S = 15.0
_WRONG = (ConfigurationError, NotDurable, places.Unusable)
_EXPECTED = (*_WRONG, StartFailed, places.Taken, embedded.RedisMissing)
_NO_KEY = (
    "{host} can be reached from other machines, and no API key was made. Make one with "
    "`tunewright keys --data-dir {data} create`, or bind to 127.0.0.1."
)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API; 0 takes a free one.  [default: 8484]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for everything.  [default: .tunewright]")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes.  [default: 2]")
@click.option("--config", type=click.Path(path_type=Path, exists=True), help="Configuration file.")
@click.option("--with-receiver", type=click.IntRange(1, 65535), metavar="PORT", help="Also run a webhook receiver.")
@click.option("--verbose", is_flag=True, help="Show debug lines too.")
def command(*, config: Path | None, with_receiver: int | None, verbose: bool, **options: Any) -> None:
    """Start everything in the foreground: Redis, API and workers.

    Standard output gets one line, once the API and inference are ready; the log goes to standard error. SIGTERM and
    Ctrl-C stop everything in order. Start it again on the same folder and it goes on, however it ended.
    """
    log_lines.configure(logging.DEBUG if verbose else logging.INFO)
    try:
        settings = load(config, **options)
        catalogue_of(settings)
        receiver = Receiver.at(with_receiver, settings.data_dir) if with_receiver else None
        asyncio.run(run(settings, config, receiver))
    except _EXPECTED as error:
        say(str(error), logging.ERROR)
        sys.exit(2 if isinstance(error, _WRONG) else 1)


async def run(settings: Settings, file: Path | None = None, receiver: Receiver | None = None) -> None:
    """Keep everything running until a signal; raise one of the expected errors if it can't be started."""
    stop = _signals()
    async with places.lock(settings.data_dir) as lock:
        with await places.listen(settings.host, settings.port) as listener:
            with places.usable(settings.data_dir):
                sockets = places.socket_folder(settings.data_dir)
                settings, plan = _resolved(settings, listener.getsockname()[1], sockets)
            groups = roles.groups(settings, plan, listener.fileno(), receiver)
            supervisor = Supervisor(child_environment(settings, file), lock)
            try:
                await _until(stop, supervisor, _start(supervisor, settings, groups))
                if not stop.is_set():
                    supervisor.is_ready = True
                    _announce(settings, receiver)
                    await stop.wait()
            finally:
                listener.close()
                await _stop(supervisor, groups)
    say("stopped")


def _resolved(settings: Settings, port: int, sockets: Path) -> tuple[Settings, embedded.EmbeddedRedis | None]:
    """Return the settings with every address known, and the Redis to start unless one is configured."""
    settings = msgspec.structs.replace(
        settings,
        port=port,
        data_dir=settings.data_dir.absolute(),
        inference_url=settings.inference_url or f"unix:{sockets / 'inference.sock'}",
    )
    if settings.redis_url is not None:
        return settings, None
    plan = embedded.prepare(settings.data_dir / embedded.FOLDER, sockets / embedded.SOCKET)
    return msgspec.structs.replace(settings, redis_url=plan.url), plan


async def _start(supervisor: Supervisor, settings: Settings, groups: list[list[Role]]) -> None:
    store, *rest = groups
    for role in store:
        supervisor.keep(role)
    await _check_redis(settings)
    for role in itertools.chain(*rest):
        supervisor.keep(role)
    loop = asyncio.get_running_loop()
    remind_at = loop.time() + _REMIND_S
    while (lacking := await probe.lacking(settings.host, settings.port, settings.inference)) is not None:
        if loop.time() > remind_at:
            say(f"not ready yet: {lacking}", logging.WARNING)
            remind_at += _REMIND_S
        await asyncio.sleep(_POLL_S)


async def _check_redis(settings: Settings) -> None:
    """Wait until Redis answers; refuse one that forgets, and a door open to other machines without a key to it."""
    url = settings.redis_url or ""
    try:
        await probe.redis_answers(url, _REDIS_WAIT_S)
    except RedisError as error:
        raise StartFailed(f"Redis does not answer: {error}. Is its address right (REDIS_URL)?") from error
    redis = connect(url)
    try:
        if not settings.redis_unchecked:
            await check_durability(redis)
        if not settings.is_loopback and not await ApiKeyStore(redis).any():
            raise ConfigurationError(_NO_KEY.format(host=settings.host, data=settings.data_dir))
    finally:
        await redis.aclose()


async def _until(stop: asyncio.Event, supervisor: Supervisor, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` unless a signal or a child that can't be started comes first; raise what it or the child raises."""
    tasks = [asyncio.create_task(task) for task in (work, stop.wait(), supervisor.failure())]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


async def _stop(supervisor: Supervisor, groups: list[list[Role]]) -> None:
    hurry = asyncio.create_task(_hurry(supervisor))
    for group in reversed(groups):
        await supervisor.stop(group)
    hurry.cancel()
    supervisor.close()


async def _hurry(supervisor: Supervisor) -> None:
    """A second signal while stopping ends everything at once; what was accepted is on disk all the same."""
    again = _signals()
    await again.wait()
    say("killing everything", logging.WARNING)
    supervisor.kill()


def _signals() -> asyncio.Event:
    arrived = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, arrived.set)
    return arrived


def _announce(settings: Settings, receiver: Receiver | None) -> None:
    click.echo(f"{READY}{probe.base_url(settings.host, settings.port)}")
    if receiver is not None:
        say(f"webhook receiver at {receiver.url}; what comes is written to {receiver.ledger}")
