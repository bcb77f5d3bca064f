"""Money as integer micro-dollars; exact on the way in and out."""

from decimal import ROUND_FLOOR, Decimal, InvalidOperation

MICRO = 1_000_000
_MAX_USD = 1_000_000_000


def from_usd(usd: float | Decimal | str) -> int:
    """Return micro-dollars, rounded down, so that a budget never grows.

    A float counts as the decimal that it prints as (0.1 is 0.1). Raises ValueError for what is not an amount from 0
    to 1,000,000,000 USD.
    """
    try:
        amount = Decimal(str(usd))
    except InvalidOperation as error:
        raise ValueError("not a number of dollars") from error
    if not amount.is_finite() or not 0 <= amount <= _MAX_USD:
        raise ValueError(f"an amount must lie between 0 and {_MAX_USD} dollars")
    return int((amount * MICRO).to_integral_value(ROUND_FLOOR))


def to_usd(micro_usd: int) -> float:
    """Return dollars for a JSON number; exact to the micro-dollar up to 10^9 USD."""
    return float(Decimal(micro_usd) / MICRO)


def text(micro_usd: int) -> str:
    """Return the amount for a sentence, at least two decimals: `$5.00`, `$0.0042`."""
    digits = f"{Decimal(micro_usd) / MICRO:f}"
    whole, _, fraction = digits.partition(".")
    return f"${whole}.{fraction.ljust(2, '0')}"


def cost(units: int, price_micro_usd: int, per: int = MICRO) -> int:
    """Return the price of `units` at `price_micro_usd` for each `per` of them, rounded up."""
    return -(-units * price_micro_usd // per)
