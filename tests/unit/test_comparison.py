"""A dataset over all models and providers: prices, times, limits, advice."""

from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from service.check.engine import check_file
from service.core.advice import advice
from service.core.comparison import Offer, compared, limits_hit, offers
from service.core.dataset.report import Report
from service.core.durations import NO_RUNS, NOT_BY_TOKENS, PastRun
from service.core.estimate_lines import EstimateLine
from service.core.estimates import LIST_PRICE
from service.core.jobs import Hyperparameters, Method
from service.core.outlook import NEEDS_REPORT, NO_ENCODING
from service.core.placement import Place
from service.store.catalogue import load_catalogue
from tests.check.suite.languages import tongues
from tests.check.suite.ordinary import japanese, mood, support
from tests.check.suite.planted import encoded, ordinary

CATALOGUE = load_catalogue(None)
ASKED, OTHER, SMALL, TINY = "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "tunewright-tiny"
NOW = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
CLOSED = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
SUPERVISED = Method(hyperparameters=Hyperparameters(n_epochs=3))
LOCAL = Place(name="local", target="local")
OPENAI = Place(name="openai", target="openai")
NAMED = Place(name="acme", target="compatible", models=("acme/llama-9", SMALL))


def checked(tmp_path: Path, kind: object = support) -> Report:
    path = tmp_path / "data.jsonl"
    path.write_bytes(encoded(ordinary(kind, 60)))  # type: ignore[arg-type]
    profile = CATALOGUE.profile(ASKED, "supervised")
    assert profile is not None
    return check_file(path, profile=profile)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return checked(tmp_path)


def lines_of(
    report: Report,
    *places: Place,
    method: Method = SUPERVISED,
    now: float = NOW,
    past: dict[Offer, list[PastRun]] | None = None,
    budget: int | None = None,
    own: Offer | None = None,
) -> tuple[EstimateLine, ...]:
    offered = offers(CATALOGUE, report, method, places=places, now=now, own=own)
    return compared(CATALOGUE, report, method, offered, now=now, past=past, budget_microusd=budget)


def with_longest(report: Report, tokens: int) -> Report:
    assert report.tokens is not None
    longest = msgspec.structs.replace(report.tokens.per_example, max=tokens)
    return msgspec.structs.replace(report, tokens=msgspec.structs.replace(report.tokens, per_example=longest))


def test_own_model_first_then_the_cheapest(report: Report) -> None:
    lines = lines_of(report)
    assert lines[0].model == ASKED
    priced = [line.usd for line in lines[1:] if line.usd is not None]
    assert priced == sorted(priced)
    names = {line.model for line in lines}
    assert {SMALL, "gpt-4.1-2025-04-14"} <= names
    assert not {name for name in names if name.startswith(("o4", "babbage", "gpt-3.5"))}
    for line in lines:
        assert line.provider is None
        assert line.usd is None or line.usd_low <= line.usd <= line.usd_high  # type: ignore[operator]


def test_each_provider_that_takes_the_file_has_its_line(report: Report) -> None:
    lines = lines_of(report, LOCAL, NAMED, OPENAI)
    places = {(line.model, line.provider) for line in lines}
    assert {(ASKED, "openai"), (TINY, "local"), ("acme/llama-9", "acme"), (SMALL, "acme"), (SMALL, "openai")} <= places
    assert len(places) == len(lines)
    assert (lines[0].model, lines[0].provider) == (ASKED, "openai")
    assert (TINY, None) not in places
    assert (ASKED, "acme") not in places
    unknown = next(line for line in lines if line.model == "acme/llama-9")
    assert (unknown.usd, unknown.reason, unknown.time_basis) == (None, NO_ENCODING, NO_ENCODING)


def test_the_lines_of_a_model_and_of_an_estimate_are_one_computation(report: Report) -> None:
    own = Offer(model=SMALL, provider="acme", target="compatible")
    first = lines_of(report, OPENAI, NAMED, own=own)[0]
    again = next(line for line in lines_of(report, OPENAI, NAMED) if (line.model, line.provider) == (SMALL, "acme"))
    assert first == again


def test_what_no_one_tunes_any_more_is_left_out_unless_asked_for(report: Report) -> None:
    lines = lines_of(report, OPENAI, LOCAL, now=CLOSED)
    assert [(line.model, line.fits) for line in lines] == [(ASKED, False), (TINY, True)]
    assert lines[0].limits


def test_models_of_another_method_are_left_out(report: Report) -> None:
    dpo = msgspec.structs.replace(report, format="preference", method="dpo")
    names = {line.model for line in lines_of(dpo, method=Method(type="dpo"))}
    assert OTHER in names
    assert names <= {ASKED} | {model.name for model in CATALOGUE.models if "dpo" in model.methods}


def test_without_tokens_there_is_nothing_to_compare(report: Report) -> None:
    bare = msgspec.structs.replace(report, tokens=None)
    (line,) = lines_of(bare, OPENAI, LOCAL)
    assert (line.model, line.usd, line.seconds) == (ASKED, None, None)
    assert line.reason == line.time_basis is not None
    assert advice(msgspec.structs.replace(bare, estimates=(line,))) == ()


def test_limits(report: Report) -> None:
    big = msgspec.structs.replace(with_longest(report, 70_000), over_limit=2, bytes=600_000_000)
    offer = Offer(model=OTHER, provider=None, target="openai")
    hit = list(limits_hit(CATALOGUE, big, SUPERVISED, offer, NOW))
    assert [(limit.text, limit.bars) for limit in hit][:2] == [
        ("some examples are cut at 65,536 tokens", True),
        ("the file is above 512 MB and has to be sent in parts", False),
    ]
    model = CATALOGUE.get(OTHER)
    assert model is not None
    assert (model.creation_closes, model.shutdown) == (date(2027, 1, 6), date(2027, 1, 14))
    assert any("takes no new jobs from 2027-01-06" in limit.text and not limit.bars for limit in hit)
    lines = lines_of(big)
    assert lines[0].limits[0] == "2 examples are cut at 65,536 tokens"
    other = next(line for line in lines if line.model == OTHER)
    assert (other.billable_tokens, other.usd, other.reason) == (None, None, NEEDS_REPORT)
    elsewhere = Offer(model=OTHER, provider="acme", target="compatible")
    assert len(list(limits_hit(CATALOGUE, big, SUPERVISED, elsewhere, NOW))) == 1


def test_a_budget_speaks_against_what_may_cost_more(report: Report) -> None:
    free, *_ = lines_of(report, LOCAL, budget=0, own=Offer(model=TINY, provider="local", target="local"))
    assert free.fits
    paid, *_ = lines_of(report, OPENAI, budget=0)
    assert not paid.fits
    assert "with a budget of $0.00" in paid.limits[-1]


def test_time_comes_from_earlier_runs_at_that_provider_alone(report: Report) -> None:
    assert report.tokens is not None
    ran = PastRun(dataset=report.sha256, tokens=3 * report.tokens.billable, seconds=100.0)
    lines = lines_of(report, LOCAL, OPENAI, past={Offer(model=TINY, provider="local", target="local"): [ran]})
    told = {line.model: line for line in lines}
    timed = told[TINY]
    assert (timed.seconds, timed.time_basis) == (100, "1 earlier run of this file")
    assert timed.seconds_low is not None
    assert timed.seconds_high is not None
    assert timed.seconds_low < 100 < timed.seconds_high
    assert (told[ASKED].seconds, told[ASKED].seconds_low, told[ASKED].time_basis) == (None, None, NO_RUNS)


def test_reinforcement_has_no_time(report: Report) -> None:
    graded = msgspec.structs.replace(report, format="reinforcement", method="reinforcement")
    (line, *_) = lines_of(graded, OPENAI, method=Method(type="reinforcement"))
    assert (line.seconds, line.time_basis) == (None, NOT_BY_TOKENS)


def advised(report: Report, *lines: EstimateLine) -> tuple[str, ...]:
    return advice(msgspec.structs.replace(report, estimates=lines))


def line(model: str, usd: float | None = None, **members: object) -> EstimateLine:
    return EstimateLine(model=model, epochs=3, billable_tokens=1_000, usd=usd, **members)  # type: ignore[arg-type]


def test_advice_on_shape(tmp_path: Path, report: Report) -> None:
    labels = checked(tmp_path, mood)
    told = advised(labels, *lines_of(labels))
    assert "as labels have: try a small model before a large one" in told[0]
    assert any(each.startswith(f"{SMALL} is the cheapest paid one that takes this file, ") for each in told)
    assert advised(report, line(ASKED)) == ()


def test_advice_on_languages(tmp_path: Path, report: Report) -> None:
    mixed = checked(tmp_path, tongues)
    assert mixed.languages == {"English": 15, "French": 15, "German": 15}
    (told, *_) = advised(mixed, line(ASKED))
    assert told.startswith("Answers are in several languages (33% English, 33% French, ")
    (told,) = advised(checked(tmp_path, japanese), line(ASKED))
    assert told.startswith("100% of the answers are in Japanese: choose a model that writes it well untuned")
    assert report.languages == {"English": 60}
    few = msgspec.structs.replace(report, languages={"Polish": 9})
    assert advised(few, line(ASKED)) == advised(report, line(ASKED)) == ()


def test_advice_on_price(report: Report) -> None:
    free, dear, cheap = line("free", 0.0), line("dear", 12.0), line("cheap", 4.0, provider="acme")
    listed = line("listed", 1.0, note=LIST_PRICE)
    told = "cheap at acme is the cheapest paid one that takes this file, about $4.00"
    assert advised(report, dear, cheap, free, listed) == (f"{told}: 3.0 times less than dear.",)
    assert advised(report, free, dear, cheap) == (f"{told}.",)
    assert advised(report, line("near", 4.5), cheap) == ()
    assert "about" not in advised(report, line("few", 0.004))[0]
    unfit = line("unfit", 1.0, fits=False, limits=("2 examples are cut",))
    assert advised(report, dear, cheap, unfit) == (f"{told}: 3.0 times less than dear.",)
    assert advised(report, unfit, dear) == ("unfit doesn't take this file as it is (2 examples are cut); dear does.",)


def test_advice_on_time_only_beyond_the_doubt(report: Report) -> None:
    def timed(model: str, low: int, high: int) -> EstimateLine:
        seconds = (low + high) // 2
        return line(
            model, seconds_low=low, seconds=seconds, seconds_high=high, time_basis="2 earlier runs of this file"
        )

    slow, fast, near = timed("slow", 100, 200), timed("fast", 20, 40), timed("near", 60, 120)
    assert advised(report, slow, near) == ()
    by = "by 2 earlier runs of this file"
    assert advised(report, slow, near, fast) == (f"fast would take 40 s at most {by}, slow 100 s at least {by}.",)
