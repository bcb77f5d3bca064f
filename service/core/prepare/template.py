"""Texts made of a record's columns: `"{question}\\n\\n{context}"`. No format specifiers, no attributes, no code."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from service.core.dataset.values import is_list, is_object

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateInvalid(Exception):
    """A template that can't be read; `member` is the path of the part at fault, with its dot."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


class MissingColumn(Exception):
    """A record lacks what a template names."""


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`user` and `assistant` make a conversation, `user`, `chosen` and `rejected` a preference; `system` is optional.

    A column stands in braces, `{{` and `}}` are the braces themselves; `{a.b}` is member b of column a.
    """

    user: str
    assistant: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    system: str | None = None

    def target(self) -> Literal["chat", "preference"]:
        """Return what the template makes. Raises TemplateInvalid."""
        sides = (self.assistant is not None, self.chosen is not None, self.rejected is not None)
        if sides not in ((True, False, False), (False, True, True)):
            raise TemplateInvalid("", "give `assistant`, or `chosen` and `rejected`.")
        for name in ("system", "user", "assistant", "chosen", "rejected"):
            text = getattr(self, name)
            if text is not None:
                _check(text, name)
        return "chat" if sides[0] else "preference"


def fill(text: str, record: Mapping[str, Any]) -> str:
    """Return `text` with the columns of `record`. Raises MissingColumn; null is an empty text."""

    def piece(match: re.Match[str]) -> str:
        name = match[1]
        return match[0][0] if name is None else _shown(_value(name, record))

    return _PIECE.sub(piece, text)


def _check(text: str, member: str) -> None:
    for match in _PIECE.finditer(text):
        if match[0] in ("{", "}"):
            raise TemplateInvalid(f".{member}", "a single brace; write {{ or }} for the brace itself.")
        if match[1] is not None and not match[1].strip():
            raise TemplateInvalid(f".{member}", "empty braces name no column.")


def _value(name: str, record: Mapping[str, Any]) -> Any:
    if name in record:
        return record[name]
    value: Any = record
    for step in name.split("."):
        if not is_object(value) or step not in value:
            raise MissingColumn(name)
        value = value[step]
    return value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if is_object(value) or is_list(value) or isinstance(value, bool):
        return msgspec.json.encode(value).decode()
    return str(value)
