"""Which provider answers for a model name."""

import asyncio
import logging
from typing import Protocol

import msgspec

from service.core.errors import NotFound, Unavailable
from service.core.models import TunedModel
from workers.providers.protocol import ProviderError
from workers.providers.registry import Providers
from workers.training.engines import BASE_MODELS

_log = logging.getLogger(__name__)
_LISTED_FOR_S = 60.0
_FAILED_FOR_S = 5.0


class TunedModels(Protocol):
    """Where tuned models are recorded."""

    async def get(self, name: str) -> TunedModel | None:
        """Return the tuned model `name`, None if there is none."""
        ...


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers: the provider's name, and its own name for the model."""

    provider: str
    remote_name: str
    is_local: bool


class _Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider listed; None where it could not be asked. Good `until` a time of the event loop."""

    names: frozenset[str] | None
    until: float


class Resolver:
    """Finds the holder of a model: our records, local bases, configured names, then what providers list."""

    def __init__(self, tuned: TunedModels, providers: Providers, *, list_timeout_s: float = 5.0) -> None:
        self._tuned = tuned
        self._providers = providers
        self._list_timeout_s = list_timeout_s
        self._listings: dict[str, _Listing] = {}
        self._asking = {name: asyncio.Lock() for name in providers.names}
        self._local = next((name for name in providers.names if providers.settings_of(name).type == "local"), None)

    async def resolve(self, name: str) -> Holder:
        """Return the holder of `name`. Raises NotFound, or Unavailable where a provider that may hold it is down.

        A tuned model without a record was deleted: that its weights may still lie here makes no difference.
        """
        record = await self._tuned.get(name)
        if record is not None:
            return self._recorded(record)
        if self._local is not None and name in BASE_MODELS:
            return Holder(provider=self._local, remote_name=name, is_local=True)
        for provider in self._remote():
            if name in self._providers.settings_of(provider).models:
                return Holder(provider=provider, remote_name=name, is_local=False)
        return await self._listed(name)

    def _recorded(self, record: TunedModel) -> Holder:
        if record.provider not in self._providers.names:
            message = f"The provider '{record.provider}' of the model '{record.name}' is not configured."
            raise NotFound(message, param="model", code="model_not_found")
        is_local = self._providers.settings_of(record.provider).type == "local"
        return Holder(provider=record.provider, remote_name=record.remote_name, is_local=is_local)

    async def _listed(self, name: str) -> Holder:
        down: list[str] = []
        for provider in self._remote():
            if self._providers.settings_of(provider).models:
                continue
            names = await self._names(provider)
            if names is None:
                down.append(provider)
            elif name in names:
                return Holder(provider=provider, remote_name=name, is_local=False)
        if down:
            message = f"The provider {down[0]} can't be asked whether it holds the model '{name[:200]}'."
            raise Unavailable(message, code="provider_unreachable", retry_after_s=_FAILED_FOR_S)
        message = f"The model '{name[:200]}' does not exist or you do not have access to it."
        raise NotFound(message, param="model", code="model_not_found")

    async def _names(self, provider: str) -> frozenset[str] | None:
        """Return what the provider lists, asked once a minute; one that refuses the question holds nothing."""
        loop = asyncio.get_running_loop()
        async with self._asking[provider]:
            known = self._listings.get(provider)
            if known is not None and loop.time() < known.until:
                return known.names
            names, good_for_s = await self._ask(provider)
            self._listings[provider] = _Listing(names=names, until=loop.time() + good_for_s)
            return names

    async def _ask(self, provider: str) -> tuple[frozenset[str] | None, float]:
        tuner = self._providers.get(provider)
        try:
            async with asyncio.timeout(self._list_timeout_s):
                listed = await tuner.models()
        except TimeoutError:
            _log.warning("provider %s did not list its models in time", provider)
            return None, _FAILED_FOR_S
        except ProviderError as error:
            _log.warning("provider %s lists no models: %s", provider, error.message)
            return (None if error.retryable else frozenset()), _FAILED_FOR_S
        return frozenset(model.id for model in listed), _LISTED_FOR_S

    def _remote(self) -> list[str]:
        return [name for name in self._providers.names if self._providers.settings_of(name).type != "local"]
