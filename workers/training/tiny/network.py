"""The network: sums of hashed rows, one bend, a softmax over the vocabulary and over the prompt's places.

With s the sum of a position's state rows and of its crossed prompt rows (times one over the root of their number):
h = tanh(s) + s/4; vocabulary scores W h + b; place scores (q0 + query rows) · (key rows + nearness row). Both compete
in one softmax; a piece that is in both has the sum of its probabilities. Loss is the cross-entropy of the true pieces.
"""

from collections.abc import Mapping

import msgspec
import numpy as np

from workers.training.tiny.hashing import ROW_BITS, Array
from workers.training.tiny.turns import Flat, Places

WIDTH, COPY_WIDTH = 64, 48
LINEAR = 0.25
TABLES = ("embed", "query", "key")
_ROWS = 1 << ROW_BITS
_HALF = 1
_TINY = 1e-30


class Weights(msgspec.Struct, kw_only=True):
    """Parameters. Tables hold one row per hash and start at zero; `out` has one row per vocabulary id."""

    embed: Array
    query: Array
    key: Array
    out: Array
    bias: Array
    start: Array
    near: Array

    def arrays(self) -> dict[str, Array]:
        """Return the parameters by name, not copied."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def fresh(vocabulary: int, seed: int) -> Weights:
    """Return an untrained network: tables at zero, output rows and the copying start random."""
    rng = np.random.default_rng([seed, 0])
    return Weights(
        embed=np.zeros((_ROWS, WIDTH), np.float32),
        query=np.zeros((_ROWS >> _HALF, COPY_WIDTH), np.float32),
        key=np.zeros((_ROWS >> _HALF, COPY_WIDTH), np.float32),
        out=new_rows(vocabulary, rng),
        bias=np.zeros(vocabulary, np.float32),
        start=(rng.standard_normal(COPY_WIDTH) * 0.2).astype(np.float32),
        near=np.zeros((3, COPY_WIDTH), np.float32),
    )


def new_rows(count: int, rng: np.random.Generator) -> Array:
    """Return random output rows for pieces that the network has not met."""
    return (rng.standard_normal((count, WIDTH)) * 0.25).astype(np.float32)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Per position: log-probability of the true piece, and whether it was the likeliest."""

    log_p: Array
    right: Array


class Gradient(msgspec.Struct, kw_only=True):
    """Gradients: dense ones by name, table ones as lists of (distinct rows, summed gradient)."""

    dense: dict[str, Array]
    sparse: dict[str, list[tuple[Array, Array]]]


class Pass:
    """One forward pass over a flat slice; keeps what the backward pass needs."""

    def __init__(self, weights: Weights, flat: Flat) -> None:
        self._weights = weights
        self._flat = flat
        w = weights
        self._scale = (1 / np.sqrt(flat.counts)).astype(w.embed.dtype)[:, None]
        offsets = np.cumsum(flat.counts) - flat.counts
        gathered = np.add.reduceat(np.take(w.embed, flat.cross, axis=0), offsets, axis=0)
        total = np.take(w.embed, flat.state, axis=0).sum(axis=1) + gathered * self._scale
        self._bent = np.tanh(total)
        self._hidden = self._bent + LINEAR * total
        scores = self._hidden @ w.out.T + w.bias
        self._query = np.take(w.query, flat.query >> _HALF, axis=0).sum(axis=1) + w.start
        self._keys = np.take(w.key, flat.keys >> _HALF, axis=0).sum(axis=1)
        self._nears = self._query @ w.near.T
        places = [self._place_scores(p) for p in flat.places]
        self._normalise(scores, places)

    def _place_scores(self, place: Places) -> Array:
        scores = self._query[place.positions] @ self._keys[place.keys].T
        scores += np.take_along_axis(self._nears[place.positions], place.near, axis=1)
        scores[:, 0] = -1e9
        return scores

    def _normalise(self, scores: Array, places: list[Array]) -> None:
        """Turn scores into probabilities in place: `vocabulary` (n, V) and one (n_i, J_i) array per context."""
        top = scores.max(axis=1, keepdims=True)
        for place, part in zip(self._flat.places, places, strict=True):
            np.maximum(top[place.positions], part.max(axis=1, keepdims=True), out=top[place.positions])
        np.exp(np.subtract(scores, top, out=scores), out=scores)
        mass = scores.sum(axis=1, keepdims=True)
        for place, part in zip(self._flat.places, places, strict=True):
            np.exp(np.subtract(part, top[place.positions], out=part), out=part)
            mass[place.positions] += part.sum(axis=1, keepdims=True)
        scores /= mass
        for place, part in zip(self._flat.places, places, strict=True):
            part /= mass[place.positions]
        self.vocabulary = scores
        self.copied = places

    def by_word(self, index: int) -> Array:
        """Sum the place probabilities of context `index` over equal words: (positions, distinct words + dummy)."""
        return np.add.reduceat(self.copied[index], self._flat.places[index].starts, axis=1)

    def judge(self) -> Outcome:
        """Compare with the true pieces."""
        flat = self._flat
        spot = np.arange(len(flat.targets))
        from_words = np.where(flat.targets >= 0, self.vocabulary[spot, flat.targets], 0)
        true = from_words.copy()
        best = self.vocabulary.max(axis=1)
        for index, place in enumerate(flat.places):
            words = self.by_word(index)
            here = np.arange(len(words))
            true[place.positions] += np.where(place.copies >= 0, words[here, place.copies], 0)
            both = words + np.where(place.known >= 0, self.vocabulary[place.positions][:, place.known], 0)
            np.maximum(best[place.positions], both.max(axis=1), out=best[place.positions])
        self._true = np.maximum(true, _TINY)
        return Outcome(log_p=np.log(self._true.astype(np.float64)), right=true >= best)

    def backward(self, strength: Array) -> Gradient:
        """Return the exact gradient of sum(strength x cross-entropy); call after `judge`, once (it uses up memory)."""
        flat, w = self._flat, self._weights
        strength = strength.astype(w.embed.dtype)[:, None]
        share = strength / self._true[:, None]
        d_scores = self.vocabulary
        spot = np.flatnonzero(flat.targets >= 0)
        chosen = d_scores[spot, flat.targets[spot]] * share[spot, 0]
        d_scores *= strength
        d_scores[spot, flat.targets[spot]] -= chosen
        d_hidden = d_scores @ w.out
        d_total = d_hidden * (1 - self._bent**2 + LINEAR)
        d_query, d_keys, d_near = self._backward_places(strength, share)
        counts, cross = flat.counts, d_total * self._scale
        owner = np.repeat(np.arange(len(counts)), counts)
        state_owner = np.repeat(np.arange(len(counts)), flat.state.shape[1])
        embed_rows = np.concatenate([flat.state.ravel(), flat.cross])
        both = np.concatenate([d_total, cross])
        sparse = {"embed": [collect(embed_rows, both, np.concatenate([state_owner, owner + len(counts)]))]}
        sparse["query"] = [spread(flat.query >> _HALF, d_query)]
        sparse["key"] = [spread(flat.keys >> _HALF, d_keys)]
        dense = {"out": d_scores.T @ self._hidden, "bias": d_scores.sum(axis=0), "start": d_query.sum(axis=0)}
        return Gradient(dense=dense | {"near": d_near}, sparse=sparse)

    def _backward_places(self, strength: Array, share: Array) -> tuple[Array, Array, Array]:
        d_query, d_keys = np.zeros_like(self._query), np.zeros_like(self._keys)
        d_near = np.zeros_like(self._weights.near)
        for place, part in zip(self._flat.places, self.copied, strict=True):
            grad = part * strength[place.positions]
            ends = np.append(place.starts[1:], part.shape[1])
            for n in np.flatnonzero(place.copies >= 0):
                word = slice(place.starts[place.copies[n]], ends[place.copies[n]])
                grad[n, word] -= part[n, word] * share[place.positions][n]
            near_sum = np.stack([np.where(place.near == k, grad, 0).sum(axis=1) for k in range(3)], axis=1)
            query = self._query[place.positions]
            d_query[place.positions] = grad @ self._keys[place.keys] + near_sum @ self._weights.near
            d_keys[place.keys] = grad.T @ query
            d_near += near_sum.T @ query
        return d_query, d_keys, d_near


def spread(rows: Array, gradient: Array) -> tuple[Array, Array]:
    """Sum a gradient per position over the several rows that each position gathered."""
    return collect(rows.ravel(), gradient, np.repeat(np.arange(len(rows)), rows.shape[1]))


def collect(rows: Array, gradient: Array, owner: Array) -> tuple[Array, Array]:
    """Sum `gradient[owner]` over equal `rows`; returns the distinct rows and their sums."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    fresh_at = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[fresh_at], np.add.reduceat(np.take(gradient, owner[order], axis=0), fresh_at, axis=0)


def merged(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Join the table gradients of several slices."""
    if len(parts) == 1:
        return parts[0]
    gradient = np.concatenate([part[1] for part in parts])
    return collect(np.concatenate([part[0] for part in parts]), gradient, np.arange(len(gradient)))


def add(total: Gradient | None, more: Gradient) -> Gradient:
    """Add the gradient of another slice."""
    if total is None:
        return more
    dense: Mapping[str, Array] = total.dense
    sparse = {name: [*total.sparse.get(name, []), *parts] for name, parts in more.sparse.items()}
    return Gradient(dense={n: dense[n] + g for n, g in more.dense.items()}, sparse=total.sparse | sparse)
