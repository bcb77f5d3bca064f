"""Weights and optimizer state as npz files: only rows that are not zero are stored; loading never unpickles."""

import zipfile
from pathlib import Path

import msgspec
import numpy as np

from service.core.errors import NotFound
from workers.training.tiny.adagrad import Adagrad
from workers.training.tiny.hashing import Array
from workers.training.tiny.network import TABLES, Weights, fresh
from workers.training.tiny.pieces import Vocabulary

WEIGHTS, OPTIMIZER = "weights.npz", "optimizer.npz"


def _packed(arrays: dict[str, Array]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name, array in arrays.items():
        if name in TABLES:
            rows = np.flatnonzero(array.any(axis=1))
            found[f"{name}_rows"] = rows.astype(np.uint16)
            found[name] = array[rows]
        else:
            found[name] = array
    return found


def _unpack(stored: dict[str, Array], into: dict[str, Array]) -> None:
    """Fill `into`; its rows beyond those stored, of pieces that came later, stay as they are."""
    for name, array in into.items():
        if name in TABLES:
            array[...] = 0
            array[stored[f"{name}_rows"]] = stored[name]
        else:
            array[: len(stored[name])] = stored[name]


def _read(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError as error:
        raise NotFound("The model's weights are not there any more.", code="model_not_found") from error
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise NotFound("The model's weights can't be read.", code="model_not_found") from error


def save_weights(path: Path, weights: Weights, vocabulary: Vocabulary, *, half: bool = False) -> None:
    """Write a model; `half` halves and compresses it, with a loss of digits (for the packaged base model)."""
    arrays = _packed(weights.arrays())
    pieces = np.frombuffer(
        msgspec.json.encode([p.encode("utf-8", "surrogatepass") for p in vocabulary.pieces]), np.uint8
    )
    if half:
        arrays = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in arrays.items()}
        np.savez_compressed(path, allow_pickle=False, pieces=pieces, **arrays)
    else:
        np.savez(path, allow_pickle=False, pieces=pieces, **arrays)


def load_weights(path: Path) -> tuple[Weights, Vocabulary]:
    """Read a model; raises NotFound where there is none."""
    stored = _read(path)
    pieces = msgspec.json.decode(stored["pieces"].tobytes(), type=list[bytes])
    vocabulary = Vocabulary(piece.decode("utf-8", "surrogatepass") for piece in pieces)
    weights = fresh(len(vocabulary), seed=0)
    _unpack(stored, weights.arrays())
    return weights, vocabulary


def save_optimizer(path: Path, optimizer: Adagrad) -> None:
    """Write the optimizer's state, to the last bit."""
    np.savez(path, allow_pickle=False, **_packed(optimizer.sums))


def load_optimizer(path: Path, optimizer: Adagrad) -> None:
    """Read the optimizer's state back."""
    _unpack(_read(path), optimizer.sums)
