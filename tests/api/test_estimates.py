"""Estimates over HTTP: the run that is asked for, the same on other models and providers, and how long it takes."""

import json
from typing import Any

import msgspec
import pytest

from service.core.durations import NO_RUNS, PastRun
from service.runtime import Runtime
from service.store import durations
from tests.api.conftest import TINY, Api, check

ASKED, SMALL = "gpt-4.1-2025-04-14", "gpt-4o-mini-2024-07-18"
TIMES = ("seconds_low", "seconds", "seconds_high", "time_basis")


def estimate(api: Api, body: Any) -> Any:
    return api.http.post("/v1/fine_tuning/estimates", json=body)


def ran(api: Api, job_id: str, *runs: PastRun) -> None:
    """Keep what runs like this job's took, as a worker does at a job's end."""

    async def work(runtime: Runtime) -> None:
        job = await runtime.jobs.get(job_id)
        assert job is not None
        async with runtime.redis.pipeline() as pipe:
            for run in runs:
                durations.note(pipe, job, run)
            await pipe.execute()

    api.do(work)


def test_an_estimate_compares_all_models_and_providers(api: Api) -> None:
    file_id = api.dataset(model=ASKED)
    body = {"model": ASKED, "training_file": file_id}
    assert estimate(api, body).json()["comparison"] == []
    check(api, file_id)
    told = estimate(api, body).json()
    first, *others = told["comparison"]
    assert (first["model"], first["provider"]) == (ASKED, told["provider"]) == (ASKED, "openai")
    own = told["estimate"]
    for member in ("billable_tokens", "epochs", "usd", "usd_low", "usd_high", *TIMES):
        assert first[member] == own[member], member
    assert {(SMALL, "openai"), (TINY, "local"), ("acme/llama-9", "other")} <= {
        (line["model"], line["provider"]) for line in others
    }
    assert any(SMALL in sentence for sentence in told["advice"])
    report = api.http.get(f"/v1/datasets/{file_id}/report").json()
    assert report["estimates"] == told["comparison"]
    assert report["advice"] == told["advice"]


def test_the_budget_and_the_epochs_asked_for_count_in_the_comparison(api: Api) -> None:
    file_id = api.dataset(model=ASKED)
    check(api, file_id)
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    asked = {"model": ASKED, "training_file": file_id, "method": method, "tunewright": {"budget_usd": 0.1}}
    told = estimate(api, asked).json()["comparison"]
    assert {line["epochs"] for line in told} == {2}
    assert {line["fits"] for line in told if line["usd"] is None or line["usd_high"] > 0.1} == {False}
    assert all(line["fits"] for line in told if line["model"] == TINY)


def test_how_long_it_takes_is_known_from_earlier_runs_alone(api: Api) -> None:
    file_id = api.dataset(model=TINY)
    check(api, file_id)
    body = {"model": TINY, "training_file": file_id, "hyperparameters": {"n_epochs": 3}}
    unknown = estimate(api, body).json()["estimate"]
    assert [unknown[name] for name in TIMES] == [None, None, None, NO_RUNS]
    job = api.job(training_file=file_id)
    sha256 = job["tunewright"]["reproduce"]["training_sha256"]
    ran(api, job["id"], *[PastRun(dataset=sha256, tokens=36_000, seconds=90.0)] * 2)
    told = estimate(api, body).json()
    known = told["estimate"]
    assert (known["seconds"], known["time_basis"]) == (90, "2 earlier runs of this file")
    assert known["seconds_low"] < 90 < known["seconds_high"]
    assert [line["seconds"] for line in told["comparison"] if line["model"] != TINY].count(None) > 0
    assert all(line["seconds"] is None for line in told["comparison"] if line["model"] != TINY)
    dry = api.http.post("/v1/fine_tuning/jobs", json={**body, "tunewright": {"dry_run": True}}).json()
    assert dry["tunewright"]["estimate"] == known
    page = api.http.get(f"/v1/datasets/{file_id}/report", params={"format": "markdown"}).text
    assert "by 2 earlier runs of this file" in page


def test_runs_beyond_the_latest_are_forgotten(api: Api) -> None:
    job = api.job()
    ran(api, job["id"], *[PastRun(dataset="a", tokens=number, seconds=1.0) for number in range(1, 31)])

    async def kept(runtime: Runtime) -> list[int]:
        found = await runtime.durations.read([("local", TINY)], "supervised")
        return [run.tokens for run in found["local", TINY]]

    assert api.do(kept) == list(range(30, 10, -1))


def test_absurd_times_of_earlier_runs_make_no_absurd_answer(api: Api) -> None:
    file_id = api.dataset(model=TINY)
    check(api, file_id)
    job = api.job(training_file=file_id)
    ran(api, job["id"], PastRun(dataset="a", tokens=1, seconds=3e8), PastRun(dataset="b", tokens=2**62, seconds=0.001))
    answer = estimate(api, {"model": TINY, "training_file": file_id})
    assert answer.status_code == 200
    assert answer.json()["estimate"]["seconds"] is None


NAMES = [
    "",
    "\0",
    "ft:",
    "ft:gpt-4o-mini-2024-07-18:o::x",
    "a" * 5_000,
    "../x",
    "<script>",
    "\u202e",
    "*",
    "tw:durations:x",
]


@pytest.mark.parametrize("model", NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("provider", [None, "other", "none"])
def test_no_model_name_breaks_an_estimate(api: Api, model: str, provider: str | None) -> None:
    body = {"model": model, "training_file": api.dataset(), "tunewright": {"provider": provider}}
    answer = estimate(api, body)
    assert answer.status_code in (200, 202, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["error"]["message"]


def test_the_answer_is_the_documented_one(api: Api) -> None:
    described = json.loads(api.http.get("/openapi.json").content)
    file_id = api.dataset(model=ASKED)
    check(api, file_id)
    told = estimate(api, {"model": ASKED, "training_file": file_id}).json()
    schemas = described["components"]["schemas"]
    for name, shown in (
        ("EstimateOut", told),
        ("JobEstimate", told["estimate"]),
        ("EstimateLine", told["comparison"][0]),
    ):
        assert set(schemas[name]["properties"]) == set(shown), name
    assert msgspec.json.encode(told)
