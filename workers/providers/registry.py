"""The configured providers by name, each made when it is first asked for: their clients are heavy to import."""

from redis.asyncio import Redis

from service.settings import ProviderSettings, Settings
from workers.providers.gate import shared_gate
from workers.providers.presets import capabilities_of
from workers.providers.protocol import FineTuner


class Providers:
    """Makes and keeps one FineTuner per configured name; use it on one event loop.

    With `redis` their requests share budgets and circuits with those of all other workers.
    """

    def __init__(self, settings: Settings, redis: Redis | None = None) -> None:
        self._settings = settings
        self._redis = redis
        self._made: dict[str, FineTuner] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the configured names."""
        return tuple(self._settings.providers)

    def settings_of(self, name: str) -> ProviderSettings:
        """Return one provider's settings. Raises KeyError for a name that is not configured."""
        return self._settings.providers[name]

    def get(self, name: str) -> FineTuner:
        """Return the provider `name`. Raises KeyError for one that is not configured."""
        if name not in self._made:
            self._made[name] = self._make(name, self._settings.providers[name])
        return self._made[name]

    def _make(self, name: str, provider: ProviderSettings) -> FineTuner:
        if provider.type == "local":
            from workers.providers.local import LocalFineTuner

            return LocalFineTuner(name, self._settings)
        from workers.providers.openai import OpenAIFineTuner

        gate = shared_gate(self._redis, name, provider, capabilities_of(provider).requests_per_minute)
        return OpenAIFineTuner(name, provider, gate)

    async def aclose(self) -> None:
        """Close every provider that was made."""
        made, self._made = self._made, {}
        for provider in made.values():
            await provider.aclose()
