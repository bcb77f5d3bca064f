"""Query parameters and headers that several routes read alike."""

import re
from typing import TypeVar

from service.api.context import HttpRequest
from service.core.errors import InvalidRequest

_Choice = TypeVar("_Choice", bound=str)

_METADATA = re.compile(r"metadata\[(.*)\]\Z", re.DOTALL)
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)
MAX_WAIT_S = 60


def text_of(request: HttpRequest, name: str) -> str | None:
    """Return a query parameter given once. Raises InvalidRequest where it is given twice or holds a NUL."""
    values = [str(value) for value in request.query_params.getall(name, [])]
    if len(values) > 1:
        raise InvalidRequest(f"The query parameter {name!r} is given more than once.", param=name)
    if values and "\0" in values[0]:
        raise InvalidRequest(f"The query parameter {name!r} holds a NUL character.", param=name)
    return values[0] if values else None


def after_of(request: HttpRequest) -> str | None:
    """Return `after`, the id of the last item of the page before; an empty one is as if it was not given."""
    return text_of(request, "after") or None


def limit_of(request: HttpRequest, default: int, most: int) -> int:
    """Return `limit`, from 1 to `most`."""
    text = text_of(request, "limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= most:
        raise InvalidRequest(f"Invalid 'limit': it must be a whole number from 1 to {most}.", param="limit")
    return int(text)


def choice_of(request: HttpRequest, name: str, choices: tuple[_Choice, ...]) -> _Choice | None:
    """Return a query parameter that must be one of `choices`."""
    text = text_of(request, name)
    if text is None:
        return None
    for choice in choices:
        if text == choice:
            return choice
    raise InvalidRequest(f"Invalid '{name}': it must be one of {', '.join(choices)}.", param=name)


def metadata_of(request: HttpRequest) -> dict[str, str]:
    """Return the pairs `metadata[key]=value`."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if match := _METADATA.match(name):
            found[match[1]] = str(value)
    return found


def wait_of(request: HttpRequest) -> int:
    """Return the seconds of `Prefer: wait=N`, at most 60; 0 without one (RFC 7240: what can't be read is ignored)."""
    match = _WAIT.search(request.headers.get("prefer", ""))
    return min(int(match[1]), MAX_WAIT_S) if match else 0
