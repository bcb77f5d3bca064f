"""How long a run will train: from runs that ended here, else unknown."""

from collections.abc import Sequence

import msgspec

from service.core.estimates import Span
from service.core.jobs import Job

KEPT_RUNS = 20
"""Runs of one model, method and provider that are kept, the latest."""

_MOST_SECONDS = 10 * 365 * 86_400
"""Ten years: what is above is no time of a run, but a fault in a figure or in what was made of it."""

_DOUBT, _DOUBT_OF_OTHERS = 0.5, 1.0
"""One run may be off by a half; with more of them their own spread tells, and this shrinks with their number.

Of other files one may be off by as much again, however often it was run: how long a token takes depends on the shape of
the file (three runs of labels foretold 4 to 14 s for long prompts, which took 3.3; measured with `tiny`).
"""

NO_RUNS = "No earlier run of this model and method at this provider has told how long it trained."
TOO_UNLIKE = "Earlier runs were too unlike this one to tell how long it would train."
NOT_BY_TOKENS = "How long reinforcement trains does not follow from the tokens of the dataset."


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that ended well and without a break: the training file's hash, tokens trained, seconds of training."""

    dataset: str
    tokens: int
    seconds: float


class Duration(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of training, None where nothing is known; `basis` says what they stand on, or why there are none."""

    seconds: Span | None
    basis: str


def past_run(job: Job, started_at: float | None, finished_at: float | None) -> PastRun | None:
    """Return what a succeeded job teaches of the next; None where its time or tokens are not known for what they are.

    Times are the provider's own: what we saw may have been seen late. A run with a pause in it, or with options of its
    own (one slows a local run on purpose), is no measure.
    """
    start = started_at or job.remote.began_at
    if job.interrupted or job.options.provider_options or start is None or finished_at is None:
        return None
    tokens, seconds = job.trained_tokens or 0, finished_at - start
    if tokens <= 0 or not 0 < seconds <= _MOST_SECONDS:
        return None
    return PastRun(dataset=job.training.sha256, tokens=tokens, seconds=round(seconds, 3))


def duration(tokens: Span, dataset: str, runs: Sequence[PastRun]) -> Duration:
    """Tell how long `tokens` will train. Runs on the very same `dataset` go before others."""
    own = [run for run in runs if run.dataset == dataset]
    used = own or list(runs)
    if not used:
        return Duration(seconds=None, basis=NO_RUNS)
    doubt = _DOUBT / len(used) if own else _DOUBT_OF_OTHERS / len({run.dataset for run in used})
    found = _from_runs(tokens, used, 1 + doubt)
    if found.high > _MOST_SECONDS:
        return Duration(seconds=None, basis=TOO_UNLIKE)
    number = "1 earlier run" if len(used) == 1 else f"{len(used)} earlier runs"
    return Duration(seconds=found, basis=f"{number} {'of this file' if own else 'of other files'}")


def _from_runs(tokens: Span, runs: Sequence[PastRun], doubt: float) -> Span:
    """A run takes a fixed time and a time per token; what the runs leave open of these widens the range.

    By one run alone the truth lies between its own seconds (all fixed) and its seconds times the ratio of the tokens
    (nothing fixed); so it does beyond the smallest and the largest of several.
    """
    fixed, each = _fitted(runs)
    off = [run.seconds / (fixed + each * run.tokens) for run in runs]
    low = min(off) * (fixed + each * tokens.low)
    high = max(off) * (fixed + each * tokens.high)
    smallest, largest = min(runs, key=lambda run: run.tokens), max(runs, key=lambda run: run.tokens)
    for end in (tokens.low, tokens.high):
        if smallest.tokens <= end <= largest.tokens:
            continue
        near = smallest if end < smallest.tokens else largest
        bounds = (near.seconds, near.seconds * end / near.tokens)
        low, high = min(low, *bounds), max(high, *bounds)
    return _span(low / doubt, fixed + each * tokens.expected, high * doubt)


def _fitted(runs: Sequence[PastRun]) -> tuple[float, float]:
    """Return fixed seconds and seconds per token, neither below 0, with the least squares of the relative errors."""
    ones = [1 / run.seconds for run in runs]
    rates = [run.tokens / run.seconds for run in runs]
    oo, rr = sum(x * x for x in ones), sum(y * y for y in rates)
    mixed = sum(x * y for x, y in zip(ones, rates, strict=True))
    determinant = oo * rr - mixed * mixed
    if determinant > 1e-9 * oo * rr:
        fixed = (sum(ones) * rr - sum(rates) * mixed) / determinant
        each = (sum(rates) * oo - sum(ones) * mixed) / determinant
        if fixed >= 0 and each >= 0:
            return fixed, each
        if each < 0:
            return sum(ones) / oo, 0.0
    return 0.0, sum(rates) / rr


def _span(low: float, expected: float, high: float) -> Span:
    """Return whole seconds; a run takes one at least, and the range holds what is expected."""
    middle = max(1, round(expected))
    return Span(low=min(int(low), middle), expected=middle, high=max(int(high) + 1, middle))
