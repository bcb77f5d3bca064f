"""Builds the packaged base model: `OPENBLAS_NUM_THREADS=1 python -m workers.training.tiny.base`."""

import sys
from pathlib import Path

import numpy as np

from workers.training.tiny import storage
from workers.training.tiny.adagrad import Adagrad
from workers.training.tiny.base_text import ASKED, KNOWN, UNSURE, WORDS
from workers.training.tiny.context import build
from workers.training.tiny.data import Answer, Example, Source, encode_all, vocabulary_for
from workers.training.tiny.engine import BASE
from workers.training.tiny.hashing import Array, Hasher
from workers.training.tiny.network import Weights, fresh
from workers.training.tiny.objectives import CrossEntropy
from workers.training.tiny.pieces import Vocabulary, split
from workers.training.tiny.rendering import Prompt
from workers.training.tiny.turns import encode

_MARKS = (*" \n\t", *"!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~")
_RULES = ("", "You are a helpful assistant.", "Reply with one label only.", "Reply with one JSON object only.")
_EPOCHS, _BATCH, _RATE, _SEED = 6, 16, 0.1, 20261122
_KEPT_ROWS = {"embed": 5_000, "query": 1_500, "key": 1_500}


def main(path: Path = BASE) -> None:
    """Train on the general lines and write the weights file (under 1 MB)."""
    vocabulary, examples = general_examples(Hasher())
    weights = fresh(len(vocabulary), _SEED)
    loss = _train(weights, examples)
    storage.save_weights(path, weights, vocabulary, half=True)
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes, loss {loss:.3f}\n")


def general_examples(hasher: Hasher) -> tuple[Vocabulary, list[Example]]:
    lines = [(asked, answer) for many, answer in KNOWN for asked in many] + [(asked, UNSURE) for asked in ASKED]
    source = Source(
        examples=[
            [Answer(prompt=Prompt(rules=rules, history="", last=asked), pieces=split(answer), ended=True)]
            for asked, answer in lines
            for rules in _RULES
        ],
        pieces=0,
    )
    vocabulary = vocabulary_for(source, Vocabulary(_MARKS))
    letters = Vocabulary(())
    nothing = build(Prompt(rules="\x00spelling", history="", last=""), hasher)
    spelled = [[encode(nothing, [word], letters, hasher, ended=True)] for word in WORDS]
    return vocabulary, encode_all(source, vocabulary, hasher) + spelled


def _train(weights: Weights, examples: list[Example]) -> float:
    """Train twice: freely, then with all but the largest rows held at zero, so that the file stays small."""
    objective = CrossEntropy()
    _run(weights, examples, objective, kept={})
    kept = {name: _largest(weights.arrays()[name], count) for name, count in _KEPT_ROWS.items()}
    _run(weights, examples, objective, kept)
    return objective.score(weights, examples, ()).loss


def _run(weights: Weights, examples: list[Example], objective: CrossEntropy, kept: dict[str, Array]) -> None:
    optimizer = Adagrad(weights)
    total = _EPOCHS * len(examples)
    for epoch in range(_EPOCHS):
        order: list[int] = np.random.default_rng([_SEED, epoch]).permutation(len(examples)).tolist()
        for at in range(0, len(order), _BATCH):
            for name, rows in kept.items():
                weights.arrays()[name][~rows] = 0
            batch = [examples[i] for i in order[at : at + _BATCH]]
            rate = _RATE * (1 - (epoch * len(order) + at) / total)
            optimizer.apply(objective.gradient(weights, batch, ())[1], rate)
    for name, rows in kept.items():
        weights.arrays()[name][~rows] = 0


def _largest(table: Array, count: int) -> Array:
    norms = np.square(table).sum(axis=1)
    return norms >= np.sort(norms)[-count]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
