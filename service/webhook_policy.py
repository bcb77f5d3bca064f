"""Where webhooks may go under the present settings and keys."""

from service.core.addresses import AddressPolicy
from service.settings import Settings
from service.store.api_keys import ApiKeyStore


async def webhook_policy(settings: Settings, keys: ApiKeyStore) -> AddressPolicy:
    """Return the policy of this moment: with the first API key, loopback and plain http are closed."""
    is_local = settings.is_loopback and not await keys.any()
    return AddressPolicy(local=is_local, allow=settings.webhook_allow)
