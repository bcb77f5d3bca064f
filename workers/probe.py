"""`python -m workers.probe`: asks each configured provider for its models, and prints what came of it as JSON."""

import asyncio
import logging
import sys

import msgspec

from service.settings import ConfigurationError, load
from workers.providers.protocol import ProviderError
from workers.providers.registry import Providers

LIMIT_S = 20.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider answered: how many models, or why none (`reason` is the protocol's)."""

    name: str
    models: int | None = None
    reason: str | None = None
    message: str = ""


async def ask(providers: Providers, name: str) -> Answer:
    """Ask one provider, for 20 seconds at most."""
    try:
        async with asyncio.timeout(LIMIT_S):
            return Answer(name=name, models=len(await providers.get(name).models()))
    except ProviderError as error:
        return Answer(name=name, reason=error.reason, message=error.message)
    except TimeoutError:
        return Answer(name=name, reason="unavailable", message=f"no answer within {LIMIT_S:.0f} s")


async def _all(providers: Providers) -> list[Answer]:
    try:
        return await asyncio.gather(*(ask(providers, name) for name in providers.names))
    finally:
        await providers.aclose()


def main() -> int:
    """Print an array of answers; 2 for a wrong configuration."""
    logging.disable(logging.WARNING)
    try:
        answers = asyncio.run(_all(Providers(load())))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(msgspec.json.encode(answers).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
