"""A misbehaving upstream, and providers that point at it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from service.core.jobs import Hyperparameters, Method
from service.core.remote import CreateRequest
from service.settings import ProviderSettings
from tests.providers.upstream import Upstream
from workers.providers.openai import OpenAIFineTuner
from workers.providers.protocol import Upload

KEY = "sk" + "-upstream-" + "0123456789abcdef"
MARK = "ftjob-" + "AbCdEf0123456789GhIjKlMn"

Make = Callable[..., OpenAIFineTuner]


@pytest.fixture
async def make(upstream: Upstream) -> AsyncIterator[Make]:
    """Make a provider for the upstream; keyword arguments are its settings."""
    made: list[OpenAIFineTuner] = []

    def build(**members: Any) -> OpenAIFineTuner:
        given = {"preset": "openai", "base_url": upstream.url, "api_key": KEY, "request_timeout_s": 0.5, **members}
        made.append(OpenAIFineTuner("target", ProviderSettings(**given)))
        return made[-1]

    yield build
    for provider in made:
        await provider.aclose()


def request(**members: Any) -> CreateRequest:
    given: dict[str, Any] = {
        "mark": MARK, "model": "base-1", "training_file": "file-1", "validation_file": None, "suffix": None, "seed": 7,
        "method": Method(hyperparameters=Hyperparameters(n_epochs=2)), "metadata": {"team": "a"},
    }  # fmt: skip
    return CreateRequest(**(given | members))


def upload_of(path: Path, content: bytes) -> Upload:
    path.write_bytes(content)
    return Upload(path=path, filename="mine.jsonl", sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def limited(provider: OpenAIFineTuner, most_bytes: int) -> OpenAIFineTuner:
    """Return the provider with a target that takes files of no more than `most_bytes` whole."""
    provider._files._max_file_bytes = most_bytes  # type: ignore[attr-defined]
    return provider
