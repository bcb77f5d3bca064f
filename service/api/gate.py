"""Who may ask: API keys, or anybody on this machine while no key was made and the service is bound to loopback."""

import asyncio
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from service.core import clock
from service.core.api_keys import digest
from service.core.errors import Forbidden, Unauthenticated
from service.store.api_keys import ApiKeyStore

KNOWN_FOR_S = 3.0
"""How long a key, or that there is none, is believed without a look: the longest life of a revoked key."""

ANONYMOUS = "anonymous"
_KNOWN_MOST = 1_000
_OPEN_PREFIXES = ("/health/", "/metrics", "/openapi.json", "/docs", "/v1/provider_webhooks/")
_NO_KEY = (
    "You didn't provide an API key. Send it in the Authorization header as 'Bearer KEY'; `tunewright keys` makes one."
)


class Gate:
    """Admits requests; `is_loopback` says whether the service is bound to this machine alone."""

    def __init__(self, keys: ApiKeyStore, *, is_loopback: bool) -> None:
        self._keys = keys
        self._is_loopback = is_loopback
        self._known: dict[str, tuple[float, str]] = {}
        self._has_keys = True
        self._has_keys_until = 0.0

    async def admit(self, scope: Any) -> str:
        """Return the caller's id. Raises Unauthenticated, or Forbidden to a web page of elsewhere."""
        if scope["path"].startswith(_OPEN_PREFIXES):
            return ANONYMOUS
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self._is_loopback and not await self.has_keys():
            _check_local(headers)
            return ANONYMOUS
        return await self._caller(_token(headers))

    async def has_keys(self) -> bool:
        """Tell whether any key was made; known for some seconds."""
        now = asyncio.get_running_loop().time()
        if now >= self._has_keys_until:
            self._has_keys = await self._keys.any()
            self._has_keys_until = now + KNOWN_FOR_S
        return self._has_keys

    async def _caller(self, token: str) -> str:
        now, name = asyncio.get_running_loop().time(), digest(token)
        known = self._known.get(name)
        if known is not None and now < known[0]:
            return known[1]
        self._known.pop(name, None)
        key = await self._keys.verify(token, clock.now())
        if key is None:
            raise Unauthenticated("Incorrect API key provided.")
        if len(self._known) >= _KNOWN_MOST:
            self._known.clear()
        self._known[name] = (now + KNOWN_FOR_S, key.id)
        return key.id


def _token(headers: dict[bytes, bytes]) -> str:
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated(_NO_KEY)
    return token.strip()


def _check_local(headers: dict[bytes, bytes]) -> None:
    """Refuse what a foreign web page could make this machine's browser send: cross-site requests, rebound names."""
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"localhost").decode("latin-1")
    is_foreign = origin not in {"", "null"} and not _is_local(urlsplit(origin).netloc)
    if is_foreign or origin == "null" or not _is_local(host) or headers.get(b"sec-fetch-site") == b"cross-site":
        raise Forbidden(
            "Without an API key only this machine may ask, by a loopback address. Make a key: `tunewright keys create`."
        )


def _is_local(netloc: str) -> bool:
    """Tell whether the name means this machine; nobody outside can own a name without a dot."""
    try:
        name = urlsplit(f"//{netloc}").hostname or ""
        is_local_name = name.endswith(".localhost") or not ("." in name or ":" in name)
        return is_local_name or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
