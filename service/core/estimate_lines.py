"""Estimates as they are shown: a line of a comparison, and the `estimate` of a job."""

import msgspec

from service.core import money
from service.core.estimates import Estimate, Span


class EstimateLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a run on one model at one provider would take: dollars and seconds of training expected, lowest and highest.

    Null is unknown: `reason` says why of the price, `time_basis` of the time, and else what the time stands on; `note`
    is what to know of a price. `provider` is null where no configured one trains the model. `limits` are what the
    dataset would hit; `fits` is false where one of them speaks against the model.
    """

    model: str
    provider: str | None = None
    epochs: int | None
    billable_tokens: int | None
    usd: float | None
    usd_low: float | None = None
    usd_high: float | None = None
    seconds: int | None = None
    seconds_low: int | None = None
    seconds_high: int | None = None
    time_basis: str | None = None
    reason: str | None = None
    note: str | None = None
    limits: tuple[str, ...] = ()
    fits: bool = True

    @classmethod
    def of(
        cls, estimate: Estimate, *, provider: str | None = None, limits: tuple[str, ...] = (), fits: bool = True
    ) -> "EstimateLine":
        """Show the expected values, and the doubt of price and time."""
        usd, seconds = _dollars(estimate.cost_microusd), _parts(estimate.seconds)
        return cls(
            model=estimate.model,
            provider=provider,
            epochs=_parts(estimate.epochs)[1],
            billable_tokens=_parts(estimate.billable_tokens)[1],
            usd_low=usd[0],
            usd=usd[1],
            usd_high=usd[2],
            seconds_low=seconds[0],
            seconds=seconds[1],
            seconds_high=seconds[2],
            time_basis=estimate.time_basis,
            reason=estimate.reason,
            note=estimate.note,
            limits=limits,
            fits=fits,
        )


class JobEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """A job's `tunewright.estimate`: dollars and seconds of training expected, lowest and highest.

    Null is unknown: `reason` says why of the price, `time_basis` of the time, and else what the time stands on.
    """

    model: str
    method: str
    examples: int
    epochs: int | None
    epochs_low: int | None
    epochs_high: int | None
    epochs_auto: bool
    billable_tokens: int | None
    usd: float | None
    usd_low: float | None
    usd_high: float | None
    usd_per_hour: float | None
    usd_cap: float | None
    reason: str | None
    note: str | None
    priced_at: str | None
    seconds: int | None
    seconds_low: int | None
    seconds_high: int | None
    time_basis: str | None

    @classmethod
    def of(cls, estimate: Estimate) -> "JobEstimate":
        """Show an estimate with its doubt."""
        epochs, usd, seconds = _parts(estimate.epochs), _dollars(estimate.cost_microusd), _parts(estimate.seconds)
        return cls(
            model=estimate.model,
            method=estimate.method,
            examples=estimate.examples,
            epochs_low=epochs[0],
            epochs=epochs[1],
            epochs_high=epochs[2],
            epochs_auto=estimate.epochs_auto,
            billable_tokens=_parts(estimate.billable_tokens)[1],
            usd_low=usd[0],
            usd=usd[1],
            usd_high=usd[2],
            usd_per_hour=_usd(estimate.hourly_microusd),
            usd_cap=_usd(estimate.cap_microusd),
            reason=estimate.reason,
            note=estimate.note,
            priced_at=estimate.priced_at,
            seconds_low=seconds[0],
            seconds=seconds[1],
            seconds_high=seconds[2],
            time_basis=estimate.time_basis,
        )


def _parts(span: Span | None) -> tuple[int | None, int | None, int | None]:
    return (None, None, None) if span is None else (span.low, span.expected, span.high)


def _dollars(span: Span | None) -> tuple[float | None, float | None, float | None]:
    low, expected, high = _parts(span)
    return _usd(low), _usd(expected), _usd(high)


def _usd(micro_usd: int | None) -> float | None:
    return None if micro_usd is None else money.to_usd(micro_usd)
