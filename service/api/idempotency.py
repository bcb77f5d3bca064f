"""Idempotency-Key on requests that create (DESIGN §3)."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from service.api.context import HttpRequest, caller_of, context_of
from service.api.replies import Reply, raw_reply
from service.core.errors import InvalidRequest
from service.store.idempotency import Answer, Claim, check_equal
from service.store.redis import Pipeline

_MAX_KEY = 255
_REPLAYED = ((b"idempotent-replayed", b"true"),)


class Attempt:
    """One request under a key, or without any: then everything here does nothing."""

    def __init__(self, claim: Claim | None, kept: Answer | None) -> None:
        self._claim = claim
        self._kept = kept
        self.is_answered = False

    @property
    def is_repeated(self) -> bool:
        """Tell whether an answer is kept already; `replay` gives it once the request is known to be equal."""
        return self._kept is not None

    def replay(self, fingerprint: str) -> Reply | None:
        """Return the first answer, if there is one; None is leave to go on. Raises IdempotencyMismatch."""
        if self._kept is None:
            return None
        check_equal(self._kept.fingerprint, fingerprint)
        return raw_reply(self._kept.body, status=self._kept.status, headers=_REPLAYED)

    async def guard(self, pipe: Pipeline) -> None:
        """Let the MULTI of `pipe` run only if no equal request took over. Raises Conflict."""
        if self._claim is not None:
            await self._claim.guard(pipe)

    def keep(self, pipe: Pipeline, fingerprint: str, body: bytes) -> None:
        """Queue the answer into the MULTI of the effect."""
        if self._claim is not None:
            self.is_answered = True
            self._claim.keep(pipe, Answer(fingerprint=fingerprint, status=200, body=body))


@asynccontextmanager
async def attempt(request: HttpRequest, fingerprint: str | None) -> AsyncGenerator[Attempt]:
    """Claim the request's Idempotency-Key, if it has one, for as long as the context lasts.

    `fingerprint` is None where the body is still to be read. Raises Conflict while an equal request is at work, and
    IdempotencyMismatch where its body is known to be another one.
    """
    key = _key_of(request)
    if key is None:
        yield Attempt(None, None)
        return
    found = await context_of(request).idempotency.claim(_digest(request, key), fingerprint)
    if isinstance(found, Answer):
        yield Attempt(None, found)
        return
    trial = Attempt(found, None)
    async with found.renewed():
        try:
            yield trial
        except BaseException:
            await found.release()  # leaves an answer that was kept after all
            raise
    if not trial.is_answered:
        await found.release()


def fingerprint_of(*parts: Any) -> str:
    """Return a hash of `parts` that does not depend on the order of members or the spelling of numbers."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def json_fingerprint(body: bytes) -> str:
    """Return the fingerprint of a JSON body that was decoded without an error."""
    return fingerprint_of(msgspec.json.decode(body) if body else None)


def _key_of(request: HttpRequest) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    bare = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if not 1 <= len(bare) <= _MAX_KEY or not all(" " <= character <= "~" for character in bare):
        raise InvalidRequest(f"Idempotency-Key must be 1 to {_MAX_KEY} printable ASCII characters.")
    return bare


def _digest(request: HttpRequest, key: str) -> str:
    text = "\0".join((caller_of(request), str(request.method), request.scope["path"], key))
    return hashlib.sha256(text.encode()).hexdigest()
