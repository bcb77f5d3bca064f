"""Says in words what a member of a body may be, where msgspec only says that a string is none of its choices."""

import re
from typing import Any

import msgspec
from msgspec import inspect

_STEP = re.compile(r"\w+|\[\d+\]")
_WORDS: dict[type[inspect.Type], str] = {
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
}


def expected(kind: Any, path: str) -> str | None:
    """Return what may stand at `path` of a `kind`, as `a whole number or "auto"`; None where that can't be told."""
    found = [inspect.type_info(kind)]
    for step in _STEP.findall(path):
        found = [below for one in found for below in _below(one, step)]
    words = list(dict.fromkeys(word for one in found for word in _said(one)))
    if not words:
        return None
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def _parts(found: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(found, inspect.Metadata):
        return _parts(found.type)
    return found.types if isinstance(found, inspect.UnionType) else (found,)


def _below(found: inspect.Type, step: str) -> list[inspect.Type]:
    below: list[inspect.Type] = []
    for part in _parts(found):
        if isinstance(part, inspect.StructType):
            below += [field.type for field in part.fields if field.encode_name == step]
        elif isinstance(part, inspect.ListType) and step.startswith("["):
            below.append(part.item_type)
    return below


def _said(found: inspect.Type) -> list[str]:
    words: list[str] = []
    for part in _parts(found):
        if isinstance(part, inspect.LiteralType):
            words += [msgspec.json.encode(value).decode() for value in part.values]
        elif type(part) in _WORDS:
            words.append(_WORDS[type(part)])
    return words
