"""What makes two lines equal but for their writing."""

import unicodedata
from typing import Any

import msgspec

from service.core.dataset.values import Json, is_list, is_object

_encode = msgspec.json.Encoder(order="deterministic").encode


def written_alike(value: Any) -> bytes:
    """Return the same bytes for values that differ in case, blanks, Unicode form or order of members alone."""
    return _encode(_plain(value))


def prompt_of(line: Json) -> Any:
    """Return what a line asks, without what it answers; a line that asks nothing is all its own."""
    messages = line.get("messages")
    if is_list(messages):
        answered = bool(messages) and is_object(messages[-1]) and messages[-1].get("role") == "assistant"
        asked = messages[:-1] if answered else messages
        if answered and not any(is_object(each) and each.get("role") == "user" for each in asked):
            return line
        return [asked, line.get("tools") or None, line.get("functions") or None]
    if "input" in line:
        return line["input"]
    return line.get("prompt", line)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if is_list(value):
        return [_plain(item) for item in value]
    if is_object(value):
        return {key: _plain(item) for key, item in value.items()}
    return value
