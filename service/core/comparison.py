"""A dataset over all models that can be tuned on it: what each would cost, which limits it would hit, which to try."""

from collections.abc import Iterator

from service.core.catalogue import BaseModel, Catalogue, Method
from service.core.dataset.report import Report
from service.core.estimates import EstimateLine, estimate

FILE_BYTES, UPLOAD_BYTES = 512_000_000, 8_000_000_000
"""OpenAI's limits of a file, and of an upload in parts."""

MOST_RFT_EXAMPLES = 50_000
_SHORT_ANSWER, _PROMPT_SHARE, _LONG_EXAMPLE = 8, 0.95, 8_000


def compared(catalogue: Catalogue, report: Report, method: Method) -> tuple[EstimateLine, ...]:
    """Return a line for the report's own model, then one for each other that takes its form and method, cheapest first.

    Models that were gone or closed when the catalogue was written are left out. Tokens of another encoding are unknown.
    """
    asked = catalogue.resolve(report.model)
    own = asked.model if asked else None
    others = [
        _line(catalogue, model.name, model, report, method)
        for model in catalogue.models
        if model is not own
        and report.format in model.methods.get(method, ())
        and not any(day is not None and day <= catalogue.date for day in (model.shutdown, model.creation_closes))
    ]
    others.sort(key=lambda line: (line.usd is None, line.usd, line.model))
    return (_line(catalogue, report.model, own, report, method), *others)


def _line(catalogue: Catalogue, name: str, model: BaseModel | None, report: Report, method: Method) -> EstimateLine:
    tokens, limits = report.tokens, tuple(limits_hit(model, report, method))
    encoding = catalogue.resolve(name)
    known = tokens is not None and encoding is not None and encoding.encoding == tokens.encoding
    found = estimate(
        model_name=name,
        model=model,
        method=method,
        examples=report.examples,
        tokens_per_epoch=_billable(name, model, report) if known else None,
        priced_at=catalogue.date.isoformat(),
    )
    return EstimateLine.of(found, limits)


def _billable(name: str, model: BaseModel | None, report: Report) -> int | None:
    """Return the tokens of an epoch, None where another limit than the report's cuts them."""
    tokens = report.tokens
    if tokens is None or name == report.model:
        return None if tokens is None else tokens.billable
    limit = model.max_example_tokens if model else None
    return tokens.total if limit is None or tokens.per_example.max <= limit else None


def limits_hit(model: BaseModel | None, report: Report, method: Method) -> Iterator[str]:
    """Say which limits of the model or the provider the dataset would hit."""
    limit = model.max_example_tokens if model else None
    if report.tokens is not None and limit is not None and report.tokens.per_example.max > limit:
        number = f"{report.over_limit:,} examples are" if report.over_limit else "some examples are"
        yield f"{number} cut at {limit:,} tokens"
    if model is not None and model.provider == "openai":
        if report.bytes > UPLOAD_BYTES:
            yield "the file is above the 8 GB of an upload"
        elif report.bytes > FILE_BYTES:
            yield "the file is above 512 MB and has to be sent in parts"
        if method == "reinforcement" and report.examples > MOST_RFT_EXAMPLES:
            yield f"reinforcement takes at most {MOST_RFT_EXAMPLES:,} examples"
        if model.creation_closes is not None:
            yield f"OpenAI takes no new jobs from {model.creation_closes}"


def advice(report: Report) -> tuple[str, ...]:
    """Say what the dataset's shape and the estimates speak for; made to be read by a person."""
    return tuple(_advice(report))


def _advice(report: Report) -> Iterator[str]:
    tokens = report.tokens
    if tokens is None or not report.examples:
        return
    priced = [line for line in report.estimates if line.usd is not None and line.usd > 0]
    cheapest = min(priced, key=lambda line: line.usd or 0, default=None)
    if tokens.trained is not None and tokens.trained / report.examples <= _SHORT_ANSWER:
        told = f"Answers have {tokens.trained / report.examples:.1f} tokens on average, as labels have: a small model"
        yield f"{told} will do{'' if cheapest is None else f'; {cheapest.model} is the cheapest'}."
    if tokens.trained is not None and tokens.total and 1 - tokens.trained / tokens.total >= _PROMPT_SHARE:
        share = 1 - tokens.trained / tokens.total
        yield f"{share:.0%} of the tokens are prompts, which are paid for and not learnt: shorten what repeats."
    if tokens.per_example.p95 >= _LONG_EXAMPLE:
        yield "Examples are long: look at each model's limit before its price."
