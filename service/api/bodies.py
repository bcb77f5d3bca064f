"""Request bodies: read within a limit, decoded strictly, with the path of what is wrong in `param`."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec

from service.api.context import HttpRequest
from service.api.expected import expected
from service.core.errors import InvalidRequest, TooLarge, TunewrightError, UnsupportedMedia

MAX_JSON_BYTES = 1_000_000
MAX_DEPTH = 64
STALLED_S = 60.0
"""The longest pause within a body."""

_T = TypeVar("_T")
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_WHERE = re.compile(r"(.*?) - at `(?:key in )?\$(.*)`\Z", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_NO_CHOICE = re.compile(r"Invalid enum value '(.*)'\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`\Z", re.DOTALL)


class ClientGone(InvalidRequest):
    """The client ended the connection before the body did; nobody reads the answer."""


class BodyStalled(TunewrightError):
    """408: the client holds the connection and sends nothing."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


async def read_json(request: HttpRequest, kind: type[_T]) -> _T:
    """Return the body as a `kind`. Raises InvalidRequest, TooLarge or UnsupportedMedia."""
    return decode_json(await read_bytes(request), kind)


async def read_bytes(request: HttpRequest, limit: int = MAX_JSON_BYTES) -> bytes:
    """Return a JSON request's bytes. Raises TooLarge, and UnsupportedMedia for other content."""
    check_json_type(request)
    body = bytearray()
    async for chunk in stream(request, limit):
        body += chunk
    return bytes(body)


def check_json_type(request: HttpRequest) -> None:
    """Raise UnsupportedMedia unless the body says that it is JSON, or says nothing."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(f"Content-Type {kind[:100]!r} is not read here; send application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("Content-Encoding is not read here; send the JSON as it is.")


async def stream(request: HttpRequest, limit: int) -> AsyncIterator[bytes]:
    """Yield the body as it arrives. Raises TooLarge at byte `limit` + 1, or at once if Content-Length is above.

    Raises ClientGone where the client disconnects first, BodyStalled where it sends nothing for a minute.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(limit)
    seen = 0
    while True:
        event = await _received(request)
        if event["type"] == "http.disconnect":
            raise ClientGone("The client went away before the end of the body.")
        chunk: bytes = event.get("body", b"")
        seen += len(chunk)
        if seen > limit:
            raise _too_large(limit)
        if chunk:
            yield chunk
        if not event.get("more_body", False):
            return


async def _received(request: HttpRequest) -> Any:
    try:
        async with asyncio.timeout(STALLED_S):
            return await request.receive()
    except TimeoutError as error:
        raise BodyStalled(f"Nothing of the body arrived for {STALLED_S:.0f} seconds.") from error


def decode_json(body: bytes, kind: type[_T]) -> _T:
    """Return `body` as a `kind`; InvalidRequest says what is wrong, with the dotted path in `param`."""
    _check_shape(body)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"We could not parse the JSON body of your request: {error}.") from error


def _check_shape(body: bytes) -> None:
    """Refuse depth (where a recursive parser ends differs between Pythons) and repeated keys (readers differ)."""
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise InvalidRequest(f"The JSON body is nested more than {MAX_DEPTH} levels deep.")
    try:
        json.loads(body, object_pairs_hook=_without_repeats, parse_int=str, parse_float=str, parse_constant=str)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return  # said better by the decoder of the struct


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        name = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise InvalidRequest(f"The member {name[:100]!r} is given twice.", param=name[:100])
    return members


def _invalid(message: str, kind: Any) -> InvalidRequest:
    """Turn msgspec's sentence into ours: `Object contains unknown field `x` - at `$.method``."""
    match = _WHERE.match(message)
    what, path = (match[1], match[2].lstrip(".")) if match else (message, "")
    if unknown := _UNKNOWN.match(what):
        name = _join(path, unknown[1])
        return InvalidRequest(f"Unknown parameter: '{name[:200]}'.", param=name[:200], code="unknown_parameter")
    if missing := _MISSING.match(what):
        name = _join(path, missing[1])
        return InvalidRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
    if (choice := _NO_CHOICE.match(what)) and (right := expected(kind, path)):
        what = f"it must be {right}, not the string {choice[1][:100]!r}"
    if not path:
        return InvalidRequest(f"Invalid request body: {what}.")
    return InvalidRequest(f"Invalid '{path[:200]}': {what}.", param=path[:200], code="invalid_value")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request body is larger than the {limit:,} bytes that this route takes.", code="body_too_large"
    )
