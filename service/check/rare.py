"""Defects that count only where few lines of a split have them: what many have is meant."""

from collections.abc import Iterator

from service.core.dataset.defects import Defect
from service.core.dataset.outliers import RARE

_HELD = 20_000
"""Defects of a code that are held: with more of them they are not rare, however long the file."""

_MEANT, _MEANT_AMONG = 0.1, 2000
"""Share of the examples, of at least so many, that have what counts only where it is rare: then it is meant, and looked
for no more."""


class RareDefects:
    """Holds defects until the split is at its end. `meant` are the codes that need not be looked for any more."""

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[int, Defect]]] = {}
        self.meant: dict[str, int] = {}

    def add(self, number: int, defect: Defect) -> None:
        """Take in a defect of a line."""
        lines = self._held.setdefault(defect.code, [])
        if len(lines) <= _HELD:
            lines.append((number, defect))

    def note_meant(self, examples: int) -> None:
        """See whether some code has turned out to be meant among so many examples."""
        if examples >= _MEANT_AMONG:
            for code, lines in self._held.items():
                if code not in self.meant and len(lines) > examples * _MEANT:
                    self.meant[code] = examples

    def sampled(self) -> dict[str, str]:
        """Return what was looked at in a part of the split alone, and which part that was."""
        return {code: f"the first {examples:,} examples" for code, examples in self.meant.items()}

    def findings(self, examples: int) -> Iterator[tuple[int, Defect]]:
        """Yield those that are rare among so many examples, by line."""
        for lines in self._held.values():
            few = len({number for number, _ in lines}) <= max(1, examples * RARE)
            if few and len(lines) <= _HELD:
                yield from ((number, defect._replace(rare=False)) for number, defect in lines)
