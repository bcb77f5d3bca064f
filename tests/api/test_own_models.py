"""Models of the operator's own, over HTTP: counted by their tokenizer, estimated without a price, not trained yet."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.core.catalogue import OwnModel
from service.core.outlook import NEEDS_REPORT
from service.runtime import Runtime
from service.store.tokenizers import find_tokenizer
from tests.api.conftest import TINY, Api, served, settings_for
from tests.check.trained import CHATML, folder, reference
from tests.conftest import RedisServer
from tests.workers.conftest import Bench
from tests.workers.fakes import FakeProvider

MINE, LARGER, BROKEN = "qwen2.5-0.5b", "acme/larger", "broken"
LINES = [
    {"messages": [{"role": "user", "content": f"Is {at} a number?"}, {"role": "assistant", "content": "yes"}]}
    for at in range(60)
]
CONTENT = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secret-folder")


@pytest.fixture
def api(redis_server: RedisServer, redis_url: str, place: Path, tmp_path: Path) -> Iterator[Api]:
    broken = place / "broken.json"
    broken.write_text('{"model": {"type": "BPE", "vocab": 3}}')
    models = {
        MINE: OwnModel(tokenizer=str(folder(place / "qwen", "byte_level")), max_example_tokens=2048),
        LARGER: OwnModel(tokenizer=str(place / "qwen")),
        BROKEN: OwnModel(tokenizer=str(broken)),
    }
    with served(settings_for(redis_url, tmp_path, models=models)) as running:
        yield running


def worked(api: Api) -> None:
    """Do what workers would do with what is asked of them."""

    async def work(runtime: Runtime) -> None:
        bench = Bench(runtime, FakeProvider())
        for member in await runtime.redis.zrange("tw:due", 0, -1):
            await bench.look(member.decode())

    api.do(work)


def report(api: Api, file_id: str, model: str) -> Any:
    return api.http.get(f"/v1/datasets/{file_id}/report", params={"model": model})


def tokens_of(line: dict[str, Any]) -> int:
    text = "".join(f"<|turn|>{each['role']}\n{each['content']}<|over|>\n" for each in line["messages"])
    return len(reference("byte_level").encode(text, add_special_tokens=False).ids)


def test_reports_and_estimates_count_with_the_models_own_tokenizer(api: Api, place: Path) -> None:
    file_id = api.dataset(CONTENT)
    assert report(api, file_id, MINE).status_code == 202
    worked(api)
    told = report(api, file_id, MINE).json()
    expected, name = sum(map(tokens_of, LINES)), find_tokenizer(place / "qwen").name
    assert (told["tokens"]["total"], told["tokens"]["encoding"], told["over_limit"]) == (expected, name, 0)
    assert told["checked_with"]["chat_layout"] == "the model's chat template"
    assert "byte" not in told["checked_with"]["tokenizer"]
    body = {"model": MINE, "training_file": file_id, "hyperparameters": {"n_epochs": 2}}
    answer = api.http.post("/v1/fine_tuning/estimates", json=body).json()
    own = answer["estimate"]
    assert (own["billable_tokens"], own["epochs"]) == (2 * expected, 2)
    assert (own["usd"], own["seconds"]) == (None, None)
    assert "No training price is known" in own["reason"]
    assert answer["provider"] is None
    assert answer["refusal"]["code"] == "model_not_tunable"
    assert answer["comparison"][0]["model"] == MINE
    assert answer["comparison"][0]["fits"] is False
    others = [line for line in answer["comparison"][1:] if line["model"] == "gpt-4o-mini-2024-07-18"]
    assert {(line["billable_tokens"], line["reason"]) for line in others} == {(None, NEEDS_REPORT)}
    assert str(place) not in json.dumps([told, answer])


def test_a_shipped_models_report_says_nothing_of_an_own_ones_tokens(api: Api) -> None:
    file_id = api.dataset(CONTENT, model=TINY)
    worked(api)
    estimates = report(api, file_id, TINY).json()["estimates"]
    assert not {MINE, LARGER, BROKEN} & {line["model"] for line in estimates}


def test_a_job_on_it_is_refused_before_anything_is_stored(api: Api) -> None:
    file_id = api.dataset(CONTENT)
    for asked in ({}, {"tunewright": {"provider": "local"}}, {"tunewright": {"dry_run": True}}):
        answer = api.http.post("/v1/fine_tuning/jobs", json={"model": MINE, "training_file": file_id, **asked})
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["code"], error["param"]) == ("model_not_tunable", "model")
        assert error["message"] == f"No engine here trains {MINE} yet: it can be checked and estimated."
    assert api.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_models_lists_it_with_its_encoding_and_nobody_who_trains_it(api: Api, place: Path) -> None:
    listed = {each["id"]: each["tunewright"] for each in api.http.get("/v1/models").json()["data"]}
    mine, larger = listed[MINE], api.http.get(f"/v1/models/{LARGER}").json()["tunewright"]
    assert mine["encoding"] == larger["encoding"] == find_tokenizer(place / "qwen").name
    assert (mine["providers"], mine["max_example_tokens"], mine["prices"]["training"]) == ([], 2048, None)
    assert "no engine trains it yet" in mine["notes"][0]
    assert listed[TINY]["encoding"] == "o200k_base"
    assert str(place) not in json.dumps(listed)
    assert api.http.delete(f"/v1/models/{MINE}").status_code == 403
    with api.sdk() as client:
        assert MINE in [model.id for model in client.models.list()]


def test_a_tokenizer_that_does_not_count_leaves_a_report_that_says_so(api: Api, place: Path) -> None:
    file_id = api.dataset(CONTENT, model=BROKEN)
    worked(api)
    told = report(api, file_id, BROKEN).json()
    assert (told["valid"], told["tokens"]) == (True, None)
    (finding,) = [each for each in told["warnings"] if each["code"] == "tokens_unknown"]
    assert "does not read the model's tokenizer" in finding["message"]
    assert str(place) not in json.dumps(told)


def test_a_new_tokenizer_makes_reports_anew(api: Api, place: Path, tmp_path: Path) -> None:
    file_id = api.dataset(CONTENT, model=MINE)
    worked(api)
    first = report(api, file_id, MINE).json()["tokens"]
    other = OwnModel(tokenizer=str(folder(tmp_path / "other", "unigram", CHATML)))
    changed = msgspec.structs.replace(api.settings, models={MINE: other})
    with served(changed) as again:
        assert report(again, file_id, MINE).status_code == 202
        worked(again)
        second = report(again, file_id, MINE).json()["tokens"]
    assert first["encoding"] != second["encoding"]
    assert first["total"] != second["total"]
    assert report(api, file_id, MINE).json()["tokens"] == first


PLACES = [
    "../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "qwen/tokenizer.json",
    "\0",
    "tokenizer:0123456789ab",
]


@pytest.mark.parametrize("name", PLACES)
def test_a_client_names_no_file_of_the_server(api: Api, place: Path, name: str) -> None:
    file_id = api.dataset(CONTENT)
    for asked in (name, str(place / "qwen"), str(place / "qwen/tokenizer.json")):
        answer = report(api, file_id, asked)
        if answer.status_code == 202:  # a name that some remote provider might know: judged without tokens
            worked(api)
            told = report(api, file_id, asked).json()
            assert told["tokens"] is None
            assert "no vocabulary of unknown is shipped" in json.dumps(told["warnings"])
        else:
            assert answer.status_code == 400
    body = {"model": TINY, "training_file": file_id}
    for extra in ({"tokenizer": str(place / "qwen")}, {"tunewright": {"tokenizer": str(place / "qwen")}}):
        for route in ("/v1/fine_tuning/estimates", "/v1/fine_tuning/jobs"):
            assert api.http.post(route, json={**body, **extra}).status_code == 400


def test_derived_datasets_are_cut_by_it(api: Api) -> None:
    long = {"messages": [{"role": "user", "content": "lost card " * 200}, {"role": "assistant", "content": "yes"}]}
    file_id = api.dataset(CONTENT + json.dumps(long).encode() + b"\n")
    worked(api)
    asked = {"operations": [{"type": "truncate", "model": MINE, "max_tokens": 64}]}
    answer = api.http.post(f"/v1/datasets/{file_id}/derive", json=asked)
    assert answer.status_code in (200, 202), answer.text
    made = answer.json()
    worked(api)
    worked(api)
    content = api.http.get(f"/v1/files/{(made.get('data') or [made])[0]['id']}/content").text.splitlines()
    assert len(content) == 61
    assert [tokens_of(json.loads(line)) <= 64 for line in content] == [True] * 61
    assert max(tokens_of(json.loads(line)) for line in content) > 50
