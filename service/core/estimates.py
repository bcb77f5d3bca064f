"""What a run will take: epochs, billable tokens and cost, before anything is sent."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from service.core import money
from service.core.catalogue import BaseModel, Method, Target

# The default rule of the OpenAI cookbook, examples/Chat_finetuning_data_prep.ipynb.
TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MIN_DEFAULT_EPOCHS = 1
MAX_DEFAULT_EPOCHS = 25

AUTO_DOUBT_EPOCHS = 1
"""Public job dumps show 3 epochs on small sets where the rule gives more: the doubt spans rule and target, and this."""

NO_TOKENS = "The tokens of this dataset could not be counted."
NO_PRICE = "No training price is known for this model; your catalogue file or its table in [models] can give one."
BY_THE_HOUR = "Reinforcement training is billed by the hour and cannot be estimated before the run."
LIST_PRICE = "OpenAI's list price; this endpoint may charge otherwise."


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its doubt; the three are equal where there is none."""

    low: int
    expected: int
    high: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is expected to take; money in micro-dollars, None where unknown, with `reason` saying why.

    `cap_microusd` is the most that a run limited in hours can cost, the only bound for a run billed by time.
    `seconds` are those of training, waiting left out; `time_basis` says what they stand on, or why they are None.
    """

    model: str
    method: str
    examples: int
    epochs: Span | None = None
    epochs_auto: bool = False
    billable_tokens: Span | None = None
    cost_microusd: Span | None = None
    hourly_microusd: int | None = None
    cap_microusd: int | None = None
    reason: str | None = None
    note: str | None = None
    priced_at: str | None = None
    seconds: Span | None = None
    time_basis: str | None = None

    @property
    def upper_microusd(self) -> int | None:
        """The most that the run should cost, or None where nothing bounds it."""
        return self.cost_microusd.high if self.cost_microusd is not None else self.cap_microusd


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a run may start under its budget, and if not, why."""

    allowed: bool
    reason: str | None = None


def default_epochs(examples: int) -> int:
    """Return what "auto" stands for by the cookbook's rule; `examples` is at least 1."""
    if examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // examples)
    if examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(MIN_DEFAULT_EPOCHS, MAX_TARGET_EXAMPLES // examples)
    return TARGET_EPOCHS


def epochs_of(examples: int, asked: int | Literal["auto"]) -> Span:
    """Return the epochs of a run: those asked for, or the rule's with its doubt."""
    if asked != "auto":
        return Span(low=asked, expected=asked, high=asked)
    rule = default_epochs(max(1, examples))
    low = min(rule, TARGET_EPOCHS) - AUTO_DOUBT_EPOCHS
    high = max(rule, TARGET_EPOCHS) + AUTO_DOUBT_EPOCHS
    return Span(low=max(MIN_DEFAULT_EPOCHS, low), expected=rule, high=min(MAX_DEFAULT_EPOCHS, high))


def billable_per_epoch(example_tokens: Iterable[int], limit: int | None) -> int:
    """Sum the tokens of each example as the trainer cuts it at `limit`."""
    return sum(example_tokens) if limit is None else sum(min(tokens, limit) for tokens in example_tokens)


def estimate(
    *,
    model_name: str,
    model: BaseModel | None,
    method: Method,
    examples: int,
    tokens_per_epoch: int | None,
    n_epochs: int | Literal["auto"] = "auto",
    target: Target = "openai",
    max_training_hours: int | None = None,
    priced_at: str | None = None,
) -> Estimate:
    """Estimate a run on `examples` examples of `tokens_per_epoch` billable tokens in all (None: uncounted).

    `model` is the base model's catalogue entry, None where the catalogue lacks it. Validation tokens are not billed by
    OpenAI and do not count. `priced_at` is the date of the prices.
    """
    if method == "reinforcement":
        return _by_the_hour(model_name, model, examples, max_training_hours, priced_at)
    epochs = epochs_of(examples, n_epochs)
    tokens = _times(epochs, tokens_per_epoch)
    price = model.prices.training if model else None
    priced = price == 0 or (tokens is not None and price is not None)
    return Estimate(
        model=model_name,
        method=method,
        examples=examples,
        epochs=epochs,
        epochs_auto=n_epochs == "auto",
        billable_tokens=tokens,
        cost_microusd=_priced(tokens, price),
        reason=None if priced else NO_TOKENS if tokens is None else NO_PRICE,
        note=LIST_PRICE if price and target == "compatible" else None,
        priced_at=priced_at if priced else None,
    )


def within_budget(found: Estimate, budget_microusd: int | None) -> Verdict:
    """Allow a run whose upper estimate is not above its budget; refuse what nothing bounds. No budget allows all."""
    if budget_microusd is None:
        return Verdict(allowed=True)
    budget, upper = money.text(budget_microusd), found.upper_microusd
    if upper is None:
        return Verdict(allowed=False, reason=f"The budget of {budget} can't be kept: {found.reason or NO_PRICE}")
    if upper <= budget_microusd:
        return Verdict(allowed=True)
    hint = " Set n_epochs to narrow the estimate." if found.epochs_auto else ""
    return Verdict(
        allowed=False, reason=f"The run may cost up to {money.text(upper)}, above the budget of {budget}.{hint}"
    )


def _by_the_hour(
    model_name: str, model: BaseModel | None, examples: int, max_hours: int | None, priced_at: str | None
) -> Estimate:
    price = model.prices.training_hour if model else None
    return Estimate(
        model=model_name,
        method="reinforcement",
        examples=examples,
        cost_microusd=Span(low=0, expected=0, high=0) if price == 0 else None,
        hourly_microusd=price,
        cap_microusd=None if price is None or max_hours is None else price * max_hours,
        reason=NO_PRICE if price is None else BY_THE_HOUR if price else None,
        priced_at=None if price is None else priced_at,
    )


def _times(epochs: Span, per_epoch: int | None) -> Span | None:
    if per_epoch is None:
        return None
    return Span(low=epochs.low * per_epoch, expected=epochs.expected * per_epoch, high=epochs.high * per_epoch)


def _priced(tokens: Span | None, price: int | None) -> Span | None:
    if price == 0:
        return Span(low=0, expected=0, high=0)
    if tokens is None or price is None:
        return None
    low, expected, high = (money.cost(count, price) for count in (tokens.low, tokens.expected, tokens.high))
    return Span(low=low, expected=expected, high=high)
