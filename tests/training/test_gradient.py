"""The gradient is exact, and what is shown is what is minimised."""

import numpy as np
import pytest

from workers.training.tiny.context import build
from workers.training.tiny.hashing import Hasher
from workers.training.tiny.network import Pass, Weights, fresh, merged
from workers.training.tiny.objectives import CrossEntropy, PreferenceLoss, log_probabilities
from workers.training.tiny.pieces import Vocabulary, split
from workers.training.tiny.rendering import Prompt
from workers.training.tiny.turns import Turn, encode, flatten

HASHER = Hasher()


def turn(asked: str, answer: str, vocabulary: Vocabulary) -> Turn:
    context = build(Prompt(rules="be brief", history="before that", last=asked), HASHER)
    return encode(context, split(answer), vocabulary, HASHER, ended=True)


@pytest.fixture
def double() -> tuple[Weights, Vocabulary]:
    vocabulary = Vocabulary((" ", '"', ":", "{", "}", "name", "Anna", "yes"))
    weights = fresh(len(vocabulary), seed=3)
    rng = np.random.default_rng(5)
    arrays = {k: a.astype(np.float64) + rng.standard_normal(a.shape) * 0.05 for k, a in weights.arrays().items()}
    return Weights(**arrays), vocabulary


def test_gradient_equals_differences(double: tuple[Weights, Vocabulary]) -> None:
    weights, vocabulary = double
    examples = [
        [turn("Send it to Anna and Bob, Bob says yes", '{"name": "Bob"}', vocabulary)],
        [turn("Is Anna there?", "yes Anna ünknown", vocabulary)],
    ]
    loss = CrossEntropy()
    _, gradient = loss.gradient(weights, examples, ())
    arrays = weights.arrays()
    checks = [(name, index) for name, g in gradient.dense.items() for index in largest(g)]
    exact = {(name, index): float(gradient.dense[name][index]) for name, index in checks}
    for name, parts in gradient.sparse.items():
        rows, change = merged(parts)
        for row, column in largest(change):
            exact[name, (int(rows[row]), column)] = float(change[row, column])
    for (name, index), value in exact.items():
        step = 1e-5
        before = arrays[name][index]
        arrays[name][index] = before + step
        above = loss.score(weights, examples, ()).loss
        arrays[name][index] = before - step
        below = loss.score(weights, examples, ()).loss
        arrays[name][index] = before
        assert (above - below) / (2 * step) == pytest.approx(value, rel=1e-4, abs=1e-8), (name, index)


def test_preference_gradient_equals_differences(double: tuple[Weights, Vocabulary]) -> None:
    weights, vocabulary = double
    examples = [[turn("Is Anna there?", "yes", vocabulary), turn("Is Anna there?", "Anna {", vocabulary)]]
    reference = log_probabilities(weights, examples)[0] + np.array([[0.3, -0.2]])
    loss = PreferenceLoss(0.5, reference)
    score, gradient = loss.gradient(weights, examples, [0])
    assert score.loss == pytest.approx(np.log1p(np.exp(0.5 * 0.5)))
    for index in largest(gradient.dense["out"]):
        weights.out[index] += 1e-5
        above = loss.score(weights, examples, [0]).loss
        weights.out[index] -= 2e-5
        below = loss.score(weights, examples, [0]).loss
        weights.out[index] += 1e-5
        assert (above - below) / 2e-5 == pytest.approx(float(gradient.dense["out"][index]), rel=1e-4)


def largest(array: np.ndarray) -> list[tuple[int, ...]]:
    flat = np.argsort(-np.abs(array), axis=None)[:6]
    return [tuple(int(i) for i in np.unravel_index(at, array.shape)) for at in flat]


def test_probabilities_sum_to_one_and_never_vanish(double: tuple[Weights, Vocabulary]) -> None:
    weights, vocabulary = double
    flat = flatten([turn("Zoë bought 3 lamps", "Зимa 東京 🎉 \t lamps", vocabulary)])
    run = Pass(weights, flat)
    assert np.allclose(run.vocabulary.sum(axis=1) + run.by_word(0).sum(axis=1), 1)
    assert (run.judge().log_p > -40).all()


@pytest.mark.parametrize("text", ["", "Hi, you!", "a_b c\n\td", "東京タワー 한국", "e\u0301🎉", "x" * 1000, "\ud800"])
def test_pieces_are_lossless(text: str) -> None:
    assert "".join(split(text)) == text
