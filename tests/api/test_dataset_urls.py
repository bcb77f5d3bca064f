"""`POST /v1/datasets` with `{"url"}`: the wish is stored; and what a dataset without content is good for."""

from typing import Any

import httpx2
import msgspec
import pytest

from service.core.files import FileRecord
from service.runtime import Runtime
from tests.api.conftest import LINE, TINY, Api

URL = "https://data.example/sets/train%20set.jsonl?X-Signature=abc"


def post(api: Api, body: Any, query: str = "", **headers: str) -> httpx2.Response:
    return api.http.post(f"/v1/datasets{query}", json=body, headers=headers)


def wished(api: Api, **body: Any) -> dict[str, Any]:
    answer = post(api, {"url": URL, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_wish_is_stored_and_the_dataset_is_checking(api: Api) -> None:
    made = wished(api, metadata={"run": "one"}, method="dpo", model=TINY, sha256="A" * 64)
    assert made["object"] == "dataset"
    assert (made["status"], made["bytes"], made["sha256"], made["report"]) == ("checking", None, None, None)
    assert made["filename"] == "train set.jsonl"
    assert made["source"] == "https://data.example/sets/train%20set.jsonl"
    assert made["metadata"] == {"run": "one"}
    assert api.http.get(f"/v1/datasets/{made['id']}").json() == made
    assert api.http.get("/v1/datasets").json()["data"] == [made]

    async def stored(runtime: Runtime) -> Any:
        is_due = await runtime.redis.zscore("tw:due", f"dataset:{made['id']}")
        return await runtime.sources.wish(made["id"]), await runtime.files.get(made["id"]), is_due

    wish, record, is_due = api.do(stored)
    assert (wish.url, wish.sha256, wish.tries) == (URL, "a" * 64, 0)
    assert (record.asked_model, record.asked_method, is_due is not None) == (TINY, "dpo", True)
    with api.sdk() as client:
        assert (client.files.retrieve(made["id"]).status, client.files.list().data[0].bytes) == ("uploaded", 0)


def test_the_query_counts_too_and_the_body_wins(api: Api) -> None:
    made = post(api, {"url": URL, "expires_after": {"anchor": "created_at", "seconds": 7200}}, "?filename=q.jsonl")
    assert made.json()["filename"] == "q.jsonl"
    assert made.json()["expires_at"] == made.json()["created_at"] + 7200
    assert post(api, {"url": URL, "filename": "../b.jsonl"}, "?filename=q.jsonl").json()["filename"] == "b.jsonl"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "http://data.example/x"}, "url"),
        ({"url": "https://127.0.0.1/x"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "s3://bucket/x"}, "url"),
        ({"url": URL, "sha256": "abc"}, "sha256"),
        ({"url": URL, "method": "magic"}, "method"),
        ({"url": URL, "model": ""}, "model"),
        ({"url": URL, "metadata": {"a": 1}}, "metadata[...]"),
        ({"url": URL, "expires_after": {"anchor": "created_at", "seconds": 1}}, "expires_after.seconds"),
        ({"url": URL, "headers": {}}, "headers"),
        ([], None),
        ("x", None),
    ],
)
def test_a_wrong_wish_is_refused(api: Api, body: Any, param: str | None) -> None:
    answer = post(api, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert api.http.get("/v1/datasets").json()["data"] == []


def test_idempotency(api: Api) -> None:
    key = {"idempotency-key": "one"}
    first = post(api, {"url": URL, "filename": "a"}, **key)
    again = post(api, {"filename": "a", "url": URL}, **key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert post(api, {"url": URL}, **key).status_code == 422
    assert post(api, {"url": URL, "filename": "a"}, "?model=tunewright-tiny", **key).status_code == 422
    assert len(api.http.get("/v1/datasets").json()["data"]) == 1


def test_before_its_content_is_here(api: Api) -> None:
    file_id, other = wished(api)["id"], api.dataset()
    content = api.http.get(f"/v1/files/{file_id}/content")
    assert (content.status_code, content.json()["error"]["code"]) == (400, "dataset_not_ready")
    report = api.http.get(f"/v1/datasets/{file_id}/report")
    assert (report.status_code, report.headers["retry-after"]) == (202, "1")
    assert api.http.get(f"/v1/datasets/{other}/report?validation={file_id}").status_code == 400
    asked = {"model": TINY, "training_file": other, "validation_file": file_id}
    assert api.http.post("/v1/fine_tuning/estimates", json=asked).status_code == 400
    dry = {**asked, "tunewright": {"dry_run": True}}
    assert api.http.post("/v1/fine_tuning/jobs", json=dry).status_code == 400
    job = api.job(training_file=file_id)
    assert (job["status"], job["tunewright"]["reproduce"]["training_sha256"]) == ("validating_files", None)
    assert api.http.delete(f"/v1/files/{file_id}").status_code == 200


def test_where_fetching_failed(api: Api) -> None:
    file_id = wished(api)["id"]

    def failed(old: FileRecord) -> FileRecord:
        return msgspec.structs.replace(
            old, status="error", status_details="The source was not fetched. It answers 404."
        )

    api.do(lambda runtime: runtime.files.finish_check(file_id, failed))
    dataset = api.http.get(f"/v1/datasets/{file_id}").json()
    assert (dataset["status"], dataset["status_details"]) == ("rejected", "The source was not fetched. It answers 404.")
    for path in (f"/v1/datasets/{file_id}/report", f"/v1/files/{file_id}/content"):
        answer = api.http.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "dataset_not_made")
        assert "404" in answer.json()["error"]["message"]


def test_lines_as_json_are_told_apart(api: Api) -> None:
    headers = {"content-type": "application/json"}
    assert api.http.post("/v1/datasets", content=LINE * 3, headers=headers).status_code == 400
