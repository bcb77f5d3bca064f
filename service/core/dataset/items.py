"""Members of reinforcement items that a few lines lack, or have of another kind than the rest."""

from collections.abc import Container, Iterator
from typing import Any

from service.core.dataset.classes import FileFinding, Lines
from service.core.dataset.values import Json, kind_of

_OWN = frozenset({"messages", "tools", "parallel_tool_calls"})
_MEMBERS, _FIRST = 200, 20
"""Members that are kept in mind, and lines after which no other can be one that nearly all lines have."""

_LEAST, _RARE = 10, 0.05
_ABSENT, _TOLD = "absent", ""


class ItemRules:
    """Compares what items hold for graders, over a split."""

    def __init__(self) -> None:
        self._items = 0
        self._first: list[int] = []
        self._kinds: dict[str, dict[str, Lines]] = {}

    def add(self, number: int, item: Json, told: Container[str | None]) -> None:
        """Take in the members of a line beside those that all lines have; some were `told` of as defects before."""
        kinds = self._kinds
        for name, value in item.items():
            if name not in kinds and name not in _OWN and self._items < _FIRST and len(kinds) < _MEMBERS:
                kinds[name] = {}
                if self._first:
                    kinds[name].setdefault(_ABSENT, Lines()).add(self._first)
            if name in kinds:
                kinds[name].setdefault(_TOLD if name in told else _kind_of(value), Lines()).add((number,))
        for name in kinds.keys() - item.keys():
            kinds[name].setdefault(_TOLD if name in told else _ABSENT, Lines()).add((number,))
        if self._items < _FIRST:
            self._first.append(number)
        self._items += 1

    def findings(self) -> Iterator[FileFinding]:
        """Yield members that nearly all lines have, where others have none or one of another kind."""
        most = max(1, self._items * _RARE)
        for name, kinds in self._kinds.items():
            usual = max(kinds, key=lambda kind: kinds[kind].count)
            number = self._items - kinds[usual].count
            if self._items < _LEAST or usual in (_ABSENT, _TOLD) or not 0 < number <= most:
                continue
            for kind, seen in kinds.items():
                told = f"`{name}` is {kind}, on {kinds[usual].count} of {self._items} lines {usual}"
                for line in seen.first if kind not in (usual, _TOLD) else ():
                    yield FileFinding("item_outlier", line, name, told, ())


def _kind_of(value: Any) -> str:
    return "an empty text" if isinstance(value, str) and not value.strip() else kind_of(value)
