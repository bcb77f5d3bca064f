"""What a grader reads of an item and of a sample, by its templates.

Source: OpenAI's guide to graders. A variable that does not exist is no error there: the run is paid for, with reward 0.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from service.core.dataset.defects import Defect, Found
from service.core.dataset.values import Json, is_list, is_object

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_SAMPLE = re.compile(r"sample\.(?:output_text|output_json(?:\.[\w.]+)?|output_tools(?:\W.*)?|choices(?:\W.*)?)\Z")
_FIELD = r"[A-Za-z_]\w*(?:\.\w+)*"
_ITEM = re.compile(rf"item\.({_FIELD})\Z")
_CODE = "source"


class Reads(NamedTuple):
    """The members of an item that a grader reads (`answer`, `meta.unit`), and variables that there are not."""

    fields: tuple[str, ...]
    unknown: tuple[str, ...]


def reads_of(grader: Json) -> Reads:
    """Return what the templates of a grader, or of those within it, name; Python sources are no templates."""
    names = dict.fromkeys(name for text in _templates(grader) for name in _VARIABLE.findall(text))
    fields = [match[1] for name in names if (match := _ITEM.match(name))]
    unknown = [name for name in names if not _ITEM.match(name) and not _SAMPLE.match(name)]
    return Reads(tuple(fields), tuple(unknown))


def fields_of(grader: Json | None) -> tuple[str, ...]:
    """Return the members of an item that a grader reads; none without a grader."""
    return () if grader is None else reads_of(grader).fields


def is_field(name: str) -> bool:
    """Whether a text can name a member of an item, as in `meta.unit`."""
    return re.fullmatch(_FIELD, name) is not None


def _templates(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_object(value):
        for key, member in value.items():
            if key != _CODE:
                yield from _templates(member)
    elif is_list(value):
        for member in value:
            yield from _templates(member)


def value_of(item: Json, field: str) -> Any:
    """Return the member of an item that a field names, None where there is none or null in its place."""
    value: Any = item
    for name in field.split("."):
        if is_list(value) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif is_object(value):
            value = value.get(name)
        else:
            return None
    return value


def check_item(item: Json, fields: Sequence[str], found: Found) -> None:
    """Find what a grader reads and an item lacks, or has nothing in."""
    for field in fields:
        value = value_of(item, field)
        if value is None:
            told = f"the grader reads item.{field}, which the line lacks"
            found.append(Defect("missing_item_field", field, told))
        elif isinstance(value, str) and (not value or value.isspace()):
            found.append(Defect("empty_item_field", field, f"the grader reads item.{field}, which is empty"))
