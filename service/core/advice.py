"""What a dataset's shape and the estimates speak for: sentences whose reasons are figures of the report."""

from collections.abc import Iterator

from service.core.dataset.report import Report

_SHORT_ANSWER, _PROMPT_SHARE, _LONG_EXAMPLE = 8, 0.95, 8_000


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
