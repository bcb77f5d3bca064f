"""Training material: a context with one answer to it, as small arrays; and many of them flattened for one pass."""

from collections.abc import Sequence

import msgspec
import numpy as np

from workers.training.tiny.answer import QUERY_COLUMNS, Progress, written
from workers.training.tiny.context import Context
from workers.training.tiny.hashing import Array, Hasher, mix_arrays, rows
from workers.training.tiny.pieces import END, Vocabulary, spell

MAX_ANSWER_PIECES = 1_024
_NEAR, _NEAR_FEATURES, _FAR_FEATURES = 12, 64, 16


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One answer in its context, ready for a pass.

    Per predicted position: `targets` (vocabulary id or -1), `copies` (distinct word of the context or -1), `state`
    rows, `cross` hashes and `spots`. Of the context: `features`, `keys`, `order`, `starts`, and `known` (vocabulary ids
    of its distinct words, -1 where unknown; the dummy comes first).
    """

    targets: Array
    copies: Array
    state: Array
    cross: Array
    spots: Array
    features: Array
    keys: Array
    order: Array
    starts: Array
    known: Array

    def cross_counts(self) -> Array:
        """Return how many prompt features each position is crossed with: all, then 64, from the 12th piece 16."""
        return cross_counts(len(self.targets), len(self.features))

    @property
    def cost(self) -> int:
        """Rows that a pass over this turn gathers; bounds the memory of a slice."""
        return int(self.cross_counts().sum()) + len(self.keys) + len(self.targets) * (16 + len(self.keys) // 4)


def cross_counts(positions: int, features: int, first: int = 0) -> Array:
    """Return the number of crossed prompt features for positions `first`, `first`+1, …"""
    at = np.arange(first, first + positions)
    most = np.where(at == 0, features, np.where(at < _NEAR, _NEAR_FEATURES, _FAR_FEATURES))
    return np.minimum(most, features)


def crossed(features: Array, cross: Array, counts: Array) -> Array:
    """Cross each position's state with its first `counts` prompt features: one flat array of rows, by position."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    within = np.arange(total) - np.repeat(ends - counts, counts)
    return rows(mix_arrays(features[within], np.repeat(cross, counts)))


def encode(context: Context, answer: Sequence[str], vocabulary: Vocabulary, hasher: Hasher, *, ended: bool) -> Turn:
    """Number an answer's pieces: known ones by id, those only in the prompt by copying, all others spelled in bytes."""
    progress = Progress(context, hasher)
    places = {word: i + 1 for i, word in enumerate(context.words)}
    targets: list[int] = []
    copies: list[int] = []
    for piece in answer:
        known, place = vocabulary.id_of(piece), places.get(piece, -1)
        if known is None and place < 0:
            for item in spell(piece):
                targets.append(item)
                copies.append(-1)
                progress.push(written(item, vocabulary))
        else:
            targets.append(-1 if known is None else known)
            copies.append(place)
            progress.push(piece)
    if ended:
        targets.append(END)
        copies.append(-1)
    state, cross, spots = progress.features(0)
    count = len(targets)
    return Turn(
        targets=np.array(targets, dtype=np.int32),
        copies=np.array(copies, dtype=np.int32),
        state=state[:count],
        cross=cross[:count],
        spots=spots[:count],
        features=context.features,
        keys=context.keys,
        order=context.order,
        starts=context.starts,
        known=known_ids(context, vocabulary),
    )


def known_ids(context: Context, vocabulary: Vocabulary) -> Array:
    """Return the vocabulary id of each distinct word of the context behind the dummy, -1 where there is none."""
    ids = (vocabulary.id_of(word) for word in context.words)
    return np.array([-1, *(-1 if i is None else i for i in ids)], dtype=np.int32)


class Flat(msgspec.Struct, frozen=True, kw_only=True):
    """Several turns (or one position of an answer being written) laid end to end for one pass."""

    state: Array
    query: Array
    cross: Array
    counts: Array
    keys: Array
    places: tuple["Places", ...]
    targets: Array


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where one context's copying happens: `positions` of the pass against `keys` rows; `near` is 0, 1 or 2."""

    positions: slice
    keys: slice
    starts: Array
    known: Array
    copies: Array
    near: Array


def nearness(spots: Array, order: Array) -> Array:
    """Tell for each position and place: 1 right after the last copied word, 2 at or before it, 0 elsewhere."""
    return np.where(order == spots[:, None] + 1, 1, np.where(order <= spots[:, None], 2, 0)).astype(np.uint8)


def flatten(turns: Sequence[Turn]) -> Flat:
    """Lay turns end to end."""
    counts = [turn.cross_counts() for turn in turns]
    state = np.concatenate([turn.state for turn in turns])
    places: list[Places] = []
    position = key = 0
    for turn in turns:
        after, past = position + len(turn.targets), key + len(turn.keys)
        places.append(
            Places(
                positions=slice(position, after),
                keys=slice(key, past),
                starts=turn.starts,
                known=turn.known,
                copies=turn.copies,
                near=nearness(turn.spots, turn.order),
            )
        )
        position, key = after, past
    return Flat(
        state=state,
        query=state[:, QUERY_COLUMNS],
        cross=np.concatenate([crossed(t.features, t.cross, c) for t, c in zip(turns, counts, strict=True)]),
        counts=np.concatenate(counts),
        keys=np.concatenate([turn.keys for turn in turns]),
        places=tuple(places),
        targets=np.concatenate([turn.targets for turn in turns]),
    )


def slices(turns: Sequence[Turn], limit: int) -> list[list[Turn]]:
    """Cut a batch into runs of turns that cost at most `limit` rows each (a single longer turn stands alone)."""
    found: list[list[Turn]] = []
    cost = limit
    for turn in turns:
        if cost + turn.cost > limit:
            found.append([])
            cost = 0
        found[-1].append(turn)
        cost += turn.cost
    return found
