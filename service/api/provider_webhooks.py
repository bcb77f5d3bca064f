"""`/v1/provider_webhooks/{provider}`: where a provider tells that a job of ours changed. Ours.

The signature is the only key: Standard Webhooks, as OpenAI signs `fine_tuning.job.*`, over the raw body, within five
minutes. What is told is not believed, only looked at: the poll of that provider comes sooner.
"""

import hashlib
from typing import Literal

import msgspec
from litestar import Router, post
from litestar.params import FromPath

from service.api.bodies import decode_json, read_bytes
from service.api.context import HttpRequest, runtime_of
from service.api.replies import Reply, json_reply
from service.core import clock, signatures
from service.core.errors import InvalidRequest, NotFound
from service.store.counters import count
from service.store.provider_webhooks import ProviderWebhookStore

MAX_BYTES = 65_536
PREFIX = "/v1/provider_webhooks"
_OF_JOBS = "fine_tuning.job."


class ProviderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of an event; a provider may send more."""

    type: str


class ProviderWebhookOut(msgspec.Struct, frozen=True, kw_only=True):
    """`effect`: `hurried` the poll, `idle` where nothing is open there, `known` before, `ignored` for other types."""

    effect: Literal["known", "idle", "hurried", "ignored"]
    object: Literal["provider_webhook"] = "provider_webhook"


@post("/{provider:str}", status_code=200)
async def receive_provider_webhook(request: HttpRequest, provider: FromPath[str]) -> Reply:
    """Take a signed webhook of a configured provider; a repeated one is answered alike and has no effect."""
    settings = runtime_of(request).settings.providers.get(provider)
    if settings is None or settings.webhook_secret is None:
        raise NotFound("No webhooks are taken here: this provider has no webhook_secret.", param="provider")
    body = await read_bytes(request, MAX_BYTES)
    try:
        webhook_id = signatures.verify([settings.webhook_secret], request.headers, body, now=clock.now())
    except signatures.BadSignature as error:
        raise InvalidRequest(str(error), code="invalid_webhook_signature") from error
    effect = await _effect(request, provider, webhook_id, decode_json(body, ProviderEvent))
    return json_reply(ProviderWebhookOut(effect=effect))


provider_webhooks = Router(path=PREFIX, route_handlers=[receive_provider_webhook])


async def _effect(
    request: HttpRequest, provider: str, webhook_id: str, event: ProviderEvent
) -> Literal["known", "idle", "hurried", "ignored"]:
    if not event.type.startswith(_OF_JOBS):
        return "ignored"
    redis = runtime_of(request).redis
    digest = hashlib.sha256(f"{provider}\0{webhook_id}".encode()).hexdigest()
    effect = await ProviderWebhookStore(redis).take(provider, digest)
    async with redis.pipeline(transaction=False) as pipe:
        count(pipe, "provider_webhooks", provider=provider, effect=effect)
        await pipe.execute()
    return effect
