"""What is minimised: cross-entropy of answers, or the preference loss of DPO; both by the same exact gradient."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
import numpy as np

from workers.training.tiny.data import Example
from workers.training.tiny.hashing import Array
from workers.training.tiny.network import Gradient, Pass, Weights, add
from workers.training.tiny.turns import Turn, flatten, slices

SLICE_ROWS = 40_000
"""Rows that one pass gathers at most; bounds the memory of a step to some tens of megabytes."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Mean loss and token accuracy over some examples; `extra` by metric name without a prefix."""

    loss: float
    accuracy: float
    extra: dict[str, float] = {}


class Objective(Protocol):
    """A loss over examples. `indices` are the examples' places in the whole set."""

    def score(self, weights: Weights, examples: Sequence[Example], indices: Sequence[int], /) -> Score:
        """Measure without learning."""
        ...

    def gradient(
        self, weights: Weights, examples: Sequence[Example], indices: Sequence[int], /
    ) -> tuple[Score, Gradient]:
        """Measure, and return the gradient of the mean loss."""
        ...


class CrossEntropy:
    """Mean over pieces of −log p(piece)."""

    def score(self, weights: Weights, examples: Sequence[Example], _indices: Sequence[int], /) -> Score:
        """See Objective."""
        return self._run(weights, examples, learn=False)[0]

    def gradient(
        self, weights: Weights, examples: Sequence[Example], _indices: Sequence[int], /
    ) -> tuple[Score, Gradient]:
        """See Objective."""
        score, gradient = self._run(weights, examples, learn=True)
        assert gradient is not None
        return score, gradient

    def _run(self, weights: Weights, examples: Sequence[Example], *, learn: bool) -> tuple[Score, Gradient | None]:
        turns = [turn for example in examples for turn in example]
        count = sum(len(turn.targets) for turn in turns)
        loss, right, gradient = 0.0, 0, None
        for part in slices(turns, SLICE_ROWS):
            run = Pass(weights, flatten(part))
            outcome = run.judge()
            loss -= float(outcome.log_p.sum())
            right += int(outcome.right.sum())
            if learn:
                gradient = add(gradient, run.backward(np.full(len(outcome.log_p), 1 / count)))
        return Score(loss=loss / count, accuracy=right / count), gradient


class PreferenceLoss:
    """Direct preference optimisation (Rafailov et al. 2023): −log sigmoid(beta · (gain of preferred − gain of other)).

    A gain is the change of an answer's log-probability since the start of the run; `reference` holds those at the
    start, (examples, 2). Accuracy is token accuracy on preferred answers; rewards are beta times gains.
    """

    def __init__(self, beta: float, reference: Array) -> None:
        self._beta = beta
        self._reference = reference

    def score(self, weights: Weights, examples: Sequence[Example], indices: Sequence[int], /) -> Score:
        """See Objective."""
        log_p, right, count = log_probabilities(weights, examples)
        return self._score(log_p, right, count, indices)

    def gradient(
        self, weights: Weights, examples: Sequence[Example], indices: Sequence[int], /
    ) -> tuple[Score, Gradient]:
        """See Objective. Two passes: the loss needs both sums before a piece's share of the gradient is known."""
        log_p, right, count = log_probabilities(weights, examples)
        score = self._score(log_p, right, count, indices)
        pull = self._beta * _sigmoid(-self._margins(log_p, indices)) / len(examples)
        strength: dict[int, float] = {}
        for (preferred, other), share in zip(examples, pull, strict=True):
            strength |= {id(preferred): share, id(other): -share}
        gradient = None
        for part in slices([turn for example in examples for turn in example], SLICE_ROWS):
            run = Pass(weights, flatten(part))
            run.judge()
            signed = np.concatenate([np.full(len(turn.targets), strength[id(turn)]) for turn in part])
            gradient = add(gradient, run.backward(signed))
        assert gradient is not None
        return score, gradient

    def _margins(self, log_p: Array, indices: Sequence[int], /) -> Array:
        gains = log_p - self._reference[list(indices)]
        return self._beta * (gains[:, 0] - gains[:, 1])

    def _score(self, log_p: Array, right: int, count: int, indices: Sequence[int], /) -> Score:
        margins = self._margins(log_p, indices)
        extra = {"reward_accuracy": float((margins > 0).mean()), "reward_margin": float(margins.mean())}
        return Score(loss=float(np.logaddexp(0, -margins).mean()), accuracy=right / count, extra=extra)


def log_probabilities(weights: Weights, examples: Sequence[Example]) -> tuple[Array, int, int]:
    """Return log p of both answers of each pair, and right and all pieces of the preferred ones."""
    turns: list[Turn] = [turn for example in examples for turn in example]
    sums: list[float] = []
    right = count = 0
    for part in slices(turns, SLICE_ROWS):
        outcome = Pass(weights, flatten(part)).judge()
        at = 0
        for turn in part:
            past = at + len(turn.targets)
            if len(sums) % 2 == 0:
                right += int(outcome.right[at:past].sum())
                count += past - at
            sums.append(float(outcome.log_p[at:past].sum()))
            at = past
    return np.array(sums).reshape(-1, 2), right, count


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))
