"""What a dataset's shape and the estimates speak for: sentences whose reasons are figures of the report."""

from collections.abc import Iterator, Mapping, Sequence

from service.core.dataset.report import Report, Tokens
from service.core.estimate_lines import EstimateLine

_SHORT_ANSWER, _PROMPT_SHARE, _LONG_EXAMPLE = 8, 0.95, 8_000
_LEAST_KNOWN, _OFTEN = 10, 0.1
_WORTH_TELLING, _CENT = 1.5, 0.01


def advice(report: Report) -> tuple[str, ...]:
    """Say what the dataset's shape and the estimates speak for; made to be read by a person."""
    if report.tokens is None or not report.examples or not report.estimates:
        return ()
    fitting = [line for line in report.estimates if line.fits]
    own = report.estimates[0]
    return (
        *_shape(report, report.tokens),
        *_language(report.languages),
        *_fits(own, fitting),
        *_price(own, fitting),
        *_time(own, fitting),
    )


def _shape(report: Report, tokens: Tokens) -> Iterator[str]:
    if tokens.trained is not None and tokens.trained / report.examples <= _SHORT_ANSWER:
        told = f"Answers have {tokens.trained / report.examples:.1f} tokens on average, as labels have"
        yield f"{told}: try a small model before a large one."
    if tokens.trained is not None and tokens.total and 1 - tokens.trained / tokens.total >= _PROMPT_SHARE:
        share = 1 - tokens.trained / tokens.total
        yield f"{share:.0%} of the tokens are prompts, which are paid for and not learnt: shorten what repeats."
    if tokens.per_example.p95 >= _LONG_EXAMPLE:
        yield (
            f"One example in 20 has {tokens.per_example.p95:,} tokens or more: look at each model's limit before its "
            "price."
        )


def _language(languages: Mapping[str, int]) -> Iterator[str]:
    """Name the language of most answers where it is not English, or the languages of many."""
    known = sum(languages.values())
    if known < _LEAST_KNOWN:
        return
    shares = {language: number / known for language, number in languages.items() if number >= known * _OFTEN}
    usual = next(iter(shares), "")
    if len(shares) > 1:
        told = ", ".join(f"{share:.0%} {language}" for language, share in shares.items())
        yield f"Answers are in several languages ({told}): keep some of each for validation, and judge each alone."
    elif shares and usual != "English":
        yield (
            f"{shares[usual]:.0%} of the answers are in {usual}: choose a model that writes it well untuned; "
            "that is seldom the smallest."
        )


def _fits(own: EstimateLine, fitting: Sequence[EstimateLine]) -> Iterator[str]:
    if own.fits or not fitting:
        return
    others = f"{len(fitting)} others do" if len(fitting) > 1 else f"{_named(fitting[0])} does"
    yield f"{own.model} doesn't take this file as it is ({own.limits[0]}); {others}."


def _price(own: EstimateLine, fitting: Sequence[EstimateLine]) -> Iterator[str]:
    """Name the cheapest that is paid for, among those whose price is the provider's own and not another's list price.

    What this machine trains costs nothing and is another kind of model.
    """
    priced = [(line.usd, line) for line in fitting if line.usd and line.note is None]
    if not priced or own.note is not None:
        return
    least, cheapest = min(priced, key=lambda each: each[0])
    told = f"{_named(cheapest)} is the cheapest paid one that takes this file, {_dollars(least)}"
    if cheapest.model == own.model or not own.usd:
        yield f"{told}."
    elif own.usd >= _WORTH_TELLING * least:
        yield f"{told}: {own.usd / least:.1f} times less than {own.model}."


def _time(own: EstimateLine, fitting: Sequence[EstimateLine]) -> Iterator[str]:
    """Name a model that earlier runs show to be faster beyond the doubt of both figures."""
    timed = [(line.seconds_high, line) for line in fitting if line.seconds_high is not None]
    if not timed or own.seconds_low is None:
        return
    most, fastest = min(timed, key=lambda each: each[0])
    if most < own.seconds_low:
        yield (
            f"{_named(fastest)} would take {most:,} s at most by {fastest.time_basis}, {_named(own)} "
            f"{own.seconds_low:,} s at least by {own.time_basis}."
        )


def _dollars(usd: float) -> str:
    return f"about ${usd:,.2f}" if usd >= _CENT else "under $0.01"


def _named(line: EstimateLine) -> str:
    return line.model if line.provider is None else f"{line.model} at {line.provider}"
