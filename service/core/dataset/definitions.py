"""Tools that a few lines of a file declare otherwise than all others."""

from collections.abc import Iterator

import msgspec

from service.core.dataset.classes import FileFinding, Lines
from service.core.dataset.defects import shown
from service.core.dataset.known import kept
from service.core.dataset.lines import ChatLine, CompletionLine, Function, Line, PreferenceLine, Tool

_NAMES, _DEFINITIONS = 2000, 20
"""Tools that are kept in mind, and their definitions: one that has more is made anew for each line."""

_LEAST, _ODD = 10, 0.1
_encode = msgspec.json.Encoder(order="deterministic").encode


class ToolRules:
    """Compares the declarations of each tool over a split."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, Lines]] = {}

    def add(self, number: int, line: Line) -> None:
        """Take in what a line declares."""
        for name, key in _declared(line):
            if (definitions := self._known.get(name)) is None:
                if len(self._known) == _NAMES:
                    continue
                definitions = self._known[name] = {}
            if key not in definitions and len(definitions) == _DEFINITIONS:
                continue
            definitions.setdefault(key, Lines()).add((number,))

    def findings(self) -> Iterator[FileFinding]:
        """Yield the definitions that a few lines have."""
        for name, definitions in self._known.items():
            counts = sorted((seen.count for seen in definitions.values()), reverse=True)
            number = sum(counts)
            if len(definitions) == _DEFINITIONS or number < _LEAST or number - counts[0] > max(1, number * _ODD):
                continue
            for seen in definitions.values():
                if seen.count < counts[0]:
                    told = f"{shown(name)} is declared otherwise than on {counts[0]} of {number} lines"
                    yield FileFinding("tool_definition_outlier", seen.first[0], "tools", told, tuple(seen.first[1:]))


def _declared(line: Line) -> list[tuple[str, int]]:
    """Return the name of each declared function, and a number of its definition."""
    if isinstance(line, CompletionLine):
        return []
    declared = [_key_of_tool(each) for each in (line.input if isinstance(line, PreferenceLine) else line).tools or ()]
    if isinstance(line, ChatLine) and line.functions:
        declared += map(_key_of, line.functions)
    return declared


@kept
def _key_of_tool(tool: Tool) -> tuple[str, int]:
    return _key_of(tool.function)


def _key_of(function: Function) -> tuple[str, int]:
    return function.name, hash(_encode(function))
