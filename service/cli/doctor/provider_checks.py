"""Providers: whether each takes our key. Asked in a process of the workers' own, by the code that will do the work."""

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from service.cli.doctor.finding import Finding, failed, ok, skipped
from service.settings import ProviderSettings, Settings, child_environment

_LIMIT_S = 40.0
_NAME = "provider {}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One element of what `python -m workers.probe` prints."""

    name: str
    models: int | None = None
    reason: str | None = None
    message: str = ""


async def providers(settings: Settings, config: Path | None, *, is_offline: bool) -> list[Finding]:
    """Ask every configured provider for its models; offline only look whether there is a key."""
    keyless = [_without(name, variable) for name, one in settings.providers.items() for variable in one.unset_variables]
    remote = [name for name, one in settings.providers.items() if one.type != "local" and not one.lacks_key]
    if is_offline:
        return [*keyless, *(skipped(_NAME.format(name), "not asked: --offline") for name in remote)]
    try:
        answers = await _answers(settings, config)
    except (TimeoutError, OSError, msgspec.MsgspecError, _Broken) as error:
        detail = f"the question could not be asked: {error or 'no answer in time'}"
        return [*keyless, failed("providers", detail, "Run `python -m workers.probe` to see why.")]
    return [
        *keyless,
        *(_judged(answer, settings) for answer in answers if not settings.providers[answer.name].lacks_key),
    ]


class _Broken(Exception):
    """The asking process ended badly; the message is its last line."""


async def _answers(settings: Settings, config: Path | None) -> list[Answer]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers.probe",
        env=child_environment(settings, config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        lines = err.decode("utf-8", "replace").strip().splitlines()
        raise _Broken(lines[-1][:300] if lines else f"exit status {process.returncode}")
    return msgspec.json.decode(out, type=list[Answer])


def _judged(answer: Answer, settings: Settings) -> Finding:
    name = _NAME.format(answer.name)
    if answer.models is not None:
        return ok(name, f"answers, and lists {answer.models:,} models")
    detail = f"{answer.reason}: {answer.message}" if answer.message else str(answer.reason)
    return failed(name, detail, _remedy(answer.reason, settings.providers[answer.name]))


def _remedy(reason: str | None, provider: ProviderSettings) -> str:
    where = provider.api_key_env or provider.api_key_file or "api_key"
    match reason:
        case "unauthorized":
            return f"The key in {where} is not accepted: put a valid one there. Jobs wait until then."
        case "quota":
            return "Top up the account; jobs wait until then."
        case "not_found" | "bad_answer":
            return f"Is base_url right ({provider.base_url or 'the preset'})? It usually ends in /v1."
        case "unavailable" | "rate_limited" | "unclear":
            return "Can this machine reach it? Jobs wait while it can't. --offline leaves this check out."
        case _:
            return "Look at this provider's table in the configuration."


def _without(name: str, variable: str) -> Finding:
    remedy = f"Set {variable}, or take it out of [providers.{name}] in the configuration."
    return failed(_NAME.format(name), f"{variable} is not set", remedy)
