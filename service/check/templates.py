"""Writes chats as a model's own template does, as transformers' `apply_chat_template` would; no clock, no files."""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from service.core.tokenizers import ChatTemplate

if TYPE_CHECKING:
    from jinja2 import Environment, nodes
    from jinja2.parser import Parser

_MARK = re.compile("\ue000(\\d+)\ue001")
_SHAPES = 1000
_FAILS = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError)
"""What the expressions of a template may raise beside its own errors."""

_Shape = tuple[tuple[str, ...], tuple[bool, ...]]


class TemplateUnusable(Exception):
    """The template can't write anything; the message says why."""


class Written(NamedTuple):
    """A chat as the model reads it, and where each message's text stands in it, None where it does not."""

    text: str
    places: list[tuple[int, int] | None]


class ChatWriter:
    """Writes chats in any thread. Raises TemplateUnusable."""

    def __init__(self, template: ChatTemplate) -> None:
        try:
            from jinja2 import TemplateError

            environment = _environment()
        except ImportError as error:
            raise TemplateUnusable("jinja2 is not installed: pip install 'tunewright[open]'") from error

        def raise_exception(message: str) -> NoReturn:
            raise TemplateError(message)

        self._fails = (TemplateError, *_FAILS)
        known = {**dict(template.tokens), "raise_exception": raise_exception}
        try:
            self._template = environment.from_string(template.source, globals=known)
        except self._fails as error:
            raise TemplateUnusable(f"it can't be read: {str(error)[:200]}") from error
        self._between: dict[_Shape, list[str] | None] = {}

    def write(self, roles: Sequence[str], texts: Sequence[str]) -> Written | None:
        """Return the chat, None where the template refuses it."""
        try:
            whole = self._render(roles, texts)
            between = self._around(roles, texts)
        except self._fails:
            return None
        for shown in (texts, [text.strip() for text in texts]) if between else ():
            if (places := _fitted(whole, between or [], shown)) is not None:
                return Written(whole, places)
        return Written(whole, _searched(whole, texts))

    def _render(self, roles: Sequence[str], texts: Sequence[str]) -> str:
        messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        return self._template.render(
            messages=messages, tools=None, documents=None, add_generation_prompt=roles[-1] != "assistant"
        )

    def _around(self, roles: Sequence[str], texts: Sequence[str]) -> list[str] | None:
        """Return what the template puts around the texts of a chat of this shape, None where it moves or drops some."""
        shape = (tuple(roles), tuple(bool(text.strip()) for text in texts))
        if shape not in self._between:
            if len(self._between) >= _SHAPES:
                self._between.clear()
            marked = self._render(roles, [f"\ue000{at}\ue001" if told else "" for at, told in enumerate(shape[1])])
            parts = _MARK.split(marked)
            is_whole = parts[1::2] == [str(at) for at, told in enumerate(shape[1]) if told]
            self._between[shape] = parts[::2] if is_whole else None
        return self._between[shape]


def _fitted(whole: str, between: Sequence[str], texts: Sequence[str]) -> list[tuple[int, int] | None] | None:
    """Return where the texts stand if `whole` is nothing but them and what stands between."""
    places: list[tuple[int, int] | None] = []
    told = [text for text in texts if text.strip()]
    at = 0
    for before, text in zip(between, [*told, ""], strict=True):
        if not (whole.startswith(before, at) and whole.startswith(text, at + len(before))):
            return None
        places.append((at + len(before), at := at + len(before) + len(text)))
    if at != len(whole):
        return None
    found = iter(places)
    return [next(found) if text.strip() else None for text in texts]


def _searched(whole: str, texts: Sequence[str]) -> list[tuple[int, int] | None]:
    """Return where the texts stand, looked for from the end: the template looks into texts, or changes them."""
    places: list[tuple[int, int] | None] = []
    end = len(whole)
    for text in reversed(texts):
        shown = text.strip()
        start = whole.rfind(shown, 0, end) if shown else -1
        places.append(None if start < 0 else (start, start + len(shown)))
        end = end if start < 0 else start
    return places[::-1]


@cache
def _environment() -> "Environment":
    """Return what chat templates run in: transformers' own settings, in a sandbox."""
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}`, which marks answers for trainers, and writes nothing."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: "Parser") -> "list[nodes.Node]":
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def tojson(value: Any, indent: int | None = None, **_others: Any) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )
    made.filters["tojson"] = tojson
    return made
