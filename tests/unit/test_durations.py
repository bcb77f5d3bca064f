"""How long a run will train, told from runs that ended."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.durations import NO_RUNS, TOO_UNLIKE, PastRun, duration, past_run
from service.core.estimates import Span
from service.core.jobs import Hyperparameters, Input, Job, Method, Options, Remote

JOB = Job(
    id="ftjob-1",
    created_at=1,
    model="m",
    requested_model="m",
    provider="p",
    method=Method(),
    training=Input(file_id="file-1", sha256="a" * 64, bytes=1, filename="t.jsonl"),
    seed=1,
    hyperparameters=Hyperparameters(),
    trained_tokens=6_000,
)


def span(low: int, expected: int, high: int) -> Span:
    return Span(low=low, expected=expected, high=high)


def run(tokens: int, seconds: float, dataset: str = "other") -> PastRun:
    return PastRun(dataset=dataset, tokens=tokens, seconds=seconds)


def told(tokens: Span, *runs: PastRun, dataset: str = "own") -> Span:
    found = duration(tokens, dataset, runs).seconds
    assert found is not None
    return found


def test_nothing_is_told_without_runs() -> None:
    found = duration(span(1, 1, 1), "own", ())
    assert (found.seconds, found.basis) == (None, NO_RUNS)


def test_the_same_again_takes_as_long() -> None:
    assert told(span(1_000, 1_000, 1_000), *[run(1_000, 50.0)] * 3).expected == 50


def test_a_fixed_start_is_told_from_the_time_for_each_token() -> None:
    runs = [run(tokens, 30 + tokens / 100, "own") for tokens in (1_000, 4_000, 10_000)]
    found = told(span(7_000, 7_000, 7_000), *runs)
    assert found.expected == 100
    assert found.low >= 80
    assert found.high <= 120


def test_one_run_leaves_open_what_part_of_it_was_fixed() -> None:
    found = told(span(10_000, 10_000, 10_000), run(1_000, 60.0))
    assert found.low <= 60
    assert found.high >= 600


def test_more_runs_narrow_the_range() -> None:
    few, many = (told(span(1_000, 1_000, 1_000), *[run(1_000, 100.0, "own")] * number) for number in (1, 10))
    assert many.high - many.low < few.high - few.low


def test_one_other_file_run_often_tells_no_more_of_this_one() -> None:
    one, often = (told(span(1_000, 1_000, 1_000), *[run(1_000, 100.0)] * number) for number in (1, 10))
    several = told(span(1_000, 1_000, 1_000), *[run(1_000, 100.0, f"file {number}") for number in range(10)])
    assert (one.low, one.high) == (often.low, often.high)
    assert one.low <= 50 < several.low
    assert several.high < 200 <= one.high


def test_runs_of_the_same_file_go_first() -> None:
    runs = (run(1_000, 10.0), run(1_000, 500.0, dataset="own"))
    found = duration(span(1_000, 1_000, 1_000), "own", runs)
    assert found.basis == "1 earlier run of this file"
    assert found.seconds is not None
    assert found.seconds.expected == 500
    assert duration(span(1, 1, 1), "third", runs).basis == "2 earlier runs of other files"


def test_what_is_too_far_from_earlier_runs_is_not_told() -> None:
    found = duration(span(10**13, 10**13, 10**13), "own", [run(1, 10**8)])
    assert (found.seconds, found.basis) == (None, TOO_UNLIKE)


@given(
    st.lists(st.tuples(st.integers(1, 10**18), st.floats(0.001, 3 * 10**8)), min_size=1, max_size=20),
    st.integers(0, 10**13),
    st.integers(1, 25),
)
def test_any_runs_give_a_range_in_order_or_none(runs: list[tuple[int, float]], per_epoch: int, epochs: int) -> None:
    tokens = span(per_epoch, per_epoch * epochs, per_epoch * (epochs + 1))
    found = duration(tokens, "own", [run(*each) for each in runs])
    if found.seconds is None:
        assert found.basis == TOO_UNLIKE
    else:
        assert 0 <= found.seconds.low <= found.seconds.expected <= found.seconds.high < 10**9
        assert found.seconds.expected >= 1


def test_a_run_teaches_by_the_providers_own_times() -> None:
    assert past_run(JOB, 100.0, 160.0) == PastRun(dataset="a" * 64, tokens=6_000, seconds=60.0)
    began = msgspec.structs.replace(JOB, remote=Remote(began_at=130.0))
    assert past_run(began, None, 160.0) == PastRun(dataset="a" * 64, tokens=6_000, seconds=30.0)


@pytest.mark.parametrize(
    ("changes", "started", "finished"),
    [
        ({"started_at": 100}, None, 160.0),
        ({}, 100.0, None),
        ({}, 100.0, 100.0),
        ({}, 100.0, 99.0),
        ({}, 100.0, 1e300),
        ({}, float("nan"), 160.0),
        ({"trained_tokens": None}, 100.0, 160.0),
        ({"trained_tokens": 0}, 100.0, 160.0),
        ({"interrupted": True}, 100.0, 160.0),
        ({"options": Options(provider_options={"throttle": 1})}, 100.0, 160.0),
    ],
    ids=[
        "seen late",
        "no end",
        "no time",
        "backwards",
        "endless",
        "no number",
        "no tokens",
        "zero tokens",
        "interrupted",
        "slowed",
    ],
)
def test_what_is_not_known_for_what_it_is_teaches_nothing(
    changes: dict[str, object], started: float | None, finished: float | None
) -> None:
    assert past_run(msgspec.structs.replace(JOB, **changes), started, finished) is None
