"""Hyperparameters of `tiny`: what "auto" means. No numpy here, so that a worker may ask."""

from service.core.estimates import default_epochs
from service.core.jobs import Hyperparameters
from workers.training.engine import Method, Resolved

BASE_RATE = 0.1
"""Adagrad's rate at multiplier 1; it falls linearly to 0 over the run."""
BASE_RATE_DPO = 0.02
_AUTO_BETA = 0.1
_EXAMPLES_PER_UNIT = 30
_MAX_AUTO_BATCH = 32


def resolve(asked: Hyperparameters, *, method: Method, examples: int) -> Resolved:
    """Epochs by OpenAI's default rule, batch the largest power of two up to a 30th of the lines (1 to 32), rate 1."""
    batch = 1
    while batch * 2 <= min(_MAX_AUTO_BATCH, examples // _EXAMPLES_PER_UNIT):
        batch *= 2
    beta = asked.beta if isinstance(asked.beta, int | float) else _AUTO_BETA
    rate = asked.learning_rate_multiplier
    return Resolved(
        n_epochs=default_epochs(examples) if asked.n_epochs == "auto" else asked.n_epochs,
        batch_size=batch if asked.batch_size == "auto" else asked.batch_size,
        learning_rate_multiplier=1.0 if rate == "auto" else rate,
        beta=beta if method == "dpo" else None,
    )
