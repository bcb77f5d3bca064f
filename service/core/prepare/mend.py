"""Mends lines in the cases that leave no doubt of what was meant; all else is left for the checker to refuse."""

import json
import re
from typing import Any, NoReturn

import msgspec

from service.core.dataset.lines import (
    CHAT_MEMBERS,
    Assistant,
    Developer,
    FunctionResult,
    System,
    ToolResult,
    User,
)
from service.core.dataset.values import Json, is_list, is_object

_ROLES: dict[str, frozenset[str]] = {
    str(kind.__struct_config__.tag): frozenset((*kind.__struct_fields__, "role"))
    for kind in (System, Developer, User, Assistant, ToolResult, FunctionResult)
}
_OLD_NAMES = {"preferred_completion": "preferred_output", "non_preferred_completion": "non_preferred_output"}
_LISTS = ("messages", "preferred_output", "non_preferred_output")
_TRAILING = re.compile(rb'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])')
_WEIGHTS: dict[Any, int] = {"0": 0, "1": 1}


class _Ambiguous(ValueError):
    """A member was given twice with two values."""


def mended_line(raw: bytes, form: str | None, *, remove_unknown: bool) -> bytes | None:
    """Return another writing of a line that was found in error, or None where nothing can be mended for certain.

    Mended are trailing commas, members given twice with one value, roles in the wrong case, weights as text, the old
    names of a preference's sides and, on demand, members that the form does not know.
    """
    text = _TRAILING.sub(lambda match: b"" if match[0] == b"," else match[0], raw.strip().removesuffix(b","))
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse)
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        return None
    if not is_object(value):
        return None
    try:
        new = msgspec.json.encode(_mended(value, form, remove_unknown=remove_unknown))
    except (ValueError, OverflowError, RecursionError):  # lone surrogates, huge numbers
        return None
    return None if new == raw else new


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _members(pairs: list[tuple[str, Any]]) -> Json:
    members: Json = {}
    for key, value in pairs:
        if key in members and members[key] != value:
            raise _Ambiguous(key)
        members[key] = value
    return members


def _mended(line: Json, form: str | None, *, remove_unknown: bool) -> Json:
    new = {_OLD_NAMES.get(key, key) if _OLD_NAMES.get(key) not in line else key: item for key, item in line.items()}
    if remove_unknown and (known := _KNOWN.get(form or "")) is not None:
        new = {key: item for key, item in new.items() if key in known}
    for name in _LISTS:
        if is_list(new.get(name)):
            new[name] = [_message(each, remove_unknown=remove_unknown) for each in new[name]]
    if is_object(new.get("input")) and is_list(new["input"].get("messages")):
        messages = [_message(each, remove_unknown=remove_unknown) for each in new["input"]["messages"]]
        new["input"] = {**new["input"], "messages": messages}
    return new


_KNOWN: dict[str, frozenset[str]] = {
    "chat": CHAT_MEMBERS,
    "preference": frozenset({"input", "preferred_output", "non_preferred_output"}),
    "completion": frozenset({"prompt", "completion"}),
}


def _message(value: Any, *, remove_unknown: bool) -> Any:
    if not is_object(value):
        return value
    role = value.get("role")
    if not isinstance(role, str):
        return value
    known = _ROLES.get(role.strip().lower())
    if known is None:
        return value
    new: Json = {**value, "role": role.strip().lower()}
    if isinstance(weight := new.get("weight"), str):
        new["weight"] = _WEIGHTS.get(weight.strip(), weight)
    elif isinstance(weight, float) and weight in (0.0, 1.0):
        new["weight"] = int(weight)
    return {key: item for key, item in new.items() if key in known} if remove_unknown else new
