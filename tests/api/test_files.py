"""`/v1/files` through the unmodified SDK, and over raw HTTP what a client library would not send."""

import hashlib
import io
from typing import Any

import openai
import pytest

from tests.api.conftest import LINE, Api

BOUNDARY = "b0undary"


def form(*parts: tuple[str, bytes], ending: str = f"--{BOUNDARY}--\r\n") -> dict[str, Any]:
    """A multipart body of (header parameters, content)."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return {"content": body + ending.encode(), "headers": headers}


FILE = ('name="file"; filename="a.jsonl"', LINE)
PURPOSE = ('name="purpose"', b"fine-tune")


def test_a_file_goes_in_and_comes_out(client: openai.OpenAI) -> None:
    made = client.files.create(file=("train.jsonl", io.BytesIO(LINE * 3)), purpose="fine-tune")
    assert (made.bytes, made.filename, made.status, made.expires_at) == (len(LINE) * 3, "train.jsonl", "uploaded", None)
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == LINE * 3
    deleted = client.files.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    with pytest.raises(openai.NotFoundError) as raised:
        client.files.retrieve(made.id)
    assert raised.value.request_id is not None


def test_a_large_file_is_stored_byte_for_byte(client: openai.OpenAI, api: Api) -> None:
    content = LINE * 60_000
    made = client.files.create(file=("big.jsonl", io.BytesIO(content)), purpose="fine-tune")
    assert api.http.get(f"/v1/datasets/{made.id}").json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert client.files.content(made.id).read() == content


def test_files_are_listed_newest_first_in_pages(client: openai.OpenAI) -> None:
    made = [client.files.create(file=(f"{n}.jsonl", LINE), purpose="fine-tune").id for n in range(5)]
    assert [file.id for file in client.files.list(limit=2)] == made[::-1]
    assert [file.id for file in client.files.list(limit=2, order="asc", purpose="fine-tune")] == made
    for purpose in ("fine-tune-results", "assistants", "expiring"):
        assert list(client.files.list(purpose=purpose)) == []


def test_deleting_while_paging_skips_nothing(client: openai.OpenAI) -> None:
    for number in range(5):
        client.files.create(file=(f"{number}.jsonl", LINE), purpose="fine-tune")
    deleted = [client.files.delete(file.id).id for file in client.files.list(limit=2)]
    assert len(deleted) == 5


def test_an_unknown_cursor_is_an_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        client.files.list(after="file-unknown")
    assert raised.value.param == "after"


def test_a_file_expires(client: openai.OpenAI) -> None:
    made = client.files.create(
        file=("a.jsonl", LINE), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert made.expires_at == made.created_at + 3600


def test_parts_may_come_in_any_order(api: Api) -> None:
    extra = ('name="whatever"', b"ignored")
    for parts in ([FILE, PURPOSE], [extra, PURPOSE, FILE], [PURPOSE, FILE, extra]):
        assert api.http.post("/v1/files", **form(*parts)).status_code == 200


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../../../etc/passwd", "passwd"),
        ("..\\\\..\\\\boot.ini", "boot.ini"),
        ("..", "upload"),
        ("", "upload"),
        ("a%0D%0Ab.jsonl", "a%0D%0Ab.jsonl"),
        ("a\u202eb.jsonl", "ab.jsonl"),
        ("a\x00b.jsonl", "ab.jsonl"),
        ("ü" * 400, "ü" * 255),
        ("CON", "CON"),
    ],
)
def test_a_filename_is_a_label_and_never_a_path(api: Api, sent: str, shown: str) -> None:
    answer = api.http.post("/v1/files", **form((f'name="file"; filename="{sent}"', LINE), PURPOSE))
    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"] == shown
    content = api.http.get(f"/v1/files/{answer.json()['id']}/content")
    assert content.content == LINE
    assert "\n" not in content.headers["content-disposition"]


@pytest.mark.parametrize(
    ("request_parts", "status", "param"),
    [
        (form(FILE), 400, "purpose"),
        (form(FILE, ('name="purpose"', b"assistants")), 400, "purpose"),
        (form(FILE, ('name="purpose"', b"\xff\xfe")), 400, "purpose"),
        (form(PURPOSE), 400, "file"),
        (form(FILE, FILE, PURPOSE), 400, "file"),
        (form(FILE, PURPOSE, ('name="expires_after[seconds]"', b"99")), 400, "expires_after.anchor"),
        (form(FILE, PURPOSE, ('name="expires_after[anchor]"', b"created_at")), 400, "expires_after.seconds"),
        (form(FILE, PURPOSE, ('name="x"', b"y" * 9_000)), 400, "x"),
        (form(FILE, PURPOSE, *[(f'name="f{n}"', b"") for n in range(60)]), 400, None),
        (form(FILE, PURPOSE, ending=""), 400, None),
        (form(("nothing", b""), PURPOSE), 400, None),
        ({"content": b"", "headers": {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}}, 400, None),
        ({"content": b"garbage", "headers": {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}}, 400, None),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, None),
        ({"content": b"{}", "headers": {"content-type": "application/json"}}, 415, None),
        ({"content": b"{}"}, 415, None),
    ],
)
def test_a_bad_form_is_refused_and_leaves_nothing(
    api: Api, request_parts: dict[str, Any], status: int, param: str | None
) -> None:
    answer = api.http.post("/v1/files", **request_parts)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text
    assert api.http.get("/v1/files").json()["data"] == []
    assert not any((api.settings.data_dir / "blobs" / "tmp").iterdir())


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_cut_upload_leaves_nothing(api: Api, part: float) -> None:
    body = form(('name="file"; filename="a"', LINE * 40_000), PURPOSE)["content"]
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    api.abandon(head.encode() + body[: int(len(body) * part)])
    assert api.http.get("/v1/files").json()["data"] == []
    assert not any((api.settings.data_dir / "blobs" / "tmp").iterdir())


def test_unsafe_ids_are_not_found(api: Api) -> None:
    for file_id in ("file-%00", "file-*", "x" * 300, "file-%0d%0a", "%F0%9F%A6%86"):
        assert api.http.get(f"/v1/files/{file_id}").status_code == 404
