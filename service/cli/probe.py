"""Asks Redis and the API whether they are ready; the API with nothing but a socket: `up` shall be fast and small."""

import asyncio
import ipaddress

from redis.exceptions import RedisError

from service.store.redis import connect

_TIMEOUT_S = 3.0
_POLL_S = 0.03


def base_url(host: str, port: int) -> str:
    """Return what a client on this machine sets as `base_url`."""
    name = _reachable(host)
    return f"http://[{name}]:{port}/v1" if ":" in name else f"http://{name}:{port}/v1"


async def redis_answers(url: str) -> None:
    """Return once Redis answers there: it may be starting, or still be loading its file."""
    redis = connect(url, attempts=0)
    try:
        while True:
            try:
                await redis.ping()
            except RedisError:
                await asyncio.sleep(_POLL_S)
            else:
                return
    finally:
        await redis.aclose()


async def lacking(host: str, port: int) -> str | None:
    """Return None if `/health/ready` answers 200, else what it says instead."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            head, _, body = (await _get(_reachable(host), port)).partition(b"\r\n\r\n")
    except (OSError, TimeoutError) as error:
        return f"the API does not answer ({error or 'too slow'})"
    status = head.partition(b"\r\n")[0].decode("latin-1")
    return None if " 200 " in f"{status} " else f"{status} {body.decode('utf-8', 'replace')}"


async def _get(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
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
