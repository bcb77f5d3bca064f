"""Changes the texts of a line, whatever its form, and leaves its structure as it is."""

from collections.abc import Callable
from typing import Any

from service.core.dataset.values import is_list, is_object

Change = Callable[[str, str], str]
"""Given a member's name and its text, returns the new text."""

_STRUCTURE = frozenset({"role", "type", "id", "tool_call_id", "name", "url", "detail", "required", "weight"})
"""Members whose texts name things; changing them would break what refers to them."""


def changed(value: Any, change: Change, name: str = "") -> Any:
    """Return `value` with every text changed; what did not change is the same object."""
    if isinstance(value, str):
        return value if name in _STRUCTURE else change(name, value)
    if is_list(value):
        items = [changed(item, change, name) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    if is_object(value):
        members = {key: changed(item, change, key) for key, item in value.items()}
        return value if all(members[key] is item for key, item in value.items()) else members
    return value
