"""The command: runs every check, prints what each found, and says by its exit status whether any failed."""

import asyncio
import logging
import sys
from pathlib import Path

import click
import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.cli import embedded, installation, log_lines, places
from service.cli.doctor import machine_checks, provider_checks, store_checks, webhook_checks
from service.cli.doctor.finding import Finding, failed, skipped
from service.settings import Settings
from service.store.api_keys import ApiKeyStore
from service.store.redis import connect
from service.webhook_policy import webhook_policy

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints; `ok` is that no check failed."""

    object: str
    ok: bool
    checks: list[Finding]


@click.command("doctor")
@installation.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--offline", is_flag=True, help="Ask no provider and no webhook receiver.")
def command(data_dir: Path | None, config: Path | None, as_json: bool, offline: bool) -> None:
    """Look for what would lose work or stop it, and say what to do.

    Durability and memory of Redis, clocks, token vocabularies and tokenizers, the compiled check, blob store, disk,
    access, providers' keys, the webhook guard and receivers. Nothing is changed and nothing is sent but questions.
    Exit status 0: no check failed; 1: one did; 2: wrong configuration.
    """
    log_lines.configure(logging.ERROR)
    settings = installation.settings_of(config, data_dir)
    findings = asyncio.run(_examined(settings, config, is_offline=offline))
    _print(findings, as_json=as_json)
    sys.exit(1 if any(one.status == "failed" for one in findings) else 0)


async def _examined(settings: Settings, config: Path | None, *, is_offline: bool) -> list[Finding]:
    is_there = installation.is_there(settings)
    of_store, of_blobs, of_vocabularies, of_tokenizers, of_providers = await asyncio.gather(
        _store(settings, is_offline=is_offline) if is_there else _nothing_yet(settings),
        machine_checks.blobs(settings, is_there=is_there),
        machine_checks.vocabularies(),
        machine_checks.tokenizers(settings),
        provider_checks.providers(settings, config, is_offline=is_offline),
    )
    of_machine = [
        *machine_checks.room(settings),
        *of_vocabularies,
        *of_tokenizers,
        machine_checks.compiled_check(),
    ]
    return [*of_store, *of_blobs, *of_machine, *of_providers]


async def _nothing_yet(settings: Settings) -> list[Finding]:
    nothing = skipped("redis", f"no service has run on {settings.data_dir} yet; `tunewright up` starts one")
    return [nothing, machine_checks.door(settings, has_keys=False)]


async def _store(settings: Settings, *, is_offline: bool) -> list[Finding]:
    try:
        is_running = None if settings.redis_url else places.is_locked(settings.data_dir)
        async with installation.redis_url(settings) as url:
            redis = connect(url)
            try:
                return await _of_records(redis, settings, is_running=is_running, is_offline=is_offline)
            finally:
                await redis.aclose()
    except embedded.RedisMissing as error:
        return [failed("redis", "there is none", str(error))]
    except (places.Taken, places.Unusable) as error:
        return [failed("redis", str(error), "Look who uses the folder, and its owner and rights.")]
    except (RedisError, TimeoutError, OSError) as error:
        return [failed("redis", f"does not answer: {error}", store_checks.unreachable_remedy(settings))]


async def _of_records(redis: Redis, settings: Settings, *, is_running: bool | None, is_offline: bool) -> list[Finding]:
    found = await store_checks.store(redis, settings, is_running=is_running)
    if found[0].status == "failed":
        return found
    api_keys = ApiKeyStore(redis)
    policy = await webhook_policy(settings, api_keys)
    return [
        *found,
        machine_checks.door(settings, has_keys=await api_keys.any()),
        webhook_checks.guard(policy),
        *await webhook_checks.receivers(redis, policy, is_offline=is_offline),
    ]


def _print(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        is_ok = all(one.status != "failed" for one in findings)
        diagnosis = Diagnosis(object="doctor", ok=is_ok, checks=findings)
        click.echo(msgspec.json.format(msgspec.json.encode(diagnosis)))
        return
    for one in findings:
        click.echo(f"{click.style(f'{one.status:<8}', fg=_COLOURS[one.status])} {one.name}: {one.detail}")
        if one.remedy is not None:
            click.echo(f"         {one.remedy}")
    bad = sum(one.status == "failed" for one in findings)
    click.echo(f"{bad} of {len(findings)} checks failed." if bad else "No check failed.")
