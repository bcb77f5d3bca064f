"""Datasets and their reports over HTTP."""

import gzip
import hashlib
import threading
import zlib
from typing import Any

import pytest

from service.core.dataset.report import Finding
from service.core.trials import MOST_LOSSES, check_of
from service.runtime import Runtime
from service.store import keys
from service.store.encodings import zstd
from service.store.reports import ReportRequest
from tests.api.conftest import LINE, Api, check, report_of

CONTENT = LINE * 12
FINDING = Finding(code="invalid_json", severity="error", line=3, path=None, message="a | b", hint="Mend <it>.")


def test_a_dataset_is_the_body_itself(api: Api) -> None:
    query = {"filename": "../t.jsonl", "model": "gpt-4o-mini", "method": "dpo", "metadata[team]": "a"}
    made = api.http.post("/v1/datasets", content=CONTENT, params=query).json()
    assert (made["object"], made["status"], made["report"]) == ("dataset", "checking", None)
    assert (made["filename"], made["bytes"], made["metadata"]) == ("t.jsonl", len(CONTENT), {"team": "a"})
    assert made["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert api.http.get(f"/v1/datasets/{made['id']}").json() == made
    assert api.http.get(f"/v1/files/{made['id']}").json()["status"] == "uploaded"
    assert api.http.get(f"/v1/files/{made['id']}/content").content == CONTENT


def test_equal_bytes_are_two_datasets_with_one_blob(api: Api) -> None:
    first, second = api.dataset(CONTENT), api.dataset(CONTENT)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert first != second
    assert (api.settings.data_dir / "blobs" / "sha256" / digest[:2] / digest[2:]).read_bytes() == CONTENT
    listed = api.http.get("/v1/datasets", params={"limit": 1}).json()
    assert ([row["id"] for row in listed["data"]], listed["has_more"]) == ([second], True)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CONTENT)),
        ("gzip", gzip.compress(CONTENT[:100]) + gzip.compress(CONTENT[100:])),
        ("gzip", gzip.compress(CONTENT * 20_000)),
        ("zstd", zstd.compress(CONTENT)),
        ("zstd", zstd.compress(CONTENT[:100]) + zstd.compress(CONTENT[100:])),
        ("zstd", zstd.compress(CONTENT * 20_000)),
        ("zstd", b"".join(zstd.compress(bytes([octet])) for octet in CONTENT)),
        ("identity", CONTENT),
    ],
)
def test_content_encoding_is_undone(api: Api, encoding: str, body: bytes) -> None:
    made = api.http.post("/v1/datasets", content=body, headers={"content-encoding": encoding}).json()
    plain = CONTENT * 20_000 if made["bytes"] > len(CONTENT) else CONTENT
    assert made["sha256"] == hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"content-encoding": "br"}, CONTENT, 415, None),
        ({"content-encoding": "gzip, gzip"}, CONTENT, 415, None),
        ({"content-encoding": "gzip"}, CONTENT, 400, "invalid_encoding"),
        ({"content-encoding": "gzip"}, b"", 400, "invalid_encoding"),
        ({"content-encoding": "gzip"}, gzip.compress(CONTENT)[:-9], 400, "invalid_encoding"),
        ({"content-encoding": "gzip"}, zlib.compress(CONTENT), 400, "invalid_encoding"),
        ({"content-encoding": "zstd"}, CONTENT, 400, "invalid_encoding"),
        ({"content-encoding": "zstd"}, zstd.compress(CONTENT)[:-9], 400, "invalid_encoding"),
        ({"content-encoding": "gzip"}, gzip.compress(bytes(100 << 20)), 400, "compression_ratio"),
        ({"content-encoding": "zstd"}, zstd.compress(bytes(200 << 20)), 400, "compression_ratio"),
        ({"content-type": "application/json"}, b'{"url":"https://x"}', 400, "invalid_source"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415, None),
    ],
)
def test_what_is_no_stream_of_lines_is_refused(
    api: Api, headers: dict[str, str], body: bytes, status: int, code: str | None
) -> None:
    answer = api.http.post("/v1/datasets", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert api.http.get("/v1/datasets").json()["data"] == []
    assert not any((api.settings.data_dir / "blobs" / "tmp").iterdir())


@pytest.mark.parametrize(
    "query",
    [
        {"method": "magic"},
        {"model": ""},
        {"model": "a\0b"},
        {"model": "x" * 300},
        {"expires_after": "12"},
        {"expires_after": "soon"},
        {"metadata[a]": "x" * 600},
    ],
)
def test_wrong_queries_are_refused(api: Api, query: dict[str, str]) -> None:
    assert api.http.post("/v1/datasets", content=LINE, params=query).status_code == 400


def test_waiting_for_the_check(api: Api) -> None:
    file_id = api.dataset()
    timer = threading.Timer(0.3, check, (api, file_id))
    timer.start()
    answer = api.http.get(f"/v1/datasets/{file_id}", headers={"prefer": "wait=20"})
    timer.join()
    assert answer.json()["status"] == "ready"
    assert answer.json()["report"] == {"valid": True, "error_count": 0, "warning_count": 0}
    assert answer.elapsed.total_seconds() < 15


def test_a_report_is_shown_when_it_is_made(api: Api) -> None:
    content = LINE * 13  # of no other test, for reports are kept by content
    file_id = api.dataset(content)
    waiting = api.http.get(f"/v1/datasets/{file_id}/report")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
    check(api, file_id)
    report = api.http.get(f"/v1/datasets/{file_id}/report").json()
    assert (report["object"], report["dataset"], report["valid"]) == ("dataset.report", file_id, True)
    twin = api.dataset(content)
    assert api.http.get(f"/v1/datasets/{twin}/report").json()["dataset"] == twin


def test_a_report_that_no_worker_lives_to_make_is_refused_with_the_reason(api: Api) -> None:
    file_id = api.dataset(LINE * 14)
    report = f"/v1/datasets/{file_id}/report"

    async def give_up(runtime: Runtime) -> None:
        await runtime.redis.hset(keys.trial(check_of(file_id)), "losses", str(MOST_LOSSES))

    assert api.http.get(report, params={"model": "gpt-4o-mini-2024-07-18"}).status_code == 202
    late = threading.Timer(0.5, lambda: api.do(give_up))
    late.start()
    answer = api.http.get(report, params={"model": "gpt-4o-mini-2024-07-18"}, headers={"prefer": "wait=20"})
    late.join()
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "worker_lost")
    assert "more memory" in answer.json()["error"]["message"]


def test_a_report_for_another_model_and_both_splits_is_made_on_demand(api: Api) -> None:
    file_id, other = api.dataset(), api.dataset(LINE)
    query = {"model": "gpt-4o-mini", "validation": other}
    pending = api.http.get(f"/v1/datasets/{file_id}/report", params=query)
    assert (pending.status_code, pending.json()["validation"]) == (202, other)

    async def make(runtime: Runtime) -> ReportRequest:
        due, _ = await runtime.due.take(10, 1)
        digest = next(member for member in due if member.startswith("report:")).removeprefix("report:")
        request = await runtime.reports.asked(digest)
        assert request is not None
        await runtime.reports.keep(request, report_of(request, errors=(FINDING,)))
        await runtime.reports.answered(digest)
        return request

    timer = threading.Timer(0.3, lambda: api.do(make))
    timer.start()
    answer = api.http.get(f"/v1/datasets/{file_id}/report", params=query, headers={"prefer": "wait=20"})
    timer.join()
    assert (answer.status_code, answer.json()["errors"][0]["line"]) == (200, 3)
    page = api.http.get(f"/v1/datasets/{file_id}/report", params={**query, "format": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Mend &lt;it&gt;." in page.text or "a | b" in page.text
    assert "<it>" not in page.text
    shown = api.http.get(f"/v1/datasets/{file_id}/report", params={**query, "format": "markdown"})
    assert shown.headers["content-type"].startswith("text/markdown")
    assert "a \\| b" in shown.text
    shown = api.http.get(f"/v1/datasets/{file_id}/report", params={**query, "format": "sarif"})
    assert shown.headers["content-type"] == "application/sarif+json"
    assert shown.json()["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"format": "x"}, 400),
        ({"method": "x"}, 400),
        ({"reads": "answer,"}, 400),
        ({"reads": "a b"}, 400),
        ({"validation": "file-unknown"}, 404),
    ],
)
def test_wrong_report_queries_are_refused(api: Api, query: dict[str, Any], status: int) -> None:
    file_id = api.dataset()
    check(api, file_id)
    assert api.http.get(f"/v1/datasets/{file_id}/report", params=query).status_code == status
    assert api.http.get("/v1/datasets/file-unknown/report", params=query).status_code in {400, 404}
