"""The one place where an engine is chosen by base model; engines are imported when first asked for."""

import os

from service.core.errors import NotFound
from workers.training.engine import Engine

_THREAD_SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")

BASE_MODELS = {"tunewright-tiny": "tiny"}
"""Base models by name, with the engine that trains and serves each."""


def base_of(model: str) -> str:
    """Return the base model's name within `ft:{base}:…`, or the name itself."""
    return model.split(":")[1] if model.startswith("ft:") and model.count(":") >= 1 else model


def engine_for(model: str) -> Engine:
    """Return the engine of a base or tuned model; NotFound where no engine offers it."""
    name = BASE_MODELS.get(base_of(model))
    if name == "tiny":
        one_thread()
        from workers.training.tiny.engine import TinyEngine

        return TinyEngine()
    raise NotFound(f"The model '{model}' is not offered by the local provider.", param="model", code="model_not_found")


def one_thread() -> None:
    """Keep linear algebra on one thread, before numpy is first imported: same numbers, no idle spinning (§4.6)."""
    for name in _THREAD_SETTINGS:
        os.environ[name] = "1"
