"""Asks Redis, the API and inference whether they are ready, with nothing but sockets: `up` shall be fast and small."""

import asyncio
import ipaddress
import math
from collections.abc import Awaitable
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from service.store.redis import connect

_TIMEOUT_S = 3.0
_POLL_S = 0.03
_UNIX = "unix:"
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def base_url(host: str, port: int) -> str:
    """Return what a client on this machine sets as `base_url`."""
    name = _reachable(host)
    return f"http://[{name}]:{port}/v1" if ":" in name else f"http://{name}:{port}/v1"


async def redis_answers(url: str, wait_s: float = math.inf) -> None:
    """Return once Redis answers there: it may be starting, or still be loading its file.

    Raises the last RedisError when `wait_s` are over.
    """
    deadline = asyncio.get_running_loop().time() + wait_s
    redis = connect(url, attempts=0)
    try:
        while True:
            try:
                await redis.ping()
            except RedisError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_POLL_S)
            else:
                return
    finally:
        await redis.aclose()


async def lacking(host: str, port: int, inference: str) -> str | None:
    """Return None if the API and the inference process at `inference` (`unix:PATH` or `http://…`) are ready, else why.

    Without the latter a first chat call would be answered 503.
    """
    api = asyncio.open_connection(_reachable(host), port)
    if (why := await _said("the API", api, "/health/ready")) is not None:
        return why
    return await _said("inference", _open(inference), "/health")


async def _said(who: str, connecting: Awaitable[_Connection], path: str) -> str | None:
    """Return None if `path` is answered 200, else what is said instead."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            head, _, body = (await _get(connecting, path)).partition(b"\r\n\r\n")
    except (OSError, TimeoutError) as error:
        return f"{who} does not answer ({error or 'too slow'})"
    status = head.partition(b"\r\n")[0].decode("latin-1")
    return None if " 200 " in f"{status} " else f"{who}: {status} {body.decode('utf-8', 'replace')}"


def _open(address: str) -> Awaitable[_Connection]:
    if address.startswith(_UNIX):
        return asyncio.open_unix_connection(address.removeprefix(_UNIX))
    parts = urlsplit(address)
    return asyncio.open_connection(_reachable(parts.hostname or "127.0.0.1"), parts.port or 80)


async def _get(connecting: Awaitable[_Connection], path: str) -> bytes:
    reader, writer = await connecting
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return await reader.read()
    finally:
        writer.close()


def _reachable(host: str) -> str:
    """Return `host`, or for "every address" the loopback one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
