"""A dataset over all models: prices, limits, advice."""

from pathlib import Path

import msgspec
import pytest

from service.check.engine import check_file
from service.core.comparison import advice, compared, limits_hit
from service.core.dataset.report import Report
from service.store.catalogue import load_catalogue
from tests.check.suite.ordinary import mood, support
from tests.check.suite.planted import encoded, ordinary

CATALOGUE = load_catalogue(None)
ASKED = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def report(tmp_path: Path) -> Report:
    path = tmp_path / "data.jsonl"
    path.write_bytes(encoded(ordinary(support, 60)))
    profile = CATALOGUE.profile(ASKED, "supervised")
    assert profile is not None
    return check_file(path, profile=profile)


def test_own_model_first_then_the_cheapest(report: Report) -> None:
    lines = compared(CATALOGUE, report, "supervised")
    assert lines[0].model == ASKED
    priced = [line.usd for line in lines[1:] if line.usd is not None]
    assert priced == sorted(priced)
    names = {line.model for line in lines}
    assert {"gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14"} <= names
    assert not {name for name in names if name.startswith(("o4", "babbage", "gpt-3.5"))}
    for line in lines:
        assert line.usd is None or line.usd_low <= line.usd <= line.usd_high  # type: ignore[operator]


def test_models_of_another_method_are_left_out(report: Report) -> None:
    dpo = msgspec.structs.replace(report, format="preference", method="dpo")
    names = {line.model for line in compared(CATALOGUE, dpo, "dpo")}
    assert "gpt-4o-2024-08-06" in names
    assert names <= {ASKED} | {model.name for model in CATALOGUE.models if "dpo" in model.methods}


def test_limits(report: Report) -> None:
    model = CATALOGUE.get("gpt-4o-2024-08-06")
    assert model is not None
    assert report.tokens is not None
    longest = msgspec.structs.replace(report.tokens.per_example, max=70_000)
    tokens = msgspec.structs.replace(report.tokens, per_example=longest)
    big = msgspec.structs.replace(report, tokens=tokens, over_limit=2, bytes=600_000_000)
    assert list(limits_hit(model, big, "supervised")) == [
        "2 examples are cut at 65,536 tokens",
        "the file is above 512 MB and has to be sent in parts",
        "OpenAI takes no new jobs from 2027-01-06",
    ]
    other = next(line for line in compared(CATALOGUE, big, "supervised") if line.model == model.name)
    assert other.billable_tokens is None


def test_advice(tmp_path: Path, report: Report) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(encoded(ordinary(mood, 60)))
    profile = CATALOGUE.profile(ASKED, "supervised")
    assert profile is not None
    labels = check_file(path, profile=profile)
    labels = msgspec.structs.replace(labels, estimates=compared(CATALOGUE, labels, "supervised"))
    told = advice(labels)
    assert "as labels have: a small model will do" in told[0]
    assert "gpt-4o-mini-2024-07-18 is the cheapest" in told[0]
    assert advice(report) == ()
