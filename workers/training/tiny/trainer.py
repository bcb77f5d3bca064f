"""The schedule of a run: shuffled batches, a rate that falls to zero, measures, and exact saving and restoring."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from workers.training.engine import Plan, StepResult, TrainingFailed
from workers.training.tiny import data, storage
from workers.training.tiny.adagrad import Adagrad
from workers.training.tiny.data import Example
from workers.training.tiny.hashing import Array, Hasher
from workers.training.tiny.network import Weights, new_rows
from workers.training.tiny.objectives import CrossEntropy, Objective, PreferenceLoss, Score, log_probabilities
from workers.training.tiny.pieces import Vocabulary
from workers.training.tiny.rules import BASE_RATE, BASE_RATE_DPO

VALIDATIONS_PER_EPOCH = 10
MIN_VALIDATION_BATCH = 16
_WATCHED_STEPS = 20
_DIVERGED = 3.0


class TrainerState(msgspec.Struct, frozen=True, kw_only=True):
    """What a trainer needs beside weights and optimizer. Shuffling is a function of seed and epoch alone."""

    step: int
    seed: int
    first_loss: float | None
    recent: list[float]


class TinyTrainer:
    """Trains one plan; see `engine.Trainer`."""

    def __init__(self, plan: Plan, weights: Weights, vocabulary: Vocabulary, hasher: Hasher) -> None:
        source = data.load(plan.training, plan.method, "training_file")
        held_out = data.load(plan.validation, plan.method, "validation_file") if plan.validation else None
        self._plan = plan
        self._vocabulary = data.vocabulary_for(source, vocabulary)
        self._weights = grown(weights, len(self._vocabulary) - len(vocabulary), plan.seed)
        self._optimizer = Adagrad(self._weights)
        if plan.parent and plan.method == "supervised":
            # Adagrad's first steps are as long whatever the gradient: a fresh one would make the parent forget.
            storage.load_optimizer(plan.parent / storage.OPTIMIZER, self._optimizer)
        self._examples = data.encode_all(source, self._vocabulary, hasher)
        self._held_out = data.encode_all(held_out, self._vocabulary, hasher) if held_out else []
        self._objective = self._objective_on(self._examples)
        self._held_out_objective = self._objective_on(self._held_out)
        self._steps_per_epoch = math.ceil(len(self._examples) / plan.hyperparameters.batch_size)
        self._first_loss: float | None = None
        self._recent: deque[float] = deque(maxlen=_WATCHED_STEPS)
        self.step = 0
        self.total_steps = self._steps_per_epoch * plan.hyperparameters.n_epochs
        self.tokens_per_epoch = source.pieces

    def _objective_on(self, examples: Sequence[Example]) -> Objective:
        """Return the loss; for preferences its reference are the weights as they are now, those of the parent."""
        if self._plan.method != "dpo":
            return CrossEntropy()
        beta = self._plan.hyperparameters.beta
        return PreferenceLoss(0.1 if beta is None else beta, log_probabilities(self._weights, examples)[0])

    def steps(self) -> Iterator[StepResult]:
        """Train from `step` on."""
        while self.step < self.total_steps:
            yield self._take_step()

    def _take_step(self) -> StepResult:
        epoch, within = divmod(self.step, self._steps_per_epoch)
        size = self._plan.hyperparameters.batch_size
        batch = [int(i) for i in self._order(epoch)[within * size : (within + 1) * size]]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            chosen = [self._examples[i] for i in batch]
            score, gradient = self._objective.gradient(self._weights, chosen, batch)
            self._watch(score.loss)
            self._optimizer.apply(gradient, self._rate())
            self.step += 1
            return self._measured(score, epoch_ended=epoch + 1 if within + 1 == self._steps_per_epoch else None)

    def _order(self, epoch: int) -> Array:
        return np.random.default_rng([self._plan.seed, 1, epoch]).permutation(len(self._examples))

    def _rate(self) -> float:
        base = BASE_RATE_DPO if self._plan.method == "dpo" else BASE_RATE
        return base * self._plan.hyperparameters.learning_rate_multiplier * (1 - self.step / self.total_steps)

    def _watch(self, loss: float) -> None:
        """Fail a run whose loss is no number, or over 20 steps above three times that of a blind guess or the start."""
        if self._first_loss is None:
            self._first_loss = loss
        self._recent.append(loss)
        blind = max(self._first_loss, math.log(len(self._vocabulary)))
        mean = sum(self._recent) / len(self._recent)
        if math.isfinite(loss) and (len(self._recent) < _WATCHED_STEPS or mean <= _DIVERGED * blind):
            return
        raise TrainingFailed(
            "training_diverged",
            f"Training diverged at step {self.step + 1}: the loss is {loss:.4g}, at the start it was "
            f"{self._first_loss:.4g}. Use a smaller learning_rate_multiplier than "
            f"{self._plan.hyperparameters.learning_rate_multiplier:g}.",
            "hyperparameters.learning_rate_multiplier",
        )

    def _measured(self, train: Score, epoch_ended: int | None) -> StepResult:
        every = max(1, self._steps_per_epoch // VALIDATIONS_PER_EPOCH)
        due = bool(self._held_out) and (self.step % every == 0 or epoch_ended is not None)
        valid = self._validate(self._validation_batch(self.step // every)) if due else None
        full = self._validate(range(len(self._held_out))) if self._held_out and epoch_ended is not None else None
        extra = {f"train_{name}": value for name, value in train.extra.items()}
        extra |= {f"valid_{name}": value for name, value in (valid.extra if valid else {}).items()}
        extra |= {f"full_valid_{name}": value for name, value in (full.extra if full else {}).items()}
        return StepResult(
            step=self.step,
            epoch=self.step / self._steps_per_epoch,
            train_loss=train.loss,
            train_accuracy=train.accuracy,
            valid_loss=valid.loss if valid else None,
            valid_accuracy=valid.accuracy if valid else None,
            full_valid_loss=full.loss if full else None,
            full_valid_accuracy=full.accuracy if full else None,
            epoch_ended=epoch_ended,
            extra=extra,
        )

    def _validation_batch(self, turn: int) -> list[int]:
        size = min(len(self._held_out), max(MIN_VALIDATION_BATCH, self._plan.hyperparameters.batch_size))
        return [(turn * size + i) % len(self._held_out) for i in range(size)]

    def _validate(self, indices: Sequence[int]) -> Score:
        return self._held_out_objective.score(self._weights, [self._held_out[i] for i in indices], indices)

    def save(self, folder: Path) -> None:
        """Write weights, optimizer state and position into `folder`."""
        storage.save_weights(folder / storage.WEIGHTS, self._weights, self._vocabulary)
        storage.save_optimizer(folder / storage.OPTIMIZER, self._optimizer)
        state = TrainerState(
            step=self.step, seed=self._plan.seed, first_loss=self._first_loss, recent=list(self._recent)
        )
        (folder / "trainer.json").write_bytes(msgspec.json.encode(state))

    def restore(self, folder: Path) -> None:
        """Go back to what `save` wrote."""
        state = msgspec.json.decode((folder / "trainer.json").read_bytes(), type=TrainerState)
        stored, _ = storage.load_weights(folder / storage.WEIGHTS)
        for name, array in self._weights.arrays().items():
            array[...] = stored.arrays()[name]
        storage.load_optimizer(folder / storage.OPTIMIZER, self._optimizer)
        self.step = state.step
        self._first_loss = state.first_loss
        self._recent = deque(state.recent, maxlen=_WATCHED_STEPS)


def grown(weights: Weights, count: int, seed: int) -> Weights:
    """Return the weights with `count` more output rows, random by `seed`."""
    rng = np.random.default_rng([seed, 2])
    out = np.concatenate([weights.out, new_rows(count, rng).astype(weights.out.dtype)])
    bias = np.concatenate([weights.bias, np.zeros(count, weights.bias.dtype)])
    return Weights(**(weights.arrays() | {"out": out, "bias": bias}))
