"""Adagrad (Duchi, Hazan, Singer 2011), element by element; table rows that a step does not touch cost nothing."""

import numpy as np

from workers.training.tiny.hashing import Array
from workers.training.tiny.network import TABLES, Gradient, Weights, merged

_FLOOR = 1e-8


class Adagrad:
    """Holds the sums of squared gradients for one set of weights and changes the weights in place."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.sums = {name: np.zeros_like(array) for name, array in weights.arrays().items()}

    def apply(self, gradient: Gradient, rate: float) -> None:
        """Take one step of length `rate` against the gradient."""
        arrays = self._weights.arrays()
        for name, change in gradient.dense.items():
            self.sums[name] += change * change
            arrays[name] -= rate * change / np.sqrt(self.sums[name] + _FLOOR)
        for name, parts in gradient.sparse.items():
            rows, change = merged(parts)
            total = np.take(self.sums[name], rows, axis=0) + change * change
            self.sums[name][rows] = total
            arrays[name][rows] -= rate * change / np.sqrt(total + _FLOOR)

    def touched(self) -> dict[str, Array]:
        """Return the rows of each table that training has ever changed."""
        return {name: np.flatnonzero(self.sums[name].any(axis=1)) for name in TABLES}
