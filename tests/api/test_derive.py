"""Datasets made of others, over HTTP: what is asked, refused and answered."""

from typing import Any

import pytest

from service.core.prepare.operations import Dedupe, Split
from service.runtime import Runtime
from service.store.blobs import Blob
from tests.api.conftest import LINE, Api

DEDUPE = {"operations": [{"type": "dedupe"}]}


def derive(api: Api, file_id: str, body: Any, **headers: str) -> Any:
    return api.http.post(f"/v1/datasets/{file_id}/derive", json=body, headers=headers)


def test_a_derivation_answers_the_dataset_to_be(api: Api) -> None:
    source = api.dataset(filename="bank.jsonl", model="gpt-4o-mini", method="dpo")
    body = {**DEDUPE, "metadata": {"team": "a"}, "expires_after": {"anchor": "created_at", "seconds": 3600}}
    answer = derive(api, source, body)
    assert answer.status_code == 200, answer.text
    (made,) = answer.json()["data"]
    assert answer.json() == {
        "object": "list",
        "data": [made],
        "first_id": made["id"],
        "last_id": made["id"],
        "has_more": False,
    }
    assert (made["object"], made["status"], made["bytes"], made["sha256"]) == ("dataset", "checking", None, None)
    assert (made["derived_from"], made["filename"], made["metadata"]) == (source, "bank.jsonl", {"team": "a"})
    assert made["expires_at"] == made["created_at"] + 3600
    assert made["derivation"] == {"operations": [{"type": "dedupe", "by": "exact"}], "sources": [], "part": None}
    assert api.http.get(f"/v1/datasets/{made['id']}").json() == made
    assert api.http.get(f"/v1/files/{made['id']}").json()["bytes"] == 0
    pending = api.http.get(f"/v1/datasets/{made['id']}/diff")
    assert (pending.status_code, pending.json()["object"]) == (202, "dataset.diff.pending")
    assert api.http.get(f"/v1/datasets/{made['id']}/report").status_code == 202


def test_a_split_makes_two_datasets(api: Api) -> None:
    other = api.dataset()
    operations = [{"type": "merge", "datasets": [other]}, {"type": "split", "validation": 0.25, "seed": None}]
    made = derive(api, api.dataset(), {"operations": operations, "filename": "a.b.jsonl"}).json()["data"]
    assert [row["filename"] for row in made] == ["a.b.training.jsonl", "a.b.validation.jsonl"]
    assert [row["derivation"]["part"] for row in made] == ["training", "validation"]
    assert made[0]["derivation"]["sources"] == [other]
    assert made[0]["derivation"]["operations"][1] == {
        "type": "split",
        "validation": 0.25,
        "seed": 0,
        "group": "near",
        "stratify": True,
    }


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "operations"),
        ({"operations": []}, 400, "operations"),
        ({"operations": {}}, 400, "operations"),
        ({"operations": [{}]}, 400, "operations[0].type"),
        ({"operations": [{"type": "explode"}]}, 400, "operations[0].type"),
        ({"operations": [{"type": "dedupe", "near": True}]}, 400, "operations[0].near"),
        ({"operations": [{"type": "dedupe", "by": "taste"}]}, 400, "operations[0].by"),
        ({"operations": [{"type": "split"}]}, 400, "operations[0].validation"),
        ({"operations": [{"type": "split", "validation": 1.5}]}, 400, "operations[0].validation"),
        ({"operations": [{"type": "split", "validation": 1}, {"type": "clean"}]}, 400, "operations[0]"),
        ({"operations": [{"type": "sample"}]}, 400, "operations[0]"),
        ({"operations": [{"type": "truncate", "model": "no-such/model"}]}, 400, "operations[0].model"),
        ({"operations": [{"type": "merge", "datasets": ["file-none"]}]}, 400, "operations[0].datasets[0]"),
        ({"operations": [{"type": "merge", "datasets": []}]}, 400, "operations[0].datasets"),
        ({"operations": [{"type": "convert", "template": {"user": "{"}}]}, 400, "operations[0].template"),
        ({"operations": [{"type": "convert", "from": "magic"}]}, 400, "operations[0].from"),
        ({**DEDUPE, "name": "x"}, 400, "name"),
        ({**DEDUPE, "method": "magic"}, 400, "method"),
        ({**DEDUPE, "expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "expires_after.seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_path(api: Api, body: Any, status: int, param: str) -> None:
    answer = derive(api, api.dataset(), body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text
    assert len(api.http.get("/v1/datasets").json()["data"]) == 1


def test_a_dataset_that_is_not_there_can_not_be_used(api: Api) -> None:
    assert derive(api, "file-none", DEDUPE).status_code == 404
    made = derive(api, api.dataset(), DEDUPE).json()["data"][0]["id"]
    job = {"model": "tunewright-tiny", "training_file": made}
    for answer in (
        derive(api, made, DEDUPE),
        api.http.get(f"/v1/files/{made}/content"),
        api.http.post("/v1/fine_tuning/jobs", json={**job, "tunewright": {"dry_run": True}}),
        api.http.post("/v1/fine_tuning/estimates", json=job),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "dataset_not_ready"), answer.text
    assert api.http.post("/v1/fine_tuning/jobs", json=job).status_code == 200  # it waits for its dataset
    assert api.http.get(f"/v1/datasets/{api.dataset()}/diff").json()["error"]["code"] == "not_derived"


def test_equal_requests_under_one_key_make_one_dataset(api: Api) -> None:
    source = api.dataset()
    first = derive(api, source, DEDUPE, **{"Idempotency-Key": "k"})
    again = derive(api, source, DEDUPE, **{"Idempotency-Key": "k"})
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = derive(api, source, {"operations": [{"type": "clean"}]}, **{"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert len(api.http.get("/v1/datasets").json()["data"]) == 2


def test_a_deleted_output_leaves_nothing_behind(api: Api) -> None:
    made = derive(api, api.dataset(), DEDUPE).json()["data"][0]["id"]
    assert api.http.delete(f"/v1/files/{made}").json()["deleted"] is True

    async def look(runtime: Runtime) -> list[bytes]:
        return await runtime.redis.keys("tw:blob::*")

    assert api.do(look) == []


def test_the_sdk_lists_what_is_being_made(api: Api, client: Any) -> None:
    derive(api, api.dataset(LINE * 12), {"operations": [{"type": "split", "validation": 2}]})
    assert [file.bytes for file in client.files.list()] == [0, 0, len(LINE) * 12]


def test_finishing_twice_changes_nothing(api: Api) -> None:
    made = derive(api, api.dataset(), {"operations": [{"type": "split", "validation": 2}]}).json()["data"]

    async def finish(runtime: Runtime) -> list[str]:
        record = await runtime.files.get(made[0]["id"])
        assert record is not None
        assert record.derivation is not None
        assert isinstance(record.derivation.operations[0], Split)
        assert not isinstance(record.derivation.operations[0], Dedupe)
        plan = await runtime.derivations.get(record.derivation.id)
        assert plan is not None
        await runtime.derivations.finish(plan, [Blob(sha256="a" * 64, bytes=1), Blob(sha256="b" * 64, bytes=2)])
        await runtime.derivations.finish(plan, [Blob(sha256="c" * 64, bytes=3), Blob(sha256="c" * 64, bytes=3)])
        return [each.sha256[0] for each in await runtime.files.get_many(list(plan.outputs))]

    assert api.do(finish) == ["a", "b"]
