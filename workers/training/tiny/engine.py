"""Engine `tiny`: see `engine.Engine`."""

from collections.abc import Iterator
from pathlib import Path

from service.core.jobs import Hyperparameters
from workers.training.engine import Chunk, Method, Plan, Request, Resolved
from workers.training.tiny import generation, rules, storage
from workers.training.tiny.hashing import Hasher
from workers.training.tiny.network import Weights
from workers.training.tiny.pieces import Vocabulary
from workers.training.tiny.trainer import TinyTrainer

BASE = Path(__file__).with_name("base.npz")
ABOUT = (
    "A log-bilinear next-piece model with a copy head, trained by real gradients in numpy; for demos, CI and tests. "
    "Losses and accuracies are means over its own pieces (words, marks, blanks), not over billed tokens."
)


class TinyEngine:
    """Trains and serves `tunewright-tiny`."""

    name = "tiny"
    about = ABOUT

    def resolve(self, asked: Hyperparameters, *, method: Method, examples: int) -> Resolved:
        """Put numbers where "auto" was; the rules stand in `rules.py`."""
        return rules.resolve(asked, method=method, examples=examples)

    def trainer(self, plan: Plan) -> TinyTrainer:
        """Read the data and make ready to train."""
        weights, vocabulary = storage.load_weights(_weights_of(plan.parent))
        return TinyTrainer(plan, weights, vocabulary, Hasher())

    def load(self, folder: Path | None) -> "TinyModel":
        """Load tuned weights, or the base model."""
        return TinyModel(*storage.load_weights(_weights_of(folder)))


class TinyModel:
    """Loaded weights that answer; safe for use by several threads."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary) -> None:
        self._weights = weights
        self._vocabulary = vocabulary
        self._hasher = Hasher()

    def generate(self, request: Request) -> Iterator[Chunk]:
        """Write an answer piece by piece."""
        return generation.generate(self._weights, self._vocabulary, self._hasher, request)

    def count(self, text: str) -> int:
        """Count pieces."""
        return generation.count(text)


def _weights_of(folder: Path | None) -> Path:
    return BASE if folder is None else folder / storage.WEIGHTS
