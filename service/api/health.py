"""Whether the process lives, and whether it can take work: what an orchestrator asks."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from litestar import Router, get
from redis.exceptions import RedisError

from service.api.context import HttpRequest, runtime_of
from service.api.replies import Reply, json_reply
from service.core.errors import TunewrightError
from service.runtime import Runtime
from service.store.redis import NotDurable, check_durability

_CHECK_S = 1.8


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`checks` names each part as `ok` or what is wrong with it."""

    status: str
    checks: dict[str, str] = {}


@get("/live")
async def live(request: HttpRequest) -> Reply:
    """Answer as long as the process does."""
    del request
    return json_reply(Health(status="ok"))


@get("/ready")
async def ready(request: HttpRequest) -> Reply:
    """Answer 200 if records and bytes can be stored now, else 503 naming the part that fails."""
    runtime = runtime_of(request)
    checks: dict[str, Callable[[], Awaitable[object]]] = {
        "redis": runtime.redis.ping,  # pyright: ignore[reportUnknownMemberType]
        "durability": lambda: _durable(runtime),
        "blobs": runtime.blobs.probe,
    }
    results = await asyncio.gather(*(_result(check) for check in checks.values()))
    found = dict(zip(checks, results, strict=True))
    is_ready = all(result == "ok" for result in results)
    health = Health(status="ready" if is_ready else "unavailable", checks=found)
    return json_reply(health, status=200 if is_ready else 503, headers=() if is_ready else ((b"retry-after", b"2"),))


health = Router(path="/health", route_handlers=[live, ready])


async def _durable(runtime: Runtime) -> None:
    if not runtime.settings.redis_unchecked:
        await check_durability(runtime.redis)


async def _result(check: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(_CHECK_S):
            await check()
    except NotDurable as error:
        return str(error)
    except TunewrightError as error:
        return error.message
    except RedisError as error:
        return type(error).__name__
    except TimeoutError:
        return "no answer in time"
    return "ok"
