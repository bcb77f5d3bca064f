"""Jobs through the unmodified SDK with strict validation, and the members that it does not know over raw HTTP."""

import threading
from typing import Any

import openai
import pytest

from service.runtime import Runtime
from tests.api.conftest import LINE, TINY, Api, check, failed, moved


def test_a_job_is_created_as_openai_shows_it(client: openai.OpenAI, api: Api) -> None:
    job = client.fine_tuning.jobs.create(
        model=TINY,
        training_file=api.dataset(),
        validation_file=api.dataset(LINE),
        suffix="demo",
        seed=7,
        metadata={"run": "x+y"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": "auto"}}},
        integrations=[{"type": "wandb", "wandb": {"project": "p", "tags": ["a"]}}],
    )
    assert (job.status, job.model, job.seed, job.error, job.result_files) == ("validating_files", TINY, 7, None, [])
    assert job.hyperparameters.n_epochs == 3
    assert job.method is not None
    assert job.method.supervised is not None
    assert client.fine_tuning.jobs.retrieve(job.id) == job
    ours = job.to_dict()["tunewright"]
    assert (ours["provider"], ours["stage"], ours["suffix"], ours["lint"]) == ("local", "checking", "demo", None)
    assert len(ours["reproduce"]["training_sha256"]) == 64


@pytest.mark.parametrize(
    "method",
    [
        {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": "auto"}}},
        {"type": "dpo"},
        {"type": "supervised", "supervised": None},
    ],
)
def test_each_method_passes_strict_validation(client: openai.OpenAI, api: Api, method: Any) -> None:
    job = client.fine_tuning.jobs.create(model=TINY, training_file=api.dataset(), method=method)
    assert job.method is not None
    assert job.method.type == method["type"]


def test_reinforcement_passes_strict_validation(client: openai.OpenAI, api: Api) -> None:
    grader: Any = {"type": "string_check", "name": "g", "input": "a", "reference": "b", "operation": "eq"}
    job = client.fine_tuning.jobs.create(
        model="acme/llama-9",
        training_file=api.dataset(),
        method={"type": "reinforcement", "reinforcement": {"grader": grader}},
    )
    assert job.to_dict()["tunewright"]["provider"] == "other"


def test_null_is_as_good_as_absent(api: Api) -> None:
    optional = (
        "validation_file",
        "suffix",
        "seed",
        "method",
        "hyperparameters",
        "integrations",
        "metadata",
        "tunewright",
    )
    job = api.job(**dict.fromkeys(optional))
    assert job["hyperparameters"] == {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    extras = ("provider", "budget_usd", "webhook_url", "priority", "dry_run", "provider_options")
    assert api.job(tunewright=dict.fromkeys(extras))["tunewright"]["provider"] == "local"
    numbers = {"n_epochs": None, "batch_size": None, "learning_rate_multiplier": None}
    assert api.job(hyperparameters=numbers)["hyperparameters"]["n_epochs"] == "auto"


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"training_file": None}, "training_file"),
        ({"training_file": "file-unknown"}, "training_file"),
        ({"training_file": "../../x\0"}, "training_file"),
        ({"validation_file": "file-unknown"}, "validation_file"),
        ({"suffix": ""}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"suffix": "my:suffix"}, "suffix"),
        ({"suffix": "a/b"}, "suffix"),
        ({"suffix": "a\nb"}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {}}, "method.type"),
        ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}}, "method.dpo.hyperparameters.beta"),
        ({"method": {"type": "supervised", "supervised": {"x": 1}}}, "method.supervised.x"),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader"),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"input": "{{ items.answer }}"}}}},
            "method.reinforcement.grader",
        ),
        ({"method": {"type": "dpo"}, "hyperparameters": {"n_epochs": 1}}, "hyperparameters"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": "3"}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
        ({"hyperparameters": {"beta": 0.1}}, "hyperparameters.beta"),
        ({"metadata": {"k": 1}}, "metadata[...]"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {str(n): "v" for n in range(17)}}, "metadata"),
        ({"integrations": [{"type": "other"}]}, "integrations[0].type"),
        ({"n_epochs": 3}, "n_epochs"),
        ({"tunewright": {"colour": "red"}}, "tunewright.colour"),
        ({"tunewright": {"provider": "nobody"}}, "tunewright.provider"),
        ({"tunewright": {"budget_usd": -1}}, "tunewright.budget_usd"),
        ({"tunewright": {"webhook_url": "ftp://x"}}, "tunewright.webhook_url"),
        ({"tunewright": {"webhook_url": "http://169.254.169.254/"}}, "tunewright.webhook_url"),
        ({"model": "no-such-model"}, "model"),
        ({"model": "gpt-3.5-turbo-0613"}, "model"),
        ({"model": "ft:tunewright-tiny:me:x:gone1234"}, "model"),
        ({"model": TINY, "tunewright": {"provider": "openai"}}, "model"),
    ],
)
def test_a_wrong_member_is_refused_with_its_path(api: Api, members: dict[str, Any], param: str) -> None:
    body = {"model": TINY, "training_file": api.dataset(), **members}
    answer = api.http.post("/v1/fine_tuning/jobs", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param), error
    assert api.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_a_number_given_as_a_string_is_told_what_is_expected(api: Api) -> None:
    body = {"model": TINY, "training_file": api.dataset(), "hyperparameters": {"n_epochs": "3"}}
    message = api.http.post("/v1/fine_tuning/jobs", json=body).json()["error"]["message"]
    assert "must be a whole number or \"auto\", not the string '3'" in message
    body = {**body, "hyperparameters": None, "method": {"type": "magic"}}
    message = api.http.post("/v1/fine_tuning/jobs", json=body).json()["error"]["message"]
    assert 'must be "dpo", "reinforcement" or "supervised"' in message


def test_a_model_goes_to_the_provider_that_trains_it(api: Api) -> None:
    file_id = api.dataset()
    placed = {
        TINY: "local",
        "gpt-4.1-mini-2025-04-14": "openai",
        "gpt-4.1-mini": "openai",
        "acme/llama-9": "other",
        "ft:gpt-4o-mini-2024-07-18:acme::abc123": "openai",
    }
    found = {model: api.job(model=model, training_file=file_id) for model in placed}
    assert {model: job["tunewright"]["provider"] for model, job in found.items()} == placed
    assert found["gpt-4.1-mini"]["model"] == "gpt-4.1-mini-2025-04-14"
    explicit = api.job(model="gpt-4.1-mini", training_file=file_id, tunewright={"provider": "other"})
    assert explicit["tunewright"]["provider"] == "other"
    assert api.job(model="unheard-of", training_file=file_id, tunewright={"provider": "other"})["model"] == "unheard-of"


def test_jobs_are_listed_newest_first_and_by_metadata(client: openai.OpenAI, api: Api) -> None:
    file_id = api.dataset()
    tagged = [api.job(training_file=file_id, metadata={"run": "x+y", "n": str(n)})["id"] for n in range(3)]
    plain = api.job(training_file=file_id)["id"]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == [plain, *tagged[::-1]]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"run": "x+y"}, limit=1)] == tagged[::-1]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"run": "x+y", "n": "1"})] == [tagged[1]]
    assert list(client.fine_tuning.jobs.list(metadata={"run": "x"})) == []
    none = client.fine_tuning.jobs.list(extra_query={"metadata": "null"})
    assert [job.id for job in none] == [plain]


def test_pause_resume_cancel(api: Api) -> None:
    job_id = api.job()["id"]
    with api.sdk(_strict_response_validation=False) as client:
        jobs = client.fine_tuning.jobs
        assert jobs.pause(job_id).status == "paused"
        assert jobs.resume(job_id).status == "validating_files"
        assert jobs.cancel(job_id).status == "cancelled"
        for move in (jobs.pause, jobs.resume, jobs.cancel):
            with pytest.raises(openai.BadRequestError):
                move(job_id)
            with pytest.raises(openai.NotFoundError):
                move("ftjob-unknown")


def test_prefer_wait_holds_the_answer_until_the_end(api: Api) -> None:
    job_id = api.job()["id"]
    timer = threading.Timer(0.3, moved, (api, job_id, failed))
    timer.start()
    answer = api.http.get(f"/v1/fine_tuning/jobs/{job_id}", headers={"prefer": "wait=20"})
    timer.join()
    assert answer.json()["status"] == "failed"
    assert answer.json()["error"] == {"code": "server_error", "message": "broken", "param": None}
    assert (answer.headers["preference-applied"], answer.elapsed.total_seconds() < 15) == ("wait=20", True)
    short = api.http.get(f"/v1/fine_tuning/jobs/{api.job()['id']}", headers={"prefer": "respond-async, wait=1"})
    assert short.json()["status"] == "validating_files"
    assert short.elapsed.total_seconds() > 0.9


def test_a_failed_job_is_tried_again(api: Api) -> None:
    old = api.job(seed=5, suffix="again", metadata={"a": "b"})
    path = f"/v1/fine_tuning/jobs/{old['id']}/retry"
    assert api.http.post(path).status_code == 400
    moved(api, old["id"], failed)
    first = api.http.post(path, headers={"idempotency-key": "k"})
    again = api.http.post(path, headers={"idempotency-key": "k"})
    new = first.json()
    assert (new["status"], new["seed"], new["metadata"], new["error"]) == ("validating_files", 5, {"a": "b"}, None)
    assert (new["tunewright"]["parent"], new["tunewright"]["suffix"]) == (old["id"], "again")
    assert (again.json(), again.headers["idempotent-replayed"]) == (new, "true")
    assert len(api.http.get("/v1/fine_tuning/jobs").json()["data"]) == 2


def test_a_dry_run_shows_what_would_come_of_it(api: Api) -> None:
    file_id = api.dataset(model="gpt-4.1-mini-2025-04-14")
    body = {"model": "gpt-4.1-mini-2025-04-14", "training_file": file_id, "tunewright": {"dry_run": True}}
    waiting = api.http.post("/v1/fine_tuning/jobs", json=body)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    check(api, file_id)
    shown = api.http.post("/v1/fine_tuning/jobs", json=body)
    ours = shown.json()["tunewright"]
    assert (shown.status_code, shown.json()["status"], ours["dry_run"]) == (200, "queued", True)
    assert ours["estimate"]["usd"] > 0
    body["tunewright"]["budget_usd"] = 0.000_001
    refused = api.http.post("/v1/fine_tuning/jobs", json=body).json()
    assert (refused["status"], refused["error"]["code"]) == ("failed", "budget_exceeded")
    assert api.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_an_estimate_creates_nothing_and_needs_no_provider(api: Api) -> None:
    file_id = api.dataset(model="gpt-4.1-2025-04-14")
    body = {"model": "gpt-4.1-2025-04-14", "training_file": file_id, "tunewright": {"budget_usd": 0.01}}
    assert api.http.post("/v1/fine_tuning/estimates", json=body).status_code == 202
    check(api, file_id)
    answer = api.http.post("/v1/fine_tuning/estimates", json=body).json()
    assert (answer["object"], answer["provider"]) == ("fine_tuning.estimate", "openai")
    assert answer["estimate"]["usd"] == pytest.approx(answer["estimate"]["billable_tokens"] * 25 / 1_000_000)
    assert answer["refusal"]["code"] == "budget_exceeded"
    assert api.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_a_deleted_file_leaves_its_jobs_their_bytes(api: Api) -> None:
    file_id = api.dataset()
    job = api.job(training_file=file_id)
    api.http.delete(f"/v1/files/{file_id}")

    async def owners(runtime: Runtime) -> set[str]:
        return await runtime.files.refs.owners(job["tunewright"]["reproduce"]["training_sha256"])

    assert api.do(owners) == {job["id"]}
    moved(api, job["id"], failed)
    assert api.do(owners) == set()
