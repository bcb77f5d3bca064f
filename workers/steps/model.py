"""Delete a model's weights at its provider, after its record has gone."""

import logging

from service.store.due import Claim
from workers.context import Context
from workers.providers.protocol import ProviderError
from workers.steps.failures import PAUSING, pause_after

_log = logging.getLogger(__name__)


async def look(context: Context, claim: Claim, object_id: str) -> float | None:
    """Delete `PROVIDER:NAME`; a provider that refuses for good keeps its copy, and the log says so."""
    provider_name, _, name = object_id.partition(":")
    if provider_name not in context.providers.names:
        return None
    try:
        await context.providers.get(provider_name).delete_model(name)
    except ProviderError as error:
        if error.retryable or error.reason in PAUSING:
            return await pause_after(context, claim, error)
        _log.warning("model %s stays at %s: %s", name, provider_name, error.reason)
    return None
