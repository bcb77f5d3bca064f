"""Every exception becomes OpenAI's error envelope here: one table, nothing of ours leaks."""

import logging

import msgspec
from litestar.exceptions import HTTPException
from litestar.types import Scope
from redis.exceptions import AuthenticationError, MasterDownError, OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from service.api.replies import Reply, encode
from service.core.errors import (
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    TunewrightError,
    Unauthenticated,
    Unavailable,
)
from service.store.blobs import BlobMissing

_log = logging.getLogger(__name__)
_OF_STATE = (
    RedisConnectionError,
    RedisTimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    MasterDownError,
    AuthenticationError,
)
_STATE_WORDS = ("MISCONF", "OOM", "READONLY", "LOADING", "NOREPLICAS", "NOPERM")
_JSON = (b"content-type", b"application/json")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's four members."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is no success."""

    error: ErrorBody


def reply_for(error: Exception, scope: Scope, request_id: str) -> Reply:
    """Return the answer to a request that ended in `error`; what nobody foresaw is logged with its traceback."""
    known = _known(error, scope)
    if known is None:
        _log.error("%s: %s %r failed", request_id, scope.get("method"), scope["path"][:200], exc_info=error)
        known = TunewrightError(f"The server had an error while processing your request ({request_id}).")
    return envelope(known)


def envelope(error: TunewrightError) -> Reply:
    """Return `error` as a response."""
    headers: list[tuple[bytes, bytes]] = [_JSON]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="tunewright"'))
    body = ErrorBody(message=error.message, type=error.type, param=error.param, code=error.code)
    return Reply(encode(ErrorEnvelope(error=body)), status=error.status, headers=tuple(headers))


def _known(error: Exception, scope: Scope) -> TunewrightError | None:
    if isinstance(error, TunewrightError):
        return error
    if isinstance(error, RedisError):
        return _redis(error)
    if isinstance(error, BlobMissing):
        return Unavailable("The bytes of this object can't be found in the blob store.", code="storage_unavailable")
    if isinstance(error, HTTPException):
        return _http(error, scope)
    return None


def _redis(error: RedisError) -> TunewrightError | None:
    """Sort Redis's failures: those of its state are 503; a wrong command is a bug, and 500."""
    text = str(error)
    if isinstance(error, _OF_STATE) or any(word in text for word in _STATE_WORDS):
        _log.warning("redis: %s: %s", type(error).__name__, text[:200].encode())
        return Unavailable("The store does not take or give data now; nothing was changed. Try again.")
    return None


def _http(error: HTTPException, scope: Scope) -> TunewrightError | None:
    method, path = str(scope.get("method")), scope["path"][:200]
    if error.status_code == 404:
        return NotFound(f"Invalid URL ({method} {path})", code="unknown_url")
    if error.status_code == 405:
        return MethodNotAllowed(f"Not allowed to {method} on {path}.", code="method_not_supported")
    if error.status_code == 413:
        return TooLarge("The request body is too large for this route.")
    if 400 <= error.status_code < 500:
        return InvalidRequest(error.detail or "The request can't be read.")
    return None
