"""`tunewright fsck`: what must always be true of the records, checked read-only on live data."""

import asyncio
import logging
import sys
from pathlib import Path

import click
import msgspec
from redis.exceptions import RedisError

from service.cli import embedded, installation, log_lines, places
from service.core import clock
from service.core.invariants import MEANING, Violation, World, check
from service.settings import Settings
from service.store.invariants import lasting, secrets_in, snapshot
from service.store.reading import Reading
from service.store.redis import connect

_PAUSE_S = 1.0
_CALL_S = 30.0
_LEAST_SECRET = 8
_LISTED = 1_000


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what is wrong; `--json` prints it."""

    object: str
    checked_at: int
    ok: bool
    jobs: int
    webhook_messages: int
    webhook_deliveries_pending: int
    violations: list[Violation]
    violation_count: int


class _CannotCheck(click.ClickException):
    """Redis is not there, or not ours to read."""

    exit_code = 2


@click.command("fsck")
@installation.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Looks, a second apart.")
def command(data_dir: Path | None, config: Path | None, as_json: bool, rounds: int) -> None:
    """Check the records: jobs, indexes, webhooks, counters, time limits, secrets.

    It reads only, and may run beside a service at work: what shows in every one of several looks is reported. Exit
    status 0: all is as it must be; 1: something is not; 2: it can't be told.
    """
    log_lines.configure(logging.ERROR)
    settings = installation.settings_of(config, data_dir)
    installation.check_there(settings)
    try:
        result = asyncio.run(_checked(settings, rounds))
    except (RedisError, TimeoutError, OSError) as error:
        raise _CannotCheck(f"Redis does not answer: {error or type(error).__name__}") from error
    except (embedded.RedisMissing, places.Taken, places.Unusable) as error:
        raise _CannotCheck(str(error)) from error
    _print(result, as_json=as_json)
    sys.exit(0 if result.ok else 1)


async def _checked(settings: Settings, rounds: int) -> Result:
    async with installation.redis_url(settings) as url:
        redis = connect(url, timeout_s=_CALL_S)
        try:
            world = await snapshot(redis)
            found = await lasting(redis, check(world), rounds=rounds, pause_s=_PAUSE_S)
            found += secrets_in(await Reading(redis).holders(_secrets(settings)))
        finally:
            await redis.aclose()
    return _result(world, sorted(found, key=lambda one: (one.invariant, one.subject)))


def _result(world: World, found: list[Violation]) -> Result:
    return Result(
        object="fsck",
        checked_at=int(clock.now()),
        ok=not found,
        jobs=len(world.jobs),
        webhook_messages=len(world.messages),
        webhook_deliveries_pending=len(world.pending),
        violations=found[:_LISTED],
        violation_count=len(found),
    )


def _secrets(settings: Settings) -> dict[str, str]:
    """Return the keys of providers by name; shorter ones would be found by chance."""
    found: dict[str, str] = {}
    for name, provider in settings.providers.items():
        own = (("api_key", provider.api_key), ("webhook_secret", provider.webhook_secret))
        for what, secret in (*own, *provider.extra_headers.items()):
            if secret and len(secret) >= _LEAST_SECRET:
                found[f"{what} of provider {name}"] = secret
    return found


def _print(result: Result, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(result)))
        return
    click.echo(
        f"{result.jobs:,} jobs, {result.webhook_messages:,} webhook messages about them, "
        f"{result.webhook_deliveries_pending:,} deliveries on their way"
    )
    last = ""
    for one in result.violations:
        if one.invariant != last:
            last = one.invariant
            click.echo(f"\n{last}. {MEANING[last]}")
        click.echo(f"  {_plain(one.subject)}: {_plain(one.detail)}")
    if result.ok:
        click.echo("All is as it must be.")
    else:
        left = result.violation_count - len(result.violations)
        more = f" ({left:,} not shown)" if left else ""
        click.echo(f"\n{result.violation_count:,} violations{more}")


def _plain(text: str) -> str:
    """Return `text` without what would steer the terminal, and not too long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:300])
