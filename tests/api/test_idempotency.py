"""Idempotency-Key: same key, same answer, one effect."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.store.idempotency import Claim
from tests.api.conftest import LINE, TINY, Api

KEY = {"idempotency-key": "one"}
JOBS = "/v1/fine_tuning/jobs"


def test_the_first_answer_comes_again(api: Api) -> None:
    file_id = api.dataset()
    first = api.http.post(JOBS, headers=KEY, json={"model": TINY, "training_file": file_id, "seed": 1})
    # Another order of members is the same request.
    again = api.http.post(JOBS, headers=KEY, json={"seed": 1, "training_file": file_id, "model": TINY})
    quoted = api.http.post(
        JOBS, headers={"idempotency-key": '"one"'}, json={"model": TINY, "training_file": file_id, "seed": 1}
    )
    assert "idempotent-replayed" not in first.headers
    for answer in (again, quoted):
        assert (answer.status_code, answer.headers["idempotent-replayed"]) == (200, "true")
        assert answer.content == first.content
    assert len(api.http.get(JOBS).json()["data"]) == 1


def test_another_body_under_the_same_key_is_refused(api: Api) -> None:
    body: dict[str, Any] = {"model": TINY, "training_file": api.dataset()}
    api.http.post(JOBS, headers=KEY, json=body)
    other = api.http.post(JOBS, headers=KEY, json={**body, "seed": 2})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert len(api.http.get(JOBS).json()["data"]) == 1


def test_refusals_are_not_kept(api: Api) -> None:
    assert api.http.post(JOBS, headers=KEY, json={"model": TINY, "training_file": "file-x"}).status_code == 400
    assert api.http.post(JOBS, headers=KEY, json={"model": TINY, "training_file": api.dataset()}).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", '""'])
def test_a_wrong_key_is_refused(api: Api, key: str) -> None:
    body = {"model": TINY, "training_file": api.dataset()}
    assert api.http.post(JOBS, headers={"idempotency-key": key}, json=body).status_code == 400


def test_fifty_equal_requests_at_once_are_one_job(api: Api) -> None:
    body = {"model": TINY, "training_file": api.dataset()}
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: api.http.post(JOBS, headers=KEY, json=body), range(50)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 409)
    assert len(api.http.get(JOBS).json()["data"]) == 1
    assert api.http.post(JOBS, headers=KEY, json=body).status_code == 200


def test_uploads_are_compared_by_their_bytes_not_their_framing(api: Api) -> None:
    def send(content: bytes, name: str = "a.jsonl") -> Any:
        files = {"file": (name, io.BytesIO(content))}  # a new boundary each time
        return api.http.post("/v1/files", headers=KEY, data={"purpose": "fine-tune"}, files=files)

    first, again = send(LINE), send(LINE)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert send(LINE * 2).status_code == 422
    assert send(LINE, "b.jsonl").status_code == 422
    assert len(api.http.get("/v1/files").json()["data"]) == 1


def test_streams_too(api: Api) -> None:
    def send(content: bytes, **query: str) -> Any:
        return api.http.post("/v1/datasets", headers=KEY, content=content, params=query)

    first, again = send(LINE), send(LINE)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert send(LINE * 2).status_code == send(LINE, filename="b").status_code == 422


def test_a_second_upload_beside_the_first_is_a_conflict(api: Api) -> None:
    go_on, seen = threading.Event(), threading.Event()

    def slow() -> Any:
        yield LINE
        seen.set()
        go_on.wait(20)
        yield LINE

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: api.http.post("/v1/datasets", headers=KEY, content=slow()))
        seen.wait(10)
        second = api.http.post("/v1/datasets", headers=KEY, content=LINE * 2)
        while second.status_code == 200:  # the first one's head may still be on its way
            second = api.http.post("/v1/datasets", headers=KEY, content=LINE * 2)
        go_on.set()
    assert second.status_code == 409
    assert first.result().status_code == 200


CREATES = {
    "job": (JOBS, lambda api: {"json": {"model": TINY, "training_file": api.dataset()}}),
    "file": ("/v1/files", lambda api: {"files": {"file": ("a", LINE)}, "data": {"purpose": "fine-tune"}}),
    "dataset": ("/v1/datasets", lambda api: {"content": LINE}),
    "endpoint": (
        "/v1/webhook_endpoints",
        lambda api: {"json": {"event_types": ["dataset.ready"], "name": "n", "url": "https://example.com/"}},
    ),
}


@pytest.mark.parametrize("what", CREATES)
@pytest.mark.parametrize("when", ["before the guard looks", "after it has looked"])
def test_a_lost_claim_has_no_effect(api: Api, monkeypatch: pytest.MonkeyPatch, what: str, when: str) -> None:
    """What slept through its lease finds that out in the MULTI of its effect: nothing is written."""
    path, prepare = CREATES[what]
    request, before = prepare(api), api.http.get(path).json()["data"]
    guard = Claim.guard

    async def overtaken(claim: Claim, pipe: Any) -> None:
        if when == "after it has looked":
            await guard(claim, pipe)
        await claim._redis.append(claim._key, b"of another")  # pyright: ignore[reportPrivateUsage]
        if when == "before the guard looks":
            await guard(claim, pipe)

    monkeypatch.setattr(Claim, "guard", overtaken)
    answer = api.http.post(path, headers=KEY, **request)
    assert (answer.status_code, "took over" in answer.json()["error"]["message"]) == (409, True)
    assert [one["id"] for one in api.http.get(path).json()["data"] if one not in before] == []
