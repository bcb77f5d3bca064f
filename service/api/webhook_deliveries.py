"""What was sent and is sent again: deliveries of an endpoint, of a job, and one by one. Ours."""

import math

from litestar import Router, get, post
from litestar.params import FromPath

from service.api import queries
from service.api.bodies import read_json
from service.api.context import HttpRequest, runtime_of
from service.api.job_reading import find_job
from service.api.replies import Reply, json_reply, page
from service.api.webhook_wire import DeliveryOut, Resend, ResendOut
from service.core import clock, ids
from service.core.errors import InvalidRequest, NotFound
from service.core.webhooks import WebhookDelivery, WebhookEndpoint, delivery_id, next_round
from service.store.webhooks import WebhookStore

_PAGE = 20
_LONGEST_PAGE = 100
_MOST_EVENTS = 1_000
_DISABLED = "The endpoint is disabled; enable it first with tunewright.enabled."


@get("/{webhook_endpoint_id:str}/deliveries")
async def list_deliveries(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """List what was sent to an endpoint within 30 days, or missed while disabled, newest first, with every try."""
    endpoint = await find_endpoint(request, webhook_endpoint_id)
    rows, has_more = await _store(request).deliveries.page(
        webhook_endpoint_id,
        after=queries.after_of(request),
        limit=queries.limit_of(request, _PAGE, _LONGEST_PAGE),
    )
    return json_reply(page([DeliveryOut.of(row, endpoint) for row in rows], has_more))


@get("/{job_id:str}/deliveries")
async def list_job_deliveries(request: HttpRequest, job_id: FromPath[str]) -> Reply:
    """List what was sent about a job within 30 days, newest first: to endpoints and to its own `webhook_url`."""
    job = await find_job(request, job_id)
    store = _store(request)
    rows, has_more = await store.deliveries.page_of_job(
        job.id,
        after=queries.after_of(request),
        limit=queries.limit_of(request, _PAGE, _LONGEST_PAGE),
    )
    endpoints = {endpoint.id: endpoint for endpoint in await store.all()}
    return json_reply(page([DeliveryOut.of(row, endpoints.get(row.owner)) for row in rows], has_more))


@post("/{webhook_endpoint_id:str}/resend", status_code=200)
async def resend_deliveries(request: HttpRequest, webhook_endpoint_id: FromPath[str]) -> Reply:
    """Send again what an endpoint was sent, or missed: since a time, or the events named."""
    wanted = await read_json(request, Resend)
    by_time = wanted.since is not None or wanted.until is not None or wanted.status is not None
    if by_time == (wanted.event_ids is not None) or (by_time and wanted.since is None):
        raise InvalidRequest(
            "Give either 'since' (with 'until' and 'status', if you like) or 'event_ids'.", param="since"
        )
    endpoint = await find_endpoint(request, webhook_endpoint_id)
    if endpoint.disabled_at is not None:
        raise InvalidRequest(_DISABLED)
    if wanted.event_ids is not None:
        matched, resent = await _resend_events(request, endpoint, wanted.event_ids)
    else:
        matched, resent = await _resend_since(request, endpoint, wanted)
    return json_reply(ResendOut(webhook_endpoint_id=endpoint.id, matched=matched, resent=resent))


@get("/{webhook_delivery_id:str}")
async def get_delivery(request: HttpRequest, webhook_delivery_id: FromPath[str]) -> Reply:
    """Show a delivery."""
    return json_reply(await _shown(request, webhook_delivery_id))


@post("/{webhook_delivery_id:str}/resend", status_code=200)
async def resend_delivery(request: HttpRequest, webhook_delivery_id: FromPath[str]) -> Reply:
    """Send a delivery again now, whatever became of it; its schedule begins anew."""
    row = await _find_delivery(request, webhook_delivery_id)
    store = _store(request)
    if row.once:
        raise InvalidRequest("A test is not sent again; make another one.")
    if row.url is None and (await store.get(row.owner)).disabled_at is not None:
        raise InvalidRequest(_DISABLED)
    if not await store.deliveries.messages([row.message_id]):
        raise NotFound("The event is no longer kept.")
    await store.deliveries.resend([next_round(row, clock.now())])
    return json_reply(await _shown(request, webhook_delivery_id))


webhook_deliveries = Router(path="/v1/webhook_deliveries", route_handlers=[get_delivery, resend_delivery])


async def find_endpoint(request: HttpRequest, endpoint_id: str) -> WebhookEndpoint:
    """Return the endpoint. Raises NotFound."""
    if not ids.is_safe(endpoint_id):
        raise NotFound("No such webhook endpoint.", param="webhook_endpoint_id")
    return await _store(request).get(endpoint_id)


async def _resend_events(request: HttpRequest, endpoint: WebhookEndpoint, event_ids: list[str]) -> tuple[int, int]:
    """Send the named events again; all of them are known, or none is sent."""
    if not 1 <= len(event_ids) <= _MOST_EVENTS:
        raise InvalidRequest(f"'event_ids' must name 1 to {_MOST_EVENTS:,} events.", param="event_ids")
    wanted = {event_id: delivery_id(event_id, endpoint.id) for event_id in event_ids}
    rows = await _store(request).deliveries.load(list(wanted.values()))
    for number, event_id in enumerate(event_ids):
        row = rows.get(wanted[event_id])
        if row is None or row.once:
            raise NotFound(f"No event {event_id[:100]!r} went to this endpoint.", param=f"event_ids[{number}]")
    return len(rows), await _resend(request, list(rows.values()))


async def _resend_since(request: HttpRequest, endpoint: WebhookEndpoint, wanted: Resend) -> tuple[int, int]:
    """Send again what was made in that time; what is still on its way goes by its own schedule."""
    since, until = wanted.since or 0, math.inf if wanted.until is None else wanted.until
    if until < since:
        raise InvalidRequest("'until' must not be before 'since'.", param="until")
    ended = {"failed", "succeeded"} if wanted.status is None else {wanted.status}
    matched = resent = 0
    async for rows in _store(request).deliveries.between(endpoint.id, since, until):
        chosen = [row for row in rows if row.status in ended and not row.once]
        matched += len(chosen)
        resent += await _resend(request, chosen)
    return matched, resent


async def _resend(request: HttpRequest, rows: list[WebhookDelivery]) -> int:
    now = clock.now()
    return await _store(request).deliveries.resend([next_round(row, now) for row in rows])


def _store(request: HttpRequest) -> WebhookStore:
    return runtime_of(request).webhooks


async def _find_delivery(request: HttpRequest, name: str) -> WebhookDelivery:
    found = await _store(request).deliveries.load([name]) if ids.is_safe(name) else {}
    if name not in found:
        raise NotFound(f"No webhook delivery with id {name[:100]}.", param="webhook_delivery_id")
    return found[name]


async def _shown(request: HttpRequest, name: str) -> DeliveryOut:
    row = await _find_delivery(request, name)
    try:
        endpoint = await _store(request).get(row.owner) if row.url is None else None
    except NotFound:  # deleted since
        endpoint = None
    return DeliveryOut.of(row, endpoint)
