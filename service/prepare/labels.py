"""Class labels among answers, as long as there are few enough to be classes."""

from collections.abc import Sequence

_CHARACTERS = 60
_DISTINCT = 2_000
_LEAST = 20


class Labels:
    """Numbers labels as they come, from 1; 0 is an answer that is none."""

    def __init__(self) -> None:
        self._known: dict[str, int] | None = {}
        self._counts: list[int] = [0]
        self._examples = 0

    def add(self, answers: Sequence[str | None]) -> list[int]:
        """Return each answer's number."""
        self._examples += len(answers)
        return [self._number(answer) for answer in answers]

    def counts(self, *, surely: bool = False) -> dict[str, int] | None:
        """Return how often each label was seen, None where the answers are no labels.

        `surely` is known of a part of a file whose answers are labels: it may be too small to show it.
        """
        known = self._known
        if not known:
            return None
        if not surely and (self._examples < _LEAST or len(known) > max(2, self._examples // 4)):
            return None
        return {label: self._counts[number] for label, number in known.items()}

    def _number(self, answer: str | None) -> int:
        known = self._known
        if known is None or answer is None:
            return 0
        number = known.get(answer)
        if number is None:
            if len(answer) > _CHARACTERS or len(known) >= _DISTINCT:
                self._known = None
                return 0
            number = known[answer] = len(known) + 1
            self._counts.append(0)
        self._counts[number] += 1
        return number
