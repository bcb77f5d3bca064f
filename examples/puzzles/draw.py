"""Random choice that gives the same result on every Python: only `Random.random` is promised to be stable."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A seeded source of choices."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def pick(self, things: Sequence[T]) -> T:
        """Return one of `things`, which must not be empty."""
        return things[int(self._random.random() * len(things))]

    def shuffled(self, things: Iterable[T]) -> list[T]:
        """Return `things` in a random order."""
        keyed = [(self._random.random(), place, thing) for place, thing in enumerate(things)]
        return [thing for _, _, thing in sorted(keyed, key=lambda item: item[:2])]

    def sample(self, things: Iterable[T], count: int) -> list[T]:
        """Return `count` different ones of `things`, or all of them if there are fewer."""
        return self.shuffled(things)[:count]

    def chance(self, share: float) -> bool:
        """Return True in `share` of the calls."""
        return self._random.random() < share
