"""64-bit hashes of pieces and their mixtures; the upper bits choose a row of a parameter table.

The hash is part of the saved model's meaning: a change makes every stored weight file useless.
"""

from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

ROW_BITS = 16
_MASK = (1 << 64) - 1
_M1 = 0x9E3779B97F4A7C15
_M2 = 0xC2B2AE3D27D4EB4F
_KEPT = 200_000


class Hasher:
    """Hashes of text, remembered while there are few enough of them."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, text: str) -> int:
        """Return the 64-bit hash of `text`, the same on every machine."""
        found = self._known.get(text)
        if found is None:
            found = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[text] = found
        return found


def mix(left: int, right: int) -> int:
    """Mix two hashes, order matters; the same function as `mix_arrays`."""
    x = ((left ^ ((right * _M1) & _MASK)) * _M2) & _MASK
    return x ^ (x >> 29)


def mix_arrays(left: Array, right: Array | int) -> Array:
    """Mix two arrays of hashes element by element (uint64, wrapping)."""
    other = np.asarray(right, dtype=np.uint64)
    x = (left ^ (other * np.uint64(_M1))) * np.uint64(_M2)
    return x ^ (x >> np.uint64(29))


def rows(hashes: Array) -> Array:
    """Choose a table row (0 to 65,535, uint16) for each hash."""
    spread = hashes * np.uint64(_M1)
    return (spread >> np.uint64(64 - ROW_BITS)).astype(np.uint16)
