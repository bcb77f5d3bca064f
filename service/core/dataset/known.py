"""Tools that are the same objects on all lines which declare them: what is made of them is made once."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from service.core.dataset.lines import Tool

_T = TypeVar("_T")


class KnownTool(Tool, frozen=True, kw_only=True, gc=True, dict=True):
    """A tool that is the same object on all lines which write it alike; what was made of it is kept with it."""


def kept(make: Callable[[Tool], _T]) -> Callable[[Tool], _T]:
    """Decorate what is made of a tool alone: it is made once of a KnownTool, and must not be changed."""
    name = f"{make.__module__}.{make.__qualname__}"

    @wraps(make)
    def made(tool: Tool) -> _T:
        if not isinstance(tool, KnownTool):
            return make(tool)
        known = vars(tool)
        if name not in known:
            known[name] = make(tool)
        return known[name]

    return made
