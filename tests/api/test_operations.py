"""Health, metrics, the description of the API, models, and what happens when Redis or the disk fails."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from litestar.routes import HTTPRoute
from openapi_spec_validator import validate

from service.api.openapi_routes import SHAPES
from service.app import create_app
from service.core.models import TunedModel
from service.runtime import Runtime
from service.settings import load
from service.store.models import queue_model
from tests.api.conftest import LINE, TINY, Api, served, settings_for
from tests.conftest import RedisServer
from tests.waiting import until

REPOSITORY = Path(__file__).parents[2]
NAME = "ft:tunewright-tiny:me::abcd1234"
TUNED = TunedModel(
    name=NAME, provider="local", remote_name=NAME, base=TINY, job_id="ftjob-1", created_at=5, parent=None
)


def keep_model(api: Api) -> None:
    async def work(runtime: Runtime) -> None:
        async with runtime.redis.pipeline(transaction=True) as pipe:
            queue_model(pipe, TUNED)
            await pipe.execute()

    api.do(work)


def test_models_are_the_tunable_ones_and_the_tuned_ones(client: openai.OpenAI, api: Api) -> None:
    keep_model(api)
    models = {model.id: model for model in client.models.list()}
    assert {TINY, "gpt-4.1-mini-2025-04-14", NAME} <= set(models)
    ours = models["gpt-4.1-mini-2025-04-14"].to_dict()["tunewright"]
    assert (ours["kind"], ours["providers"], ours["prices"]["training"]) == ("base", ["openai", "other"], 5.0)
    assert models["gpt-4.1-mini-2025-04-14"].shutdown_date == "2027-01-14"
    assert models[NAME].to_dict()["tunewright"]["base"] == TINY
    assert client.models.retrieve("gpt-4.1-mini").id == "gpt-4.1-mini-2025-04-14"
    assert client.models.retrieve(NAME) == models[NAME]
    assert api.http.get("/v1/models").json()["tunewright"]["idempotency_key"] is True


def test_a_tuned_model_is_deleted(client: openai.OpenAI, api: Api) -> None:
    keep_model(api)
    assert client.models.delete(NAME).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(NAME)


def test_training_goes_on_from_a_tuned_model(api: Api) -> None:
    keep_model(api)
    job = api.job(model=NAME)
    assert (job["model"], job["tunewright"]["provider"], job["tunewright"]["parent"]) == (NAME, "local", NAME)


def test_metrics_are_prometheus_text(api: Api) -> None:
    api.job(metadata={"secret": "x"})
    for number in range(20):
        api.http.get(f"/v1/fine_tuning/jobs/ftjob-{number}")
    text = api.http.get("/metrics").text
    assert 'tunewright_jobs_accepted_total{provider="local",model_family="tunewright-tiny"} 1' in text
    assert 'tunewright_jobs{state="validating_files"} 1' in text
    assert "tunewright_exporter_up 1" in text
    routes = [line for line in text.splitlines() if "duration_seconds_count" in line and "ftjob-" in line]
    assert routes == []
    from prometheus_client.parser import text_string_to_metric_families

    assert len(list(text_string_to_metric_families(text))) > 5


def test_the_description_is_valid_complete_and_committed(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    validate(document)
    routes = [route for route in create_app(load(environ={})).routes if isinstance(route, HTTPRoute)]
    handlers = {handler.fn.__name__ for route in routes for handler in route.route_handlers}
    assert handlers - {"options_handler"} == set(SHAPES)
    done = subprocess.run([sys.executable, "-m", "openapi.generate", "--check"], cwd=REPOSITORY, check=False)
    assert done.returncode == 0


def test_the_page_for_people_needs_no_network(api: Api) -> None:
    page = api.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/v1/fine_tuning/jobs/{job_id}" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


@pytest.fixture
def own(redis_server: RedisServer, redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """An API whose Redis and folder may be broken."""
    with served(settings_for(redis_url, tmp_path / "data")) as api:
        yield api
        redis_server.start()


def failures(api: Api, file_id: str) -> list[tuple[int, float]]:
    """The status and seconds of each kind of request."""
    body = json.dumps({"model": TINY, "training_file": file_id})
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/v1/fine_tuning/jobs", {}),
        ("GET", "/v1/fine_tuning/jobs/ftjob-x", {}),
        ("POST", "/v1/fine_tuning/jobs", {"content": body}),
        ("POST", "/v1/fine_tuning/jobs", {"content": body, "headers": {"idempotency-key": "k"}}),
        ("POST", "/v1/datasets", {"content": LINE}),
        ("GET", "/health/ready", {}),
    ]
    found: list[tuple[int, float]] = []
    for method, path, rest in requests:
        answer = api.http.request(method, path, **rest)
        assert "retry-after" in answer.headers, (path, answer.text)
        found.append((answer.status_code, answer.elapsed.total_seconds()))
    return found


@pytest.mark.parametrize("fault", ["kill", "freeze", "full", "replica"])
def test_without_redis_requests_fail_fast_and_come_back(own: Api, redis_server: RedisServer, fault: str) -> None:
    file_id = own.dataset()
    with redis_server.client() as redis:
        pid = int(redis.info("server")["process_id"])
        if fault == "kill":
            redis_server.kill()
        elif fault == "freeze":
            os.kill(pid, signal.SIGSTOP)
        elif fault == "full":
            redis.config_set("maxmemory", "1")
        else:
            redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            if fault in {"kill", "freeze"}:
                found = failures(own, file_id)
                assert {status for status, _ in found} == {503}
                assert max(seconds for _, seconds in found) < 6
            else:
                answer = own.http.post("/v1/fine_tuning/jobs", json={"model": TINY, "training_file": file_id})
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
            assert own.http.get("/metrics").status_code == own.http.get("/health/live").status_code == 200
        finally:
            if fault == "freeze":
                os.kill(pid, signal.SIGCONT)
            elif fault == "full":
                redis.config_set("maxmemory", "0")
            elif fault == "replica":
                redis.execute_command("REPLICAOF", "NO", "ONE")
    redis_server.start()
    until(lambda: own.http.get("/health/ready").status_code == 200, "it is ready again")
    assert own.job(training_file=file_id)["status"] == "validating_files"


def test_a_disk_that_takes_nothing_is_unavailable_and_loses_nothing(own: Api) -> None:
    temporary = own.settings.data_dir / "blobs" / "tmp"
    temporary.rmdir()
    temporary.write_text("no folder")
    answer = own.http.post("/v1/datasets", content=LINE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unavailable")
    assert own.http.get("/health/ready").status_code == 503
    temporary.unlink()
    temporary.mkdir()
    assert own.http.get("/v1/datasets").json()["data"] == []
    assert own.http.post("/v1/datasets", content=LINE).status_code == 200
