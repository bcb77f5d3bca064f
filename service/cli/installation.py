"""An installation seen by a command beside it: its settings, and its Redis whether `up` runs on the folder or not."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from service.cli import embedded, places, probe, roles
from service.cli.supervisor import Supervisor
from service.settings import ConfigurationError, Settings, child_environment, load

_T = TypeVar("_T", bound=Callable[..., Any])


class BadConfiguration(click.ClickException):
    """The configuration can't be used."""

    exit_code = 2


class NoInstallation(click.ClickException):
    """There is nothing to look at."""

    exit_code = 2


def options(command: _T) -> _T:
    """Add the options that name an installation: `--data-dir` and `--config`."""
    config = click.option("--config", type=click.Path(path_type=Path, exists=True), help="Configuration file.")
    folder = click.option(
        "--data-dir", type=click.Path(path_type=Path), help="Folder of the installation.  [default: .tunewright]"
    )
    return folder(config(command))


def settings_of(config: Path | None, data_dir: Path | None) -> Settings:
    """Return the settings; a wrong configuration ends the command."""
    try:
        return load(config, data_dir=data_dir)
    except ConfigurationError as error:
        raise BadConfiguration(str(error)) from error


def is_there(settings: Settings) -> bool:
    """Tell whether there is a Redis to ask: a configured one, or a data folder that somebody used."""
    return settings.redis_url is not None or (settings.data_dir / embedded.FOLDER).is_dir()


def check_there(settings: Settings) -> None:
    """End the command where there is no installation."""
    if not is_there(settings):
        raise NoInstallation(
            f"There is no data folder at {settings.data_dir}, or none of ours. Give --data-dir the one that "
            "`tunewright up` was started with."
        )


@asynccontextmanager
async def redis_url(settings: Settings) -> AsyncGenerator[str]:
    """Give the address of the installation's Redis; the embedded one is started for the moment if `up` does not run.

    Raises RedisMissing, Taken, Unusable.
    """
    if settings.redis_url is not None:
        yield settings.redis_url
        return
    is_running = places.is_locked(settings.data_dir)
    with places.usable(settings.data_dir):
        sockets = places.socket_folder(settings.data_dir)
    if is_running:
        yield f"unix://{sockets / embedded.SOCKET}"
        return
    async with places.lock(settings.data_dir) as lock:
        with places.usable(settings.data_dir):
            plan = embedded.prepare(settings.data_dir / embedded.FOLDER, sockets / embedded.SOCKET)
        supervisor, role = Supervisor(child_environment(settings), lock), roles.store(plan)
        supervisor.keep(role)
        try:
            await probe.redis_answers(plan.url)
            yield plan.url
        finally:
            await supervisor.stop([role])
            supervisor.close()
