"""A dataset over all models and providers that could be tuned on it: what each would take, and what speaks against it.

The one computation behind a report's `estimates`, the comparison of an estimate, and `tunewright check`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from service.core import money
from service.core.catalogue import BaseModel, Catalogue, Target
from service.core.dataset.report import Report
from service.core.durations import PastRun
from service.core.estimate_lines import EstimateLine
from service.core.estimates import Estimate, within_budget
from service.core.jobs import Method
from service.core.outlook import estimated
from service.core.placement import Place

FILE_BYTES, UPLOAD_BYTES = 512_000_000, 8_000_000_000
"""OpenAI's limits of a file, and of an upload in parts."""

MOST_RFT_EXAMPLES = 50_000


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A model where it could be tuned; `provider` is None where no configured one is known to take it."""

    model: str
    provider: str | None
    target: Target


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset would hit at a model; one that `bars` it speaks against the model, others are good to know."""

    text: str
    bars: bool = True


def offers(
    catalogue: Catalogue,
    report: Report,
    method: Method,
    *,
    places: Sequence[Place],
    now: float,
    own: Offer | None = None,
) -> tuple[Offer, ...]:
    """Return `own`, then every other model that takes the report's form and method, at each place and else nowhere.

    Without `own` the report's model comes first, where the first place takes it. What is nowhere are the models that
    their vendor still tunes and no place takes: they can be had, once configured. Without tokens there is nothing to
    compare.
    """
    there = [each for place in places for each in _at(catalogue, report, method, place, now)]
    own = own or next((each for each in there if each.model == report.model), None) or _vendor(catalogue, report.model)
    if report.tokens is None:
        return (own,)
    taken = {each.model for each in (own, *there)}
    nowhere = (_vendor(catalogue, model.name) for model in catalogue.models if model.name not in taken)
    fitting = [each for each in nowhere if _takes(catalogue, each, report, method, now)]
    return tuple(dict.fromkeys([own, *there, *fitting]))


def _vendor(catalogue: Catalogue, model: str) -> Offer:
    found = catalogue.resolve(model)
    is_local = found is not None and found.model is not None and found.model.provider == "local"
    return Offer(model=model, provider=None, target="local" if is_local else "openai")


def compared(
    catalogue: Catalogue,
    report: Report,
    method: Method,
    offered: Sequence[Offer],
    *,
    now: float,
    past: Mapping[Offer, Sequence[PastRun]] | None = None,
    budget_microusd: int | None = None,
) -> tuple[EstimateLine, ...]:
    """Return a line for each offer: the first one's first, the others cheapest first, unknown prices last."""
    lines = [
        _line(catalogue, report, method, each, (past or {}).get(each, ()), budget_microusd, now) for each in offered
    ]
    others = sorted(lines[1:], key=lambda line: (line.usd is None, line.usd, line.model, line.provider or ""))
    return (*lines[:1], *others)


def _at(catalogue: Catalogue, report: Report, method: Method, place: Place, now: float) -> Iterator[Offer]:
    """Yield what a place takes: the models that its settings name, else those of the catalogue that it may have."""
    names = place.models or tuple(
        model.name for model in catalogue.models if _may_be_at(catalogue, model, place.target)
    )
    for name in names:
        found = catalogue.resolve(name)
        offer = Offer(model=found.base if found and not found.tuned else name, provider=place.name, target=place.target)
        if _takes(catalogue, offer, report, method, now):
            yield offer


def _may_be_at(catalogue: Catalogue, model: BaseModel, target: Target) -> bool:
    """Any endpoint of OpenAI's shape may have OpenAI's models, but hardly those gone when the catalogue was written."""
    if target != "compatible":
        return True
    return model.provider == "openai" and not (model.shutdown is not None and model.shutdown <= catalogue.date)


def _takes(catalogue: Catalogue, offer: Offer, report: Report, method: Method, now: float) -> bool:
    found = catalogue.resolve(offer.model)
    if found is None or found.model is None:
        return True  # for the place that names it to judge
    if catalogue.refusal(found, method.type, now, offer.target) is not None:
        return False
    return report.format in found.model.methods.get(method.type, ())


def _line(
    catalogue: Catalogue,
    report: Report,
    method: Method,
    offer: Offer,
    runs: Sequence[PastRun],
    budget_microusd: int | None,
    now: float,
) -> EstimateLine:
    made = estimated(catalogue, offer.model, method, report, offer.target, runs)
    limits = [*limits_hit(catalogue, report, method, offer, now), *_over_budget(made, budget_microusd)]
    return EstimateLine.of(
        made,
        provider=offer.provider,
        limits=tuple(limit.text for limit in limits),
        fits=not any(limit.bars for limit in limits),
    )


def limits_hit(catalogue: Catalogue, report: Report, method: Method, offer: Offer, now: float) -> Iterator[Limit]:
    """Say which limits of the model or the provider the dataset would hit."""
    found = catalogue.resolve(offer.model)
    model = found.model if found else None
    if found is None or model is None:
        return
    if why := catalogue.refusal(found, method.type, now, offer.target):
        yield Limit(text=why.rstrip("."))
    limit = model.max_example_tokens
    if report.tokens is not None and limit is not None and report.tokens.per_example.max > limit:
        cut = report.over_limit if found.base == report.model else None
        yield Limit(text=f"{_cut(cut)} cut at {limit:,} tokens")
    if offer.target == "openai":
        yield from _openai_limits(model, report, method, now)


def _cut(number: int | None) -> str:
    return "some examples are" if not number else "1 example is" if number == 1 else f"{number:,} examples are"


def _openai_limits(model: BaseModel, report: Report, method: Method, now: float) -> Iterator[Limit]:
    if report.bytes > UPLOAD_BYTES:
        yield Limit(text="the file is above the 8 GB of an upload")
    elif report.bytes > FILE_BYTES:
        yield Limit(text="the file is above 512 MB and has to be sent in parts", bars=False)
    if method.type == "reinforcement" and report.examples > MOST_RFT_EXAMPLES:
        yield Limit(text=f"reinforcement takes at most {MOST_RFT_EXAMPLES:,} examples")
    today = datetime.fromtimestamp(now, UTC).date()
    dates = (
        (model.creation_closes, f"takes no new jobs from {model.creation_closes}"),
        (model.shutdown, f"ends it and what was tuned of it on {model.shutdown}"),
    )
    if coming := [told for day, told in dates if day is not None and day > today]:
        yield Limit(text=f"OpenAI {' and '.join(coming)}", bars=False)
    if model.access != "everyone" and model.state(now) == model.access:
        yield Limit(text=f"OpenAI tunes it {_ACCESS[model.access]}", bars=False)


_ACCESS = {"active_customers": "for organisations that use a tuned model already", "on_request": "on request only"}


def _over_budget(made: Estimate, budget_microusd: int | None) -> Iterator[Limit]:
    if budget_microusd is None or within_budget(made, budget_microusd).allowed:
        return
    upper, budget = made.upper_microusd, money.text(budget_microusd)
    told = "what it costs is not known" if upper is None else f"it may cost up to {money.text(upper)}"
    yield Limit(text=f"{told}, with a budget of {budget}")
