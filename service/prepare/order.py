"""Random orders that are the same on every machine: integers only, no library's generator."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]


def priorities(count: int, seed: int) -> Numbers:
    """Return `count` distinct numbers in an order that depends on `seed` alone.

    The mixer is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """
    step = np.uint64(0x9E3779B97F4A7C15)
    start = _mixed(np.array([seed], np.uint64) + step)[0]
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * step + start)


def _mixed(values: Numbers) -> Numbers:
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)
