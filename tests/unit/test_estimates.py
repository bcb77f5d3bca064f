"""Epochs, billable tokens, cost and budgets: golden tables of the reference."""

from decimal import Decimal

import msgspec
import pytest

from service.core import money
from service.core.catalogue import Catalogue
from service.core.estimate_lines import EstimateLine, JobEstimate
from service.core.estimates import (
    BY_THE_HOUR,
    LIST_PRICE,
    NO_PRICE,
    NO_TOKENS,
    Estimate,
    Span,
    billable_per_epoch,
    default_epochs,
    epochs_of,
    estimate,
    within_budget,
)
from service.store.catalogue import load_catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


GOLDEN_EPOCHS = [(10, 10), (20, 5), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (10_000, 2), (25_000, 1)]
MORE_EPOCHS = [(1, 25), (4, 25), (5, 20), (25_001, 1), (10**9, 1)]


@pytest.mark.parametrize(("examples", "epochs"), GOLDEN_EPOCHS + MORE_EPOCHS)
def test_default_epochs(examples: int, epochs: int) -> None:
    assert default_epochs(examples) == epochs


@pytest.mark.parametrize(
    ("examples", "asked", "span"),
    [
        (10, "auto", (2, 10, 11)),
        (100, "auto", (2, 3, 4)),
        (25_000, "auto", (1, 1, 4)),
        (1, "auto", (2, 25, 25)),
        (0, "auto", (2, 25, 25)),
        (10, 7, (7, 7, 7)),
    ],
)
def test_epochs_with_their_doubt(examples: int, asked: int, span: tuple[int, int, int]) -> None:
    found = epochs_of(examples, asked)
    assert (found.low, found.expected, found.high) == span


def test_cookbook_toy_set_bills_its_golden_tokens() -> None:
    assert billable_per_epoch([45, 111, 26, 28, 8032], 4096) == 4306
    assert billable_per_epoch([45, 111, 26, 28, 8032], None) == 8242
    assert default_epochs(5) == 20


def run(catalogue: Catalogue, name: str, tokens: int | None, **more: object) -> Estimate:
    arguments = {"method": "supervised", "examples": 100, "n_epochs": "auto", **more}
    return estimate(
        model_name=name,
        model=catalogue.get(name),
        tokens_per_epoch=tokens,
        priced_at=str(catalogue.date),
        **arguments,  # pyright: ignore[reportArgumentType]
    )


COSTS = [
    ("gpt-4o-mini-2024-07-18", 1_000_000, 3, 9_000_000),
    ("gpt-4.1-2025-04-14", 437_492, 2, 21_874_600),
    ("gpt-4.1-nano-2025-04-14", 1, 1, 2),  # 1.5 micro-dollars, rounded up
    ("babbage-002", 7, 1, 3),  # 2.8
    ("gpt-3.5-turbo-0125", 10**12, 50, 400_000_000_000_000),
    ("tunewright-tiny", 437_492, 3, 0),
]


@pytest.mark.parametrize(("name", "tokens", "epochs", "micro_usd"), COSTS)
def test_given_epochs_give_one_number(
    catalogue: Catalogue, name: str, tokens: int, epochs: int, micro_usd: int
) -> None:
    found = run(catalogue, name, tokens, n_epochs=epochs)
    assert found.cost_microusd == Span(low=micro_usd, expected=micro_usd, high=micro_usd)
    assert found.billable_tokens == Span(low=tokens * epochs, expected=tokens * epochs, high=tokens * epochs)
    assert found.reason is None


def test_auto_epochs_give_a_range_and_the_wire_shows_it(catalogue: Catalogue) -> None:
    found = run(catalogue, "gpt-4o-mini-2024-07-18", 1_000_000)
    assert msgspec.to_builtins(EstimateLine.of(found)) == {
        "model": "gpt-4o-mini-2024-07-18",
        "provider": None,
        "epochs": 3,
        "billable_tokens": 3_000_000,
        "usd": 9.0,
        "usd_low": 6.0,
        "usd_high": 12.0,
        "seconds": None,
        "seconds_low": None,
        "seconds_high": None,
        "time_basis": None,
        "reason": None,
        "note": None,
        "limits": (),
        "fits": True,
    }
    job = JobEstimate.of(found)
    assert (job.usd_low, job.usd, job.usd_high) == (6.0, 9.0, 12.0)
    assert (job.epochs_low, job.epochs, job.epochs_high, job.epochs_auto) == (2, 3, 4, True)
    assert (job.priced_at, job.reason, job.note) == ("2026-11-22", None, None)


@pytest.mark.parametrize(
    ("name", "tokens", "method", "reason"),
    [
        ("gpt-4-0613", 1_000, "supervised", NO_PRICE),
        ("gpt-5", 1_000, "supervised", NO_PRICE),
        ("gpt-4o-mini-2024-07-18", None, "supervised", NO_TOKENS),
        ("o4-mini-2025-04-16", 1_000, "reinforcement", BY_THE_HOUR),
        ("gpt-4o-mini-2024-07-18", 1_000, "reinforcement", NO_PRICE),
    ],
)
def test_unknown_cost_is_null_with_a_reason_and_no_budget_holds(
    catalogue: Catalogue, name: str, tokens: int | None, method: str, reason: str
) -> None:
    found = run(catalogue, name, tokens, method=method)
    job = JobEstimate.of(found)
    assert (job.usd, job.usd_low, job.usd_high, job.reason) == (None, None, None, reason)
    verdict = within_budget(found, 10**15)
    assert not verdict.allowed
    assert verdict.reason is not None
    assert reason in verdict.reason
    assert within_budget(found, None).allowed


def test_reinforcement_limited_in_hours_has_a_cap(catalogue: Catalogue) -> None:
    found = run(catalogue, "o4-mini-2025-04-16", 1_000, method="reinforcement", max_training_hours=3)
    job = JobEstimate.of(found)
    assert (job.usd, job.usd_per_hour, job.usd_cap, job.epochs) == (None, 100.0, 300.0, None)
    assert within_budget(found, 300_000_000).allowed
    assert not within_budget(found, 299_999_999).allowed


def test_list_price_elsewhere_is_marked(catalogue: Catalogue) -> None:
    assert run(catalogue, "gpt-4o-mini-2024-07-18", 1, target="compatible").note == LIST_PRICE
    assert run(catalogue, "tunewright-tiny", 1, target="compatible").note is None


@pytest.mark.parametrize(
    ("budget", "allowed"), [(12_000_000, True), (11_999_999, False), (9_000_000, False), (0, False)]
)
def test_budget_is_held_against_the_upper_estimate(catalogue: Catalogue, budget: int, allowed: bool) -> None:
    verdict = within_budget(run(catalogue, "gpt-4o-mini-2024-07-18", 1_000_000), budget)
    assert verdict.allowed is allowed
    if not allowed:
        assert verdict.reason is not None
        assert "$12.00" in verdict.reason
        assert "n_epochs" in verdict.reason


def test_free_run_fits_a_budget_of_nothing(catalogue: Catalogue) -> None:
    assert within_budget(run(catalogue, "tunewright-tiny", 10**9), 0).allowed


@pytest.mark.parametrize(
    ("usd", "micro_usd"),
    [
        (0, 0),
        (0.1, 100_000),
        (0.3, 300_000),
        (1.1, 1_100_000),
        (2.225, 2_225_000),
        ("19.99", 19_990_000),
        (Decimal("0.0000019"), 1),
        (4.35, 4_350_000),
        (1e-7, 0),
        (1_000_000_000, 10**15),
        (999_999_999.999999, 999_999_999_999_999),
    ],
)
def test_dollars_become_micro_dollars_exactly(usd: float | str | Decimal, micro_usd: int) -> None:
    assert money.from_usd(usd) == micro_usd


@pytest.mark.parametrize("usd", [-0.01, float("nan"), float("inf"), 1_000_000_001, "ten", "", "1e400"])
def test_what_is_no_amount_is_refused(usd: float | str) -> None:
    with pytest.raises(ValueError):
        money.from_usd(usd)


@pytest.mark.parametrize("micro_usd", [0, 1, 999_999, 2_225_000, 123_456_789_012_345])
def test_money_survives_the_wire(micro_usd: int) -> None:
    assert money.from_usd(msgspec.json.decode(msgspec.json.encode(money.to_usd(micro_usd)))) == micro_usd


@pytest.mark.parametrize(
    ("micro_usd", "shown"), [(0, "$0.00"), (5_000_000, "$5.00"), (4_200, "$0.0042"), (1_500_000, "$1.50")]
)
def test_money_in_a_sentence(micro_usd: int, shown: str) -> None:
    assert money.text(micro_usd) == shown
