"""Whatever is sent, the answer is OpenAI's envelope with a request id, and never a 5xx."""

import json
import socket
from typing import Any

import pytest

from service.api import bodies
from tests.api.conftest import LINE, TINY, Api

JOBS = "/v1/fine_tuning/jobs"
DEEP = 100_000


def envelope(answer: Any) -> dict[str, Any]:
    """The error's four members, after checks that hold for every error."""
    assert set(answer.json()) == {"error"}, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["openai-organization"] == "tunewright"
    assert answer.headers["openai-processing-ms"].isdecimal()
    assert "Traceback" not in answer.text
    assert "service/" not in answer.text
    return error


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"null", {}),
        (b'"text"', {}),
        (b"5", {}),
        (b'{"model":"x"} trailing', {}),
        (b'{"model":"x",}', {}),
        (b"{'model':'x'}", {}),
        (b"\xef\xbb\xbf{}", {}),
        (b"\xff\xfe", {}),
        (b'{"model":"\xff"}', {}),
        (b'{"model":"\xc0\x80"}', {}),
        (b'{"model":"\\ud800"}', {}),
        (b'{"model":"\\ud800x","training_file":"\\udfff"}', {}),
        (b'{"seed":NaN}', {}),
        (b'{"seed":Infinity}', {}),
        (b'{"seed":1e999}', {}),
        (b'{"seed":-1e999}', {}),
        (b'{"seed":' + b"9" * 20_000 + b"}", {}),
        (b'{"seed":0.' + b"0" * 20_000 + b"1}", {}),
        (b'{"tunewright":{"budget_usd":1e308}}', {}),
        (b"[" * DEEP, {}),
        (b'{"a":' * DEEP, {}),
        (b"[" * 1_000 + b"]" * 1_000, {}),
        (b'{"metadata":' + b"[" * 500 + b"]" * 500 + b"}", {}),
        (b'{"tunewright":{"provider_options":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}}", {}),
        (b'{"model":"a","model":"b"}', {}),
        (b'{"tunewright":{"budget_usd":1,"budget_usd":9}}', {}),
        (b'{"unknown":1}', {}),
        (b'{"model":"a\\u0000b","training_file":"x"}', {}),
        (b"{}", {"content-type": "text/plain"}),
        (b"{}", {"content-type": "application/x-www-form-urlencoded"}),
        (b"{}", {"content-type": "\xff"}),
        (b"{}", {"content-encoding": "gzip"}),
        (b'{"model":"' + b"x" * 2_000_000 + b'"}', {}),
    ],
)
def test_a_hostile_body_is_refused(api: Api, body: bytes, headers: dict[str, str]) -> None:
    given = {name: value.encode("latin-1") for name, value in headers.items()}
    for path in (JOBS, "/v1/fine_tuning/estimates", "/v1/webhook_endpoints"):
        answer = api.http.post(path, content=body, headers={"content-type": b"application/json", **given})
        assert answer.status_code in {400, 413, 415}, answer.text
        assert envelope(answer)["type"] == "invalid_request_error"


def test_a_chunked_body_is_counted_as_it_arrives(api: Api) -> None:
    endless = (b" " * 65_536 for _ in range(1_000))
    answer = api.http.post(JOBS, content=endless, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_file_above_the_limit_is_refused(api: Api) -> None:
    head = (
        "POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as raw:
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_stalls_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STALLED_S", 0.2)
    head = f"POST {JOBS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{{"
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as raw:
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/assistants", 404),
        ("POST", "/v1/responses", 404),
        ("GET", "/v1/files/a/b/c", 404),
        ("GET", "/%00", 404),
        ("GET", "/v1/%ff%fe", 404),
        ("GET", "/v1/..%2f..%2fetc/passwd", 404),
        ("PUT", "/v1/files", 405),
        ("DELETE", JOBS, 405),
        ("PATCH", "/v1/models/x", 405),
        ("GET", "/v1/fine_tuning/jobs/x", 404),
        ("GET", "/v1/fine_tuning/jobs/x%0d%0aSet-Cookie:a", 404),
        ("GET", "/v1/models/no-such-model", 404),
        ("GET", "/v1/models/a%2Fb", 404),
        ("DELETE", "/v1/models/gpt-4.1-mini-2025-04-14", 403),
        ("GET", JOBS + "?limit=0", 400),
        ("GET", JOBS + "?limit=x", 400),
        ("GET", JOBS + "?limit=1e9", 400),
        ("GET", JOBS + "?limit=%C2%B2", 400),
        ("GET", JOBS + "?limit=5&limit=6", 400),
        ("GET", JOBS + "?after=unknown", 400),
        ("GET", JOBS + "?after=%00", 400),
        ("GET", "/v1/files?order=up", 400),
        ("GET", "/v1/files?limit=10001", 400),
    ],
)
def test_a_wrong_route_or_query_has_the_envelope(api: Api, method: str, path: str, status: int) -> None:
    answer = api.http.request(method, path)
    assert answer.status_code == status, answer.text
    envelope(answer)


@pytest.mark.parametrize(
    "path", ["/v1/files", JOBS, "/v1/webhook_endpoints", JOBS + "/{job}/events", JOBS + "/{job}/checkpoints"]
)
def test_an_unknown_after_is_one_error_everywhere_and_an_empty_one_none(api: Api, path: str) -> None:
    path = path.format(job=api.job()["id"])
    answer = api.http.get(path, params={"after": "unknown-1"})
    assert (answer.status_code, envelope(answer)["param"]) == (400, "after")
    assert api.http.get(path, params={"after": ""}).json() == api.http.get(path).json()


def test_success_has_a_request_id_too(api: Api) -> None:
    first, second = api.http.get("/v1/files"), api.http.get("/v1/files")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_odd_but_right_requests_pass(api: Api) -> None:
    body = json.dumps({"model": TINY, "training_file": api.dataset()}).encode()
    for headers in ({}, {"content-type": "application/json; charset=utf-8"}, {"content-type": "application/ld+json"}):
        assert api.http.post(JOBS, content=body, headers=headers).status_code == 200
    assert api.http.get(JOBS, params={"unknown": "1"}).status_code == 200
    assert api.http.get("/v1/files/").status_code == 200
    assert api.http.post("/v1/datasets", content=LINE, headers={"content-type": "text/x-whatever"}).status_code == 200
    assert api.http.get(JOBS, headers={"prefer": "wait=banana"}).status_code == 200
