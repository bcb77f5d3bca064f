"""Where webhooks may go under the present settings and keys."""

from service.core.addresses import WebhookPolicy
from service.runtime import Runtime


async def webhook_policy(runtime: Runtime) -> WebhookPolicy:
    """Return the policy of this moment: with the first API key, loopback and plain http are closed."""
    is_local = runtime.settings.is_loopback and not await runtime.keys.any()
    return WebhookPolicy(local=is_local, allow=runtime.settings.webhook_allow)
