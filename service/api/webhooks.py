"""`/v1/webhook_endpoints`, `/v1/webhook_event_types` as in OpenAI's SDK."""

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath

from service.api import queries
from service.api.bodies import decode_json, read_bytes, read_json
from service.api.context import HttpRequest, runtime_of
from service.api.idempotency import attempt, json_fingerprint
from service.api.replies import Reply, encode, json_reply, page, raw_reply
from service.api.webhook_deliveries import find_endpoint, list_deliveries, resend_deliveries
from service.api.webhook_wire import (
    EndpointCreate,
    EndpointDeleted,
    EndpointOut,
    EndpointTest,
    EndpointTestOut,
    EndpointUpdate,
    EventTypeList,
    SecretRotation,
    checked_name,
    checked_types,
)
from service.core import clock, ids
from service.core.addresses import BadAddress, parse_target
from service.core.errors import InvalidRequest, Unavailable
from service.core.signatures import make_secret
from service.core.webhook_types import SENT_EVENT_TYPES
from service.core.webhooks import WebhookEndpoint, sample
from service.store.webhooks import WebhookStore
from service.webhook_policy import webhook_policy

_PAGE = 20
_LONGEST_PAGE = 100
_TEST_S = 20.0


@post("/", status_code=200)
async def create_endpoint(request: HttpRequest) -> Reply:
    """Register a receiver; the answer alone shows its signing secret."""
    body = await read_bytes(request)
    wanted = decode_json(body, EndpointCreate)
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        now = clock.now()
        endpoint = WebhookEndpoint(
            id=ids.make(ids.WEBHOOK_ENDPOINT),
            created_at=int(now),
            updated_at=int(now),
            name=checked_name(wanted.name),
            url=await _checked_url(request, wanted.url),
            event_types=checked_types(wanted.event_types),
            secret=make_secret(),
        )
        answer = encode(EndpointOut.of(endpoint, secret=endpoint.secret))
        await _store(request).create(endpoint, now, lambda pipe: tried.keep(pipe, fingerprint, answer), tried.guard)
    return raw_reply(answer)


@get("/")
async def list_endpoints(request: HttpRequest) -> Reply:
    """List endpoints, newest first."""
    found, has_more = await _store(request).page(
        after=queries.after_of(request), limit=queries.limit_of(request, _PAGE, _LONGEST_PAGE)
    )
    return json_reply(page([EndpointOut.of(endpoint) for endpoint in found], has_more))


@get("/{webhook_endpoint_id:str}")
async def get_endpoint(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Show an endpoint."""
    return json_reply(EndpointOut.of(await find_endpoint(request, webhook_endpoint_id)))


@post("/{webhook_endpoint_id:str}", status_code=200)
async def update_endpoint(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Change what is given; `tunewright.enabled` switches it off, or on again after it was disabled."""
    wanted = await read_json(request, EndpointUpdate)
    await find_endpoint(request, webhook_endpoint_id)
    url = None if wanted.url is None else await _checked_url(request, wanted.url)
    types = None if wanted.event_types is None else checked_types(wanted.event_types)
    name = None if wanted.name is None else checked_name(wanted.name)
    enabled = None if wanted.tunewright is None else wanted.tunewright.enabled
    now = int(clock.now())

    def change(old: WebhookEndpoint) -> WebhookEndpoint:
        new = msgspec.structs.replace(
            old, url=url or old.url, event_types=types or old.event_types, name=name or old.name
        )
        if enabled is True:
            new = msgspec.structs.replace(new, disabled_at=None, disabled_reason=None)
        elif enabled is False and old.disabled_at is None:
            new = msgspec.structs.replace(new, disabled_at=now, disabled_reason="switched_off")
        return old if new == old else msgspec.structs.replace(new, updated_at=now)

    return json_reply(EndpointOut.of(await _store(request).modify(webhook_endpoint_id, change)))


@delete("/{webhook_endpoint_id:str}", status_code=200)
async def delete_endpoint(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Remove an endpoint; what still waits for it is not sent."""
    await find_endpoint(request, webhook_endpoint_id)
    await _store(request).delete(webhook_endpoint_id)
    return json_reply(EndpointDeleted(id=webhook_endpoint_id))


@post("/{webhook_endpoint_id:str}/rotate_secret", status_code=200)
async def rotate_secret(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Make a new signing secret; the answer alone shows it."""
    body = await read_bytes(request)
    wanted = decode_json(body or b"{}", SecretRotation)
    await find_endpoint(request, webhook_endpoint_id)
    keep_old = bool(wanted.keep_old_secret_active_for_24_hours)
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        secret, now = make_secret(), clock.now()
        rotated = await _store(request).modify(
            webhook_endpoint_id,
            lambda old: old.rotated(secret, now, keep_old=keep_old),
            lambda pipe, new: tried.keep(pipe, fingerprint, encode(EndpointOut.of(new, secret=secret))),
            tried.guard,
        )
    return json_reply(EndpointOut.of(rotated, secret=secret))


@post("/{webhook_endpoint_id:str}/test", status_code=200)
async def test_endpoint(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Send a sample event and answer the receiver's status; it goes once, ahead of what waits, also when disabled."""
    (event_type,) = checked_types([(await read_json(request, EndpointTest)).event_type])
    await find_endpoint(request, webhook_endpoint_id)
    store = _store(request)
    delivery_id = await store.start_test(webhook_endpoint_id, sample(event_type, webhook_endpoint_id, clock.now()))
    deadline = clock.now() + _TEST_S
    while not await store.has_ended(delivery_id):
        if clock.now() > deadline:
            await store.cancel_test(delivery_id)
            raise Unavailable("The test was not sent: no deliverer is free, or none runs.", retry_after_s=5)
    row = (await store.deliveries.load([delivery_id]))[delivery_id]
    last = row.attempts[-1] if row.attempts else None
    if last is None or last.status_code is None:
        why = (last.error if last else row.reason) or "unknown"
        raise InvalidRequest(f"The endpoint could not be reached: {why}.", param="url", code="webhook_unreachable")
    return json_reply(
        EndpointTestOut(webhook_endpoint_id=webhook_endpoint_id, event_type=event_type, status_code=last.status_code)
    )


@get("/")
async def list_event_types(request: HttpRequest) -> Reply:
    """List the types of event that are sent; endpoints may also name OpenAI's other types."""
    del request
    return json_reply(EventTypeList(data=SENT_EVENT_TYPES))


webhook_endpoints = Router(
    path="/v1/webhook_endpoints",
    route_handlers=[
        create_endpoint,
        list_endpoints,
        get_endpoint,
        update_endpoint,
        delete_endpoint,
        rotate_secret,
        test_endpoint,
        list_deliveries,
        resend_deliveries,
    ],
)
webhook_event_types = Router(path="/v1/webhook_event_types", route_handlers=[list_event_types])


def _store(request: HttpRequest) -> WebhookStore:
    return runtime_of(request).webhooks


async def _checked_url(request: HttpRequest, url: str) -> str:
    runtime = runtime_of(request)
    try:
        parse_target(url, await webhook_policy(runtime.settings, runtime.keys))
    except BadAddress as error:
        raise InvalidRequest(str(error), param="url", code="invalid_webhook_url") from error
    return url
