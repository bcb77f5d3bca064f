"""A7 and A8 of reliability §3: bytes that are cut off or find no room leave nothing; callers do not share keys.

Mutations that these tests catch: `Spool.drop` not removing its file, a record written before `commit` (A7); the digest
of an Idempotency-Key without the caller (A8).
"""

import hashlib
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.runtime import Runtime
from tests.api.conftest import LINE, TINY, Api, served, settings_for

BODY = LINE * 20_000
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def api(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    with served(settings_for(redis_url, tmp_path)) as running:
        yield running


def assert_nothing_is_left(api: Api) -> None:
    assert api.http.get("/v1/files").json()["data"] == []
    assert api.http.get("/v1/datasets").json()["data"] == []
    blobs = api.settings.data_dir / "blobs"
    assert [path for path in blobs.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a7_a_dataset_that_is_cut_off_is_none(api: Api, share: float, chunked: bool) -> None:
    part = BODY[: int(len(BODY) * share)]
    head = "POST /v1/datasets?filename=a.jsonl HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if chunked:
        head += f"Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n"
    else:
        head += f"Content-Length: {len(BODY)}\r\n\r\n"
    api.abandon(head.encode() + part)
    assert_nothing_is_left(api)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`: a write then fails as on a full disk (EFBIG for ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a7_a_full_disk_keeps_nothing_and_says_so(api: Api) -> None:
    with room_for(400_000):
        answer = api.http.post("/v1/datasets", content=BODY, params={"filename": "a.jsonl"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_full")
    assert float(answer.headers["retry-after"]) >= 1
    assert_nothing_is_left(api)
    assert api.http.post("/v1/datasets", content=BODY, params={"filename": "a.jsonl"}).status_code == 200


def test_a7_a_wrong_checksum_makes_no_file(api: Api) -> None:
    announced = {"bytes": len(LINE), "filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    upload = api.http.post("/v1/uploads", json=announced).json()["id"]
    part = api.http.post(f"/v1/uploads/{upload}/parts", files={"data": ("upload", LINE)}).json()["id"]
    wrong = {"part_ids": [part], "md5": hashlib.md5(b"other").hexdigest()}
    assert api.http.post(f"/v1/uploads/{upload}/complete", json=wrong).status_code == 400
    assert api.http.get("/v1/files").json()["data"] == []


def test_a8_two_callers_with_the_same_key_are_two_jobs(api: Api) -> None:
    async def made(runtime: Runtime) -> list[str]:
        return [(await runtime.keys.create(name, time.time()))[1] for name in ("first", "second")]

    tokens = api.do(made)
    time.sleep(3.1)  # for as long the service believes that no key was made
    headers = [{"authorization": f"Bearer {token}", "idempotency-key": "same"} for token in tokens]
    file_id = api.http.post("/v1/datasets", content=LINE * 12, headers=headers[0]).json()["id"]
    body = {"model": TINY, "training_file": file_id}
    ids = [[api.http.post(JOBS, json=body, headers=mine).json()["id"] for _ in range(2)] for mine in headers]
    assert ids[0][0] == ids[0][1] != ids[1][0] == ids[1][1]
    listed = api.http.get(JOBS, headers={"authorization": f"Bearer {tokens[0]}"}).json()["data"]
    assert {job["id"] for job in listed} == {ids[0][0], ids[1][0]}
