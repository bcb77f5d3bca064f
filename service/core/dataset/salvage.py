"""The slow way to judge a message's shape: names every defect, and keeps what the other rules can still judge."""

from collections.abc import Callable
from typing import Any

import msgspec

from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    Developer,
    FunctionResult,
    System,
    ToolResult,
    Unreadable,
    User,
)
from service.core.dataset.parse import member
from service.core.dataset.values import Json, is_list, is_object, kind_of

_ROLES: dict[str, type[Any]] = {
    "system": System,
    "user": User,
    "assistant": Assistant,
    "tool": ToolResult,
    "function": FunctionResult,
    "developer": Developer,
}
_MISPLACED = {"weight": "invalid_weight", "tool_calls": "invalid_tool_call", "function_call": "invalid_tool_call"}
_PARTS = {"text": "text", "refusal": "refusal", "image_url": "image_url"}


def salvage_messages(value: Any, found: Found, path: str, *, developer: bool = False) -> list[AnyMessage]:
    """Return the messages of a list, each read or stood in for by Unreadable."""
    return [salvage_message(item, found, f"{path}[{at}]", developer=developer) for at, item in enumerate(value)]


def salvage_message(value: Any, found: Found, path: str, *, developer: bool = False) -> AnyMessage:
    """Name every defect of one message's shape."""
    if not is_object(value):
        found.append(Defect("invalid_message", path, f"a message is an object, not {kind_of(value)}"))
        return Unreadable(role=None)
    role = _role(value, found, path, developer=developer)
    if role is None:
        return Unreadable(role=None)
    before = len(found)
    kept = {key: item for key, item in _members(value, role, found, path).items() if key != "role"}
    try:
        return msgspec.convert({"role": role, **kept}, _ROLES[role])
    except msgspec.ValidationError:
        if len(found) == before:
            found.append(Defect("invalid_message", path, f"the {role} message does not have the form of one"))
        return Unreadable(role=role)


def _role(value: Json, found: Found, path: str, *, developer: bool) -> str | None:
    role = value.get("role")
    if role is None:
        found.append(Defect("missing_role", f"{path}.role", "the message has no role"))
    elif not isinstance(role, str) or role not in _ROLES or (role == "developer" and not developer):
        found.append(Defect("unknown_role", f"{path}.role", f"{shown(role)} is no role that this form takes"))
    else:
        return role
    return None


def _members(value: Json, role: str, found: Found, path: str) -> Json:
    """Return the members that a message of this role may have; a wrong one that matters stays and stops the reading."""
    allowed = _ROLES[role].__struct_fields__
    kept: Json = {}
    for key, item in value.items():
        where = member(path, key)
        if key in allowed:
            if item is None and key not in ("content", "tool_call_id"):
                continue
            if (check := _MEMBER_CHECKS.get(key)) is None or (item := check(item, found, where)) is not None:
                kept[key] = item
        elif key in _MISPLACED:
            if item is not None:
                found.append(Defect(_MISPLACED[key], where, f"`{key}` stands on a message with the role {role}"))
        elif key != "role":
            found.append(Defect("unknown_field", where, f"a {role} message has no member {shown(key)}"))
    _note_absent(value, role, found, path)
    if role != "user":
        _note_images(value.get("content"), role, found, f"{path}.content")
    return kept


def _note_absent(value: Json, role: str, found: Found, path: str) -> None:
    if value.get("content") is None and role not in ("assistant", "function"):
        told = "null" if "content" in value else "absent"
        found.append(Defect("missing_content", f"{path}.content", f"`content` of the {role} message is {told}"))
    if role == "tool" and value.get("tool_call_id") is None:
        found.append(Defect("missing_tool_call_id", f"{path}.tool_call_id", "the tool message names no call"))
    if role == "function" and value.get("name") is None:
        found.append(Defect("invalid_name", f"{path}.name", "the function message names no function"))


def _note_images(content: Any, role: str, found: Found, path: str) -> None:
    for at, part in enumerate(content if is_list(content) else ()):
        if is_object(part) and part.get("type") == "image_url":
            found.append(Defect("image_invalid", f"{path}[{at}]", f"a {role} message takes no images"))


def _content(value: Any, found: Found, path: str) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not is_list(value):
        found.append(Defect("invalid_content", path, f"`content` is {kind_of(value)}, not a text or a list of parts"))
        return value
    for at, part in enumerate(value):
        _part(part, found, f"{path}[{at}]")
    return value


def _part(part: Any, found: Found, path: str) -> None:
    kind = part.get("type") if is_object(part) else None
    if not isinstance(kind, str) or kind not in _PARTS:
        told = (
            f"has the type {shown(kind)}" if kind is not None else "has no type" if is_object(part) else "is no object"
        )
        found.append(Defect("invalid_content", path, f"a part of the content {told}"))
        return
    body = part.get(kind)
    if kind != "image_url":
        if not isinstance(body, str):
            found.append(Defect("invalid_content", f"{path}.{kind}", f"`{kind}` is {kind_of(body)}, not a text"))
    elif not is_object(body) or not isinstance(body.get("url"), str):
        found.append(Defect("image_invalid", f"{path}.image_url", "the image has no `url`"))
    elif body.get("detail", "auto") not in ("low", "high", "auto"):
        found.append(Defect("image_invalid", f"{path}.image_url.detail", "`detail` is none of low, high, auto"))
    for key in sorted(part.keys() - {"type", kind}):
        found.append(Defect("unknown_field", member(path, key), f"a {kind} part has no member {shown(key)}"))


def _weight(value: Any, found: Found, path: str) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value in (0, 1):
        return value
    found.append(Defect("invalid_weight", path, f"the weight is {shown(value)}, not 0 or 1"))
    return None


def _name(value: Any, found: Found, path: str) -> Any:
    if isinstance(value, str):
        return value
    found.append(Defect("invalid_name", path, f"the name is {kind_of(value)}, not a text"))
    return None


def _call_id(value: Any, found: Found, path: str) -> Any:
    if value is not None and not isinstance(value, str):
        found.append(Defect("missing_tool_call_id", path, f"`tool_call_id` is {kind_of(value)}, not a text"))
    return value


def _refusal(value: Any, found: Found, path: str) -> Any:
    if isinstance(value, str):
        return value
    found.append(Defect("invalid_content", path, f"`refusal` is {kind_of(value)}, not a text"))
    return None


def _tool_calls(value: Any, found: Found, path: str) -> Any:
    if not is_list(value):
        found.append(Defect("invalid_tool_call", path, f"`tool_calls` is {kind_of(value)}, not a list"))
        return value
    read = [_tool_call(call, found, f"{path}[{at}]") for at, call in enumerate(value)]
    return read if all(read) else value


def _tool_call(value: Any, found: Found, path: str) -> Json | None:
    if not is_object(value):
        found.append(Defect("invalid_tool_call", path, f"a call is an object, not {kind_of(value)}"))
        return None
    before = len(found)
    if not isinstance(value.get("id"), str):
        found.append(Defect("invalid_tool_call", f"{path}.id", "the call has no id"))
    if value.get("type") != "function":
        found.append(Defect("invalid_tool_call", f"{path}.type", "the call's type is not function"))
    function = _function_call(value.get("function"), found, f"{path}.function")
    whole = len(found) == before
    for key in sorted(value.keys() - {"id", "type", "function"}):
        found.append(Defect("unknown_field", member(path, key), f"a tool call has no member {shown(key)}"))
    return {"id": value["id"], "type": "function", "function": function} if whole else None


def _function_call(value: Any, found: Found, path: str) -> Json | None:
    if not is_object(value):
        found.append(Defect("invalid_tool_call", path, f"`function` is {kind_of(value)}, not an object"))
        return None
    before = len(found)
    if not isinstance(value.get("name"), str):
        found.append(Defect("invalid_tool_call", f"{path}.name", "the call names no function"))
    arguments = value.get("arguments")
    if not isinstance(arguments, str):
        found.append(
            Defect("tool_arguments_not_json", f"{path}.arguments", f"`arguments` is {kind_of(arguments)}, not a text")
        )
    whole = len(found) == before
    for key in sorted(value.keys() - {"name", "arguments"}):
        found.append(Defect("unknown_field", member(path, key), f"a function call has no member {shown(key)}"))
    return {"name": value["name"], "arguments": arguments} if whole else None


_MEMBER_CHECKS: dict[str, Callable[[Any, Found, str], Any]] = {
    "content": _content,
    "weight": _weight,
    "name": _name,
    "refusal": _refusal,
    "tool_call_id": _call_id,
    "tool_calls": _tool_calls,
    "function_call": lambda value, found, path: _function_call(value, found, path) or value,
}
