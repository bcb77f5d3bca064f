"""Webhooks: whether the address guard is closed where it must be, and the registered receivers can be reached."""

import asyncio
import contextlib
import socket

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.cli.doctor.finding import Finding, failed, ok, skipped, warning
from service.core.addresses import AddressPolicy, BadAddress, Target, check_addresses, parse_target
from service.core.webhooks import WebhookEndpoint
from service.store.webhooks import WebhookStore

METADATA = ("169.254.169.254", "[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192")
"""Where clouds keep the credentials of a machine: AWS, GCP and Azure; AWS and GCP by IPv6; Alibaba; Azure; Oracle."""

MOST_ENDPOINTS = 50
_CONNECT_S = 4.0


def guard(policy: AddressPolicy) -> Finding:
    """Look whether webhooks could be sent where a cloud keeps credentials."""
    opened = [host for host in METADATA if _is_open(f"http://{host}/", policy)]
    if opened:
        return failed(
            "webhook guard",
            f"webhook_allow opens {', '.join(opened)}, where clouds keep this machine's credentials",
            "Narrow webhook_allow to the receivers' own addresses.",
        )
    beside = f"public https, and {', '.join(policy.allow)}" if policy.allow else "public https"
    return ok("webhook guard", f"open: {beside}{', and this machine' if policy.local else ''}")


async def receivers(redis: Redis, policy: AddressPolicy, *, is_offline: bool) -> list[Finding]:
    """Look whether each enabled endpoint is allowed and, unless offline, answers a connection. Nothing is sent."""
    try:
        endpoints = await WebhookStore(redis).all()
    except RedisError as error:
        return [skipped("webhook receivers", f"can't be listed: {type(error).__name__}")]
    enabled = [one for one in endpoints if one.disabled_at is None][:MOST_ENDPOINTS]
    if not enabled:
        return [skipped("webhook receivers", f"{len(endpoints)} endpoints, none enabled")]
    results = await asyncio.gather(*(_receiver(one, policy, is_offline=is_offline) for one in enabled))
    wrong = [result for result in results if result is not None]
    what = "allowed" if is_offline else "allowed and reachable"
    return wrong or [ok("webhook receivers", f"{len(enabled)} enabled endpoints, all {what}")]


async def _receiver(endpoint: WebhookEndpoint, policy: AddressPolicy, *, is_offline: bool) -> Finding | None:
    name = f"webhook endpoint {endpoint.id}"
    try:
        target = parse_target(endpoint.url, policy)
        if not is_offline:
            await _connect(target, policy)
    except BadAddress as error:
        remedy = "Change its URL, or open its address with webhook_allow; its deliveries fail until then."
        return warning(name, str(error), remedy)
    except socket.gaierror:
        return warning(name, "its host name has no address here", "Look at the name, and at DNS from this machine.")
    except (OSError, TimeoutError) as error:
        detail = f"no connection: {type(error).__name__}"
        return warning(name, detail, "Look at the receiver and the firewall; webhooks go directly, by no proxy.")
    return None


async def _connect(target: Target, policy: AddressPolicy) -> None:
    """Connect as a delivery would, to an address that the guard passed."""
    async with asyncio.timeout(_CONNECT_S):
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = check_addresses(target, list(dict.fromkeys(str(entry[4][0]) for entry in found)), policy)
        _, writer = await asyncio.open_connection(addresses[0], target.port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _is_open(url: str, policy: AddressPolicy) -> bool:
    try:
        parse_target(url, policy)
    except BadAddress:
        return False
    return True
