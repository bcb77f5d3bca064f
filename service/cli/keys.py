"""`tunewright keys`: make, list and revoke API keys, whether `up` runs on the folder or not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from redis.exceptions import RedisError

from service.cli import embedded, installation, log_lines, places
from service.core import clock
from service.settings import Settings
from service.store.api_keys import ApiKeyStore
from service.store.redis import connect

_WAIT_S = 20.0
_DAY_S = 86_400
_T = TypeVar("_T")


@click.group()
@installation.options
@click.pass_context
def command(ctx: click.Context, data_dir: Path | None, config: Path | None) -> None:
    """Make, list and revoke API keys.

    They are kept in the Redis that REDIS_URL or the configuration names, else in the one of the data folder. Without
    any key the service answers this machine alone; from the first key on it asks everybody for one.
    """
    log_lines.configure(logging.ERROR)
    ctx.obj = installation.settings_of(config, data_dir)


@command.command()
@click.option("--name", default="default", show_default=True, help="What the key is for.")
@click.option("--days", type=click.IntRange(1), help="Days until it expires; never by default.")
@click.pass_obj
def create(settings: Settings, name: str, days: int | None) -> None:
    """Make a key and print it, alone on standard output. It is shown this once: only its SHA-256 is kept."""
    name = _plain(name)
    now = clock.now()
    expires_at = None if days is None else int(now) + days * _DAY_S
    record, token = _with_keys(settings, lambda keys: keys.create(name, now, expires_at), may_begin=True)
    click.echo(token)
    click.echo(f"Key {record.id} ({name}) is made. Keep it now: it can't be shown again.", err=True)


@command.command("list")
@click.pass_obj
def list_keys(settings: Settings) -> None:
    """List the keys, oldest first: id, made on, expires on, name."""
    for key in _with_keys(settings, lambda keys: keys.list()):
        expires = "never" if key.expires_at is None else _date(key.expires_at)
        click.echo(f"{key.id}  {_date(key.created_at)}  {expires:<10}  {_plain(key.name)}")


@command.command()
@click.argument("key_id")
@click.pass_obj
def revoke(settings: Settings, key_id: str) -> None:
    """Revoke the key with this id; the service refuses it within seconds."""
    if not _with_keys(settings, lambda keys: keys.revoke(key_id)):
        raise click.ClickException(f"There is no key {key_id}. `tunewright keys list` shows the ids.")
    click.echo(f"Key {key_id} is revoked.", err=True)


def _with_keys(settings: Settings, work: Callable[[ApiKeyStore], Awaitable[_T]], *, may_begin: bool = False) -> _T:
    """Do `work`; a data folder that nobody used yet is begun for a first key alone."""
    if not may_begin:
        installation.check_there(settings)

    async def run() -> _T:
        async with asyncio.timeout(_WAIT_S), installation.redis_url(settings) as url:
            redis = connect(url)
            try:
                return await work(ApiKeyStore(redis))
            finally:
                await redis.aclose()

    try:
        return asyncio.run(run())
    except (RedisError, TimeoutError) as error:
        raise click.ClickException(f"Redis does not answer: {error}") from error
    except (embedded.RedisMissing, places.Taken, places.Unusable) as error:
        raise click.ClickException(str(error)) from error


def _plain(name: str) -> str:
    """Return `name` without control characters, which would break the table or steer the terminal."""
    return "".join(letter for letter in name if letter.isprintable())


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
