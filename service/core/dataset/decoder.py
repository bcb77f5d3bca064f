"""Reads lines, so that tools which many of them declare are the same objects."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from service.core.dataset.forms import DECODERS, Form
from service.core.dataset.known import KnownTool
from service.core.dataset.lines import ChatLine, Line, PreferenceInput, PreferenceLine, ReinforcementLine
from service.core.dataset.parse import NOT_READ, gives_each_once

_BYTES: Final = 1 << 20
_OVERHEAD: Final = 500
_MOST_BYTES: Final = 1 << 15
"""Of the tools that are kept in mind, as they are written, with something for each; of one at most. In memory they take
up to thirty times as much."""


class _ChatLine(ChatLine, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    tools: list[Raw] | UnsetType | None = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]


class _PreferenceInput(PreferenceInput, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    tools: list[Raw] | UnsetType | None = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]


class _PreferenceLine(PreferenceLine, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    input: _PreferenceInput


class _ReinforcementLine(ReinforcementLine, frozen=True, kw_only=True, gc=False):
    tools: list[Raw] | UnsetType | None = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]


_DECODERS: dict[Form, msgspec.json.Decoder[Any]] = {
    "chat": msgspec.json.Decoder(_ChatLine),
    "preference": msgspec.json.Decoder(_PreferenceLine),
    "reinforcement": msgspec.json.Decoder(_ReinforcementLine),
    "completion": DECODERS["completion"],
}
_read = msgspec.json.Decoder(KnownTool).decode


class LineDecoder:
    """Reads the lines of one form."""

    def __init__(self, form: Form) -> None:
        self._form: Form = form
        self._decode = _DECODERS[form].decode
        self._known: dict[bytes, KnownTool] = {}
        self._bytes = 0

    def decode(self, raw: bytes) -> tuple[Line, bool]:
        """Return a line, and whether it surely gives no member twice. Raises NOT_READ."""
        line: Line = self._decode(raw)
        if self._form == "completion":
            return line, gives_each_once(raw, line)
        if gives_each_once(raw, line):
            holder: Any = line.input if isinstance(line, PreferenceLine) else line
            tools = self._known_tools(holder.tools or ())
            if tools is not None:
                if tools:
                    msgspec.structs.force_setattr(holder, "tools", tools)  # nobody else has seen the line yet
                return line, True
        line = DECODERS[self._form].decode(raw)  # tools that a later member replaces are looked at here alone
        return line, gives_each_once(raw, line)

    def _known_tools(self, listed: Sequence[Raw]) -> list[KnownTool] | None:
        """Return tools, or None where one can't be read or gives a member twice."""
        tools: list[KnownTool] = []
        for each in listed:
            raw = bytes(each)
            tool = self._known.get(raw)
            if tool is None:
                try:
                    tool = _read(raw)
                except NOT_READ:
                    return None
                if not gives_each_once(raw, tool):
                    return None
                self._keep(raw, tool)
            tools.append(tool)
        return tools

    def _keep(self, raw: bytes, tool: KnownTool) -> None:
        if len(raw) > _MOST_BYTES:
            return
        self._bytes += len(raw) + _OVERHEAD
        if self._bytes > _BYTES:
            self._known, self._bytes = {}, len(raw) + _OVERHEAD
        self._known[raw] = tool
