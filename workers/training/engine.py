"""What an engine has to offer so that runs, checkpoints and chat work with it; `engines.py` chooses one by name."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from service.core.jobs import Hyperparameters
from workers.training.lines import Message, Tool

Method = Literal["supervised", "dpo"]


class TrainingFailed(Exception):
    """The run can't go on and must not be tried again; `code` and `param` are those of the job's error."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Hyperparameters as numbers; `beta` is None except for DPO."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One training run as an engine sees it. `parent` is the folder of the weights to start from, None for the base."""

    model: str
    method: Method
    training: Path
    validation: Path | None
    hyperparameters: Resolved
    seed: int
    parent: Path | None = None
    options: dict[str, Any] = {}


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one step gave, measured on its batch before the update; unmeasured values are None.

    `epoch_ended` is the number of the epoch that this step ended. `extra` holds further measures by name (DPO rewards).
    """

    step: int
    epoch: float
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None
    epoch_ended: int | None = None
    extra: dict[str, float] = {}

    def metrics(self) -> dict[str, float]:
        """Return what is known under OpenAI's names."""
        named = {
            "train_loss": self.train_loss,
            "train_mean_token_accuracy": self.train_accuracy,
            "valid_loss": self.valid_loss,
            "valid_mean_token_accuracy": self.valid_accuracy,
            "full_valid_loss": self.full_valid_loss,
            "full_valid_mean_token_accuracy": self.full_valid_accuracy,
        }
        return {name: value for name, value in named.items() if value is not None} | self.extra


class Trainer(Protocol):
    """A prepared run. Between two results of `steps` it may be saved; restored it gives the very same numbers."""

    step: int
    total_steps: int
    tokens_per_epoch: int

    def steps(self) -> Iterator[StepResult]:
        """Train from `step` on; raises TrainingFailed on divergence."""
        ...

    def save(self, folder: Path) -> None:
        """Write weights and optimizer state into an existing folder."""
        ...

    def restore(self, folder: Path) -> None:
        """Go back to what `save` wrote."""
        ...


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to write an answer to: `messages` (chat) or `prompt` (completion). `max_tokens` counts engine tokens."""

    messages: Sequence[Message] = ()
    prompt: str | None = None
    tools: Sequence[Tool] = ()
    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer. The last one bears `finish_reason`; token counts are the engine's own, so far."""

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    prompt_tokens: int
    completion_tokens: int


class Model(Protocol):
    """Loaded weights that answer."""

    def generate(self, request: Request) -> Iterator[Chunk]:
        """Write an answer piece by piece; the last chunk has a finish reason."""
        ...

    def count(self, text: str) -> int:
        """Count tokens as this model sees them."""
        ...


class Engine(Protocol):
    """A way to train and to answer. `about` is shown wherever the engine's models are."""

    name: str
    about: str

    def resolve(self, asked: Hyperparameters, *, method: Method, examples: int) -> Resolved:
        """Put numbers where "auto" was."""
        ...

    def trainer(self, plan: Plan) -> Trainer:
        """Read and check the data and make ready; raises TrainingFailed with the line at fault."""
        ...

    def load(self, folder: Path | None) -> Model:
        """Load tuned weights, or the base model where `folder` is None."""
        ...
