"""`/v1/uploads` through the unmodified SDK, and what a client in error or in bad faith would send."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types import Upload

from service.api import upload_completion
from service.core.uploads import MAX_PART_BYTES
from service.runtime import Runtime
from service.store import keys
from tests.api.conftest import LINE, Api

PARTS = (LINE * 3, LINE * 2, b'{"odd": "bytes\xff"}\n')
CONTENT = b"".join(PARTS)
UPLOADS = "/v1/uploads"


def begin(api: Api, size: int = len(CONTENT), **members: Any) -> Any:
    asked = {"bytes": size, "filename": "big.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune", **members}
    return api.http.post(UPLOADS, json={name: value for name, value in asked.items() if value is not ...})


def send(api: Api, upload_id: str, data: bytes, **headers: str) -> httpx2.Response:
    return api.http.post(f"{UPLOADS}/{upload_id}/parts", files={"data": ("upload", data)}, headers=headers)


def begun(api: Api, parts: tuple[bytes, ...] = PARTS, size: int = len(CONTENT)) -> tuple[str, list[str]]:
    upload_id = begin(api, size).json()["id"]
    return upload_id, [send(api, upload_id, part).json()["id"] for part in parts]


def complete(api: Api, upload_id: str, part_ids: Any, **members: Any) -> httpx2.Response:
    return api.http.post(f"{UPLOADS}/{upload_id}/complete", json={"part_ids": part_ids, **members})


def error(answer: httpx2.Response) -> tuple[int, str | None, str | None]:
    return answer.status_code, answer.json()["error"]["param"], answer.json()["error"]["code"]


def staged(api: Api, upload_id: str) -> list[Path]:
    return list((api.settings.data_dir / "blobs" / "uploads").glob(f"{upload_id}.*"))


def test_the_four_calls_of_the_sdk(client: openai.OpenAI, api: Api) -> None:
    upload = client.uploads.create(
        bytes=len(CONTENT),
        filename="big.jsonl",
        mime_type="text/jsonl",
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 7200},
    )
    assert (upload.object, upload.status, upload.file, upload.bytes) == ("upload", "pending", None, len(CONTENT))
    assert upload.expires_at == upload.created_at + 3600
    # In another order than that of the file: `complete` decides.
    last, first, middle = (client.uploads.parts.create(upload.id, data=part) for part in (PARTS[2], *PARTS[:2]))
    assert (first.object, first.upload_id) == ("upload.part", upload.id)
    done = client.uploads.complete(
        upload.id, part_ids=[first.id, middle.id, last.id], md5=hashlib.md5(CONTENT).hexdigest().upper()
    )
    assert done.status == "completed"
    assert done.file is not None
    assert done.file == client.files.retrieve(done.file.id)
    assert done.file.expires_at == done.file.created_at + 7200
    assert client.files.content(done.file.id).read() == CONTENT
    dataset = api.http.get(f"/v1/datasets/{done.file.id}").json()
    assert (dataset["sha256"], dataset["status"]) == (hashlib.sha256(CONTENT).hexdigest(), "checking")
    cancelled = client.uploads.create(bytes=1, filename="x", mime_type="text/jsonl", purpose="fine-tune")
    assert client.uploads.cancel(cancelled.id).status == "cancelled"


def test_upload_file_chunked(client: openai.OpenAI, tmp_path: Path) -> None:
    content = os.urandom(24_000_000)
    (tmp_path / "big.jsonl").write_bytes(content)
    done: Upload = client.uploads.upload_file_chunked(
        file=tmp_path / "big.jsonl", mime_type="text/jsonl", purpose="fine-tune", part_size=5_000_000
    )
    assert done.file is not None
    assert (done.file.filename, done.file.bytes) == ("big.jsonl", len(content))
    with client.files.with_streaming_response.content(done.file.id) as answer:
        found = hashlib.sha256()
        for chunk in answer.iter_bytes():
            found.update(chunk)
    assert found.digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"size": 0}, "bytes"),
        ({"size": -1}, "bytes"),
        ({"size": (8 << 30) + 1}, "bytes"),
        ({"bytes": "100"}, "bytes"),
        ({"bytes": None}, "bytes"),
        ({"bytes": ...}, "bytes"),
        ({"filename": ""}, "filename"),
        ({"filename": ...}, "filename"),
        ({"mime_type": ...}, "mime_type"),
        ({"mime_type": "image/png"}, "mime_type"),
        ({"mime_type": "jsonl"}, "mime_type"),
        ({"mime_type": "text/\njsonl"}, "mime_type"),
        ({"purpose": "assistants"}, "purpose"),
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"purpose": ...}, "purpose"),
        ({"expires_after": {"anchor": "now", "seconds": 7200}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "created_at", "seconds": 60}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "created_at", "seconds": -7200}}, "expires_after.seconds"),
        ({"parts": 3}, "parts"),
    ],
)
def test_what_is_announced_wrongly_is_refused(api: Api, members: dict[str, Any], param: str) -> None:
    status, found, _ = error(begin(api, **members))
    assert (status, found) == (400, param)


def test_the_largest_upload_may_be_announced(api: Api) -> None:
    assert begin(api, 8 << 30).status_code == 200


@pytest.mark.parametrize("call", ["parts", "complete", "cancel"])
@pytest.mark.parametrize("upload_id", ["upload_unknown", "file-x", "a:b", "%00", "x" * 300, "*"])
def test_an_unknown_upload_is_not_found(api: Api, call: str, upload_id: str) -> None:
    body: dict[str, Any] = {"json": {"part_ids": ["part_x"]}} if call == "complete" else {}
    if call == "parts":
        body = {"files": {"data": ("upload", b"x")}}
    answer = api.http.post(f"{UPLOADS}/{upload_id}/{call}", **body)
    assert error(answer) == (404, "upload_id", "upload_not_found")


def _names(ids: list[str]) -> dict[str, Any]:
    one, two, three = ids
    return {
        "none": [],
        "missing": [one, two],
        "unknown": [one, two, "part_unknown"],
        "hostile": [one, two, "../" * 400],
        "repeated": [one, two, two],
        "too many": [one, two, three, one],
        "no ids": [1, 2, 3],
        "no list": "x",
        "null": None,
    }


@pytest.mark.parametrize("case", list(_names(["", "", ""])))
def test_wrong_part_ids_are_refused_and_the_upload_stays_open(api: Api, case: str) -> None:
    upload_id, ids = begun(api)
    answer = complete(api, upload_id, _names(ids)[case])
    assert error(answer)[:2] in {(400, "part_ids"), (400, "part_ids[0]"), (400, "part_ids[...]")}, answer.text
    assert api.http.get("/v1/files").json()["data"] == []
    done = complete(api, upload_id, ids, md5=None)
    assert (done.status_code, done.json()["file"]["bytes"]) == (200, len(CONTENT))


def test_parts_of_another_upload_are_foreign(api: Api) -> None:
    upload_id, ids = begun(api)
    _, others = begun(api)
    assert error(complete(api, upload_id, [*ids[:2], others[2]])) == (400, "part_ids", "invalid_part_ids")


@pytest.mark.parametrize("extra", [-1, 1])
def test_the_parts_must_make_up_what_was_announced(api: Api, extra: int) -> None:
    upload_id, ids = begun(api, size=len(CONTENT) + extra)
    assert error(complete(api, upload_id, ids)) == (400, "part_ids", "upload_size_mismatch")


@pytest.mark.parametrize(
    ("md5", "code"),
    [
        ("0" * 32, "md5_mismatch"),
        ("0" * 31, None),
        ("zz" * 16, None),
        ("", None),
        (hashlib.md5(b"").hexdigest(), "md5_mismatch"),
    ],
)
def test_a_wrong_md5_is_refused_and_the_upload_stays_open(api: Api, md5: str, code: str | None) -> None:
    upload_id, ids = begun(api)
    assert error(complete(api, upload_id, ids, md5=md5)) == (400, "md5", code)
    assert api.http.get("/v1/files").json()["data"] == []
    assert not any((api.settings.data_dir / "blobs" / "tmp").iterdir())
    assert complete(api, upload_id, ids, md5=hashlib.md5(CONTENT).hexdigest()).status_code == 200


def test_another_order_is_another_file(api: Api) -> None:
    upload_id, ids = begun(api)
    done = complete(api, upload_id, ids[::-1]).json()
    assert api.http.get(f"/v1/files/{done['file']['id']}/content").content == b"".join(PARTS[::-1])


@pytest.mark.parametrize("data", [b"", b"x" * (MAX_PART_BYTES + 1)])
def test_a_part_is_neither_empty_nor_too_large(api: Api, data: bytes) -> None:
    upload_id = begin(api, 200_000_000).json()["id"]
    try:
        answer = send(api, upload_id, data)
    except httpx2.HTTPError:  # it was still sending when it was refused
        assert data
    else:
        assert error(answer)[:2] == ((413, "data") if data else (400, "data"))
    assert staged(api, upload_id) == []


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"file": ("upload", b"x")}},
        {"data": {"purpose": "fine-tune"}, "files": {"x": b""}},
        {"files": [("data", ("a", b"x")), ("data", ("b", b"y"))]},
        {"content": b"garbage", "headers": {"content-type": "multipart/form-data; boundary=b"}},
    ],
)
def test_a_form_without_one_part_is_refused(api: Api, body: dict[str, Any]) -> None:
    upload_id = begin(api).json()["id"]
    assert api.http.post(f"{UPLOADS}/{upload_id}/parts", **body).status_code == 400
    assert staged(api, upload_id) == []


def test_parts_have_room_for_twice_the_file_and_a_part(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.core.uploads.MAX_PART_BYTES", 0)
    upload_id, _ = begun(api, (CONTENT, CONTENT))
    assert error(send(api, upload_id, b"x")) == (400, "data", "upload_too_large")
    monkeypatch.setattr("service.core.uploads.MAX_PARTS", 2)
    assert error(send(api, upload_id, b"x")) == (400, "data", "too_many_parts")
    assert len(staged(api, upload_id)) == 2


def _completed(api: Api, upload_id: str, ids: list[str]) -> None:
    assert complete(api, upload_id, ids).status_code == 200


def _cancelled(api: Api, upload_id: str, ids: list[str]) -> None:
    assert api.http.post(f"{UPLOADS}/{upload_id}/cancel").status_code == 200


def _expired(api: Api, upload_id: str, ids: list[str]) -> None:
    async def work(runtime: Runtime) -> None:
        raw = await runtime.redis.get(keys.upload(upload_id))
        await runtime.redis.set(keys.upload(upload_id), raw.replace(b'"created_at":', b'"created_at":-'))

    api.do(work)


@pytest.mark.parametrize(
    ("end", "code"),
    [(_completed, "upload_completed"), (_cancelled, "upload_cancelled"), (_expired, "upload_expired")],
)
def test_an_ended_upload_takes_nothing_more(api: Api, end: Callable[..., None], code: str) -> None:
    upload_id, ids = begun(api)
    end(api, upload_id, ids)
    before = len(staged(api, upload_id))
    assert error(send(api, upload_id, b"x")) == (400, None, code)
    assert error(complete(api, upload_id, ids[::-1])) == (400, None, code)
    if end is not _cancelled:
        assert error(api.http.post(f"{UPLOADS}/{upload_id}/cancel")) == (400, None, code)
    assert len(staged(api, upload_id)) == before
    assert len(api.http.get("/v1/files").json()["data"]) == (end is _completed)


def test_the_same_call_again_gets_the_same_file(api: Api) -> None:
    upload_id, ids = begun(api)
    first = complete(api, upload_id, ids)
    # As the SDK does after a lost answer: it sends no Idempotency-Key.
    assert complete(api, upload_id, ids).json() == first.json()
    other, _ = begun(api)
    cancelled = api.http.post(f"{UPLOADS}/{other}/cancel")
    assert api.http.post(f"{UPLOADS}/{other}/cancel").json() == cancelled.json()
    assert len(api.http.get("/v1/files").json()["data"]) == 1


def test_completed_ten_times_at_once_it_is_one_file(api: Api) -> None:
    upload_id, ids = begun(api)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: complete(api, upload_id, ids), range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(api.http.get("/v1/files").json()["data"]) == 1


def test_of_different_ends_at_once_one_wins(api: Api) -> None:
    for _ in range(5):
        upload_id, ids = begun(api)
        calls = [
            lambda u=upload_id, i=ids: complete(api, u, i),
            lambda u=upload_id, i=ids: complete(api, u, i[::-1]),
            lambda u=upload_id: api.http.post(f"{UPLOADS}/{u}/cancel"),
        ]
        with ThreadPoolExecutor(3) as pool:
            answers = [future.result() for future in [pool.submit(call) for call in calls]]
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400]


def test_a_call_that_waits_too_long_is_told_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_completion, "_WAIT_S", 0.0)
    upload_id, ids = begun(api)
    api.do(lambda runtime: runtime.uploads.lease(upload_id).take())
    answer = complete(api, upload_id, ids)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")


def test_parts_at_the_same_time(api: Api) -> None:
    parts = [f"{number}\n".encode() * 50_000 for number in range(16)]
    upload_id = begin(api, sum(map(len, parts))).json()["id"]
    with ThreadPoolExecutor(8) as pool:
        ids = [answer.json()["id"] for answer in pool.map(lambda part: send(api, upload_id, part), parts)]
    done = complete(api, upload_id, ids).json()
    assert api.http.get(f"/v1/files/{done['file']['id']}/content").content == b"".join(parts)


def test_idempotency_keys(api: Api) -> None:
    def keyed(path: str, key: str, **body: Any) -> httpx2.Response:
        return api.http.post(f"{UPLOADS}{path}", headers={"idempotency-key": key}, **body)

    asked = {"bytes": 2, "filename": "a", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    first = keyed("", "k", json=asked)
    upload_id = first.json()["id"]
    assert keyed("", "k", json=asked).content == first.content
    assert keyed("", "k", json={**asked, "bytes": 3}).status_code == 422
    part = keyed(f"/{upload_id}/parts", "k", files={"data": ("a", b"{}")})
    again = keyed(f"/{upload_id}/parts", "k", files={"data": ("b", b"{}")})
    assert (again.content, again.headers["idempotent-replayed"]) == (part.content, "true")
    assert keyed(f"/{upload_id}/parts", "k", files={"data": ("a", b"[]")}).status_code == 422
    assert len(staged(api, upload_id)) == 1
    body = {"part_ids": [part.json()["id"]]}
    done = keyed(f"/{upload_id}/complete", "k", json=body)
    again = keyed(f"/{upload_id}/complete", "k", json=body)
    assert (again.content, again.headers["idempotent-replayed"]) == (done.content, "true")
    assert keyed(f"/{upload_id}/parts", "k", files={"data": ("b", b"{}")}).content == part.content


def test_a_client_that_goes_away_leaves_no_part(api: Api) -> None:
    upload_id = begin(api, 10_000_000).json()["id"]
    head = (
        f"POST {UPLOADS}/{upload_id}/parts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n"
        'Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name="data"; '
        'filename="upload"\r\n\r\n'
    )
    api.abandon(head.encode() + b"x" * 5_000_000)
    assert not any((api.settings.data_dir / "blobs" / "tmp").iterdir())
    assert staged(api, upload_id) == []


def test_nothing_of_it_stays_in_redis_for_ever(api: Api) -> None:
    begun(api)

    async def lives(runtime: Runtime) -> list[int]:
        return [await runtime.redis.ttl(key) async for key in runtime.redis.scan_iter(match="tw:upload:*")]

    found = api.do(lives)
    assert len(found) == 2
    assert min(found) > 3600
