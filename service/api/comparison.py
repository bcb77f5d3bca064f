"""What a report says of models and providers, as of now: prices, places and earlier runs change, a report is kept."""

import msgspec

from service.api.context import HttpRequest, context_of
from service.core import clock
from service.core.advice import advice
from service.core.comparison import Offer, compared, offers
from service.core.dataset.report import Report
from service.core.durations import PastRun
from service.core.jobs import Method


async def with_comparison(
    request: HttpRequest, report: Report, method: Method, own: Offer | None = None, budget_microusd: int | None = None
) -> Report:
    """Return the report with its `estimates` and `advice`; `own` is the offer that comes first, the report's model."""
    context, now = context_of(request), clock.now()
    catalogue = context.runtime.catalogue
    offered = offers(catalogue, report, method, places=context.places, now=now, own=own)
    past = await earlier_runs(request, offered, method)
    lines = compared(catalogue, report, method, offered, now=now, past=past, budget_microusd=budget_microusd)
    shown = msgspec.structs.replace(report, estimates=lines)
    return msgspec.structs.replace(shown, advice=advice(shown))


async def earlier_runs(request: HttpRequest, offered: tuple[Offer, ...], method: Method) -> dict[Offer, list[PastRun]]:
    """Return the runs that ended at each offer's provider."""
    places = {each: (each.provider, each.model) for each in offered if each.provider is not None}
    kept = await context_of(request).runtime.durations.read(places.values(), method.type)
    return {each: kept[place] for each, place in places.items()}
