"""Datasets over the web: what is followed, what is refused, and where no connection is ever made."""

import socket
from pathlib import Path

import pytest

from service.core.addresses import AddressPolicy
from service.core.sources import SourceFailed
from tests.sources.conftest import LOOPBACK, Fetch
from tests.sources.origin import CONTENT, Origin
from workers.guarded_http import GuardedHttp
from workers.sources.web import WebSource


async def test_a_file_comes_as_it_is(origin: Origin, fetch: Fetch) -> None:
    assert await fetch(origin.url("/whole")) == CONTENT
    headers = origin.seen[0].headers
    assert headers["host"] == f"127.0.0.1:{origin.port}"
    assert headers["accept-encoding"] == "identity"
    assert not {"authorization", "cookie"} & headers.keys()


@pytest.mark.parametrize(
    "location", ["/whole", "whole", "//127.0.0.1:{port}/whole", "http://127.0.0.1:{port}/hop?/whole"]
)
async def test_redirects_are_followed(origin: Origin, fetch: Fetch, location: str) -> None:
    assert await fetch(origin.url(f"/hop?{location.format(port=origin.port)}")) == CONTENT


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/whole",
        "http://localhost:{port}/whole",
        "http://[::1]:{port}/whole",
        "http://0.0.0.0:{port}/whole",
        "http://2130706433:{port}/whole",
        "http://rebound.example:{port}/whole",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "https://user:password@files.example/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "data:text/plain,x",
    ],
)
async def test_a_redirect_to_where_we_may_not_go_is_refused(origin: Origin, fetch: Fetch, location: str) -> None:
    """The operator opened one host by its name; what it redirects to is judged anew."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    url = origin.url(f"/hop?{location.format(port=origin.port)}", "files.example")
    with pytest.raises(SourceFailed, match="not open to us") as failed:
        await fetch(url, resolve=resolve, source_allow=("files.example",))
    assert not failed.value.retryable
    assert [call.path.partition("?")[0] for call in origin.seen] == ["/hop"]


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["10.0.0.7"], ["fd00::1"], []],
)
async def test_a_name_that_leads_inside_is_refused_at_connect_time(
    origin: Origin, fetch: Fetch, answers: list[str]
) -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers

    with pytest.raises(SourceFailed, match="not open to us"):
        await fetch(f"https://files.example:{origin.port}/whole", resolve=resolve, source_allow=())
    assert (asked, origin.seen) == (["files.example"], [])


@pytest.mark.parametrize(
    ("path", "says", "retryable"),
    [
        ("/nothing", "404", False),
        ("/busy", "503", True),
        ("/html", "text/html", False),
        ("/loop", "more than 5 times", False),
        ("/nowhere", "to nowhere", False),
        ("/huge", "1,000,000 are taken", False),
        ("/garbage", "can't be reached", True),
    ],
)
async def test_what_is_no_dataset_is_said_clearly(
    origin: Origin, fetch: Fetch, path: str, says: str, retryable: bool
) -> None:
    with pytest.raises(SourceFailed, match=says) as failed:
        await fetch(origin.url(path), max_dataset_bytes=1_000_000)
    assert failed.value.retryable is retryable
    assert failed.value.retry_after_s == (7.0 if path == "/busy" else None)


async def test_a_server_that_is_not_there(fetch: Fetch) -> None:
    with pytest.raises(SourceFailed, match="can't be reached") as failed:
        await fetch("http://127.0.0.1:1025/x")
    assert failed.value.retryable


async def test_a_host_that_is_not_known(fetch: Fetch) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(SourceFailed, match="host name is not known"):
        await fetch("https://files.example/x", resolve=resolve)


async def test_a_drip_is_given_up(origin: Origin) -> None:
    http = GuardedHttp()
    source = WebSource(http, AddressPolicy(allow=LOOPBACK), timeout_s=60, grace_s=0.3)

    async def read() -> None:
        async with source.open(origin.url("/drip"), 1_000_000) as body:
            assert [chunk async for chunk in body.chunks]

    with pytest.raises(SourceFailed, match="too slowly") as failed:
        await read()
    assert failed.value.retryable
    http.close()


async def test_a_broken_answer_is_taken_up_again(origin: Origin, fetch: Fetch) -> None:
    origin.breaks = [50_000, 0, 70_001]
    assert await fetch(origin.url("/breaking")) == CONTENT
    assert [call.headers.get("range") for call in origin.seen] == [
        None,
        "bytes=50000-",
        "bytes=50000-",
        "bytes=120001-",
    ]
    assert origin.seen[1].headers["if-range"] == '"one"'


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
async def test_without_a_strong_validator_nothing_is_pieced_together(origin: Origin, fetch: Fetch, etag: str) -> None:
    origin.etag, origin.breaks = etag, [50_000]
    with pytest.raises(SourceFailed, match="connection to the source broke") as failed:
        await fetch(origin.url("/breaking"))
    assert failed.value.retryable
    assert len(origin.seen) == 1


async def test_a_file_that_changes_while_it_is_read_is_not_mixed(origin: Origin, fetch: Fetch) -> None:
    origin.breaks = [50_000]
    origin.etags = ['"one"', '"two"']
    with pytest.raises(SourceFailed, match="changed while it was read"):
        await fetch(origin.url("/breaking"))


async def test_a_server_that_breaks_for_ever_is_given_up(origin: Origin, fetch: Fetch) -> None:
    origin.breaks = [1] * 50
    with pytest.raises(SourceFailed, match="broke"):
        await fetch(origin.url("/breaking"))
    assert len(origin.seen) == 6


async def test_the_hub_gets_its_token_and_nobody_else(origin: Origin, fetch: Fetch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hub-secret\n")
    options = {"source_allow": (*LOOPBACK, "localhost"), "hf_endpoint": origin.url("")}
    url = "hf://datasets/owner/name@refs/convert/parquet/some folder/train.jsonl"
    assert await fetch(url, hf_token_file=token, **options) == CONTENT
    assert [call.path for call in origin.seen] == [
        "/datasets/owner/name/resolve/refs%2Fconvert%2Fparquet/some%20folder/train.jsonl",
        "/whole",
    ]
    assert origin.seen[0].headers["authorization"] == "Bearer hub-secret"
    assert "authorization" not in origin.seen[1].headers
    origin.seen.clear()
    assert await fetch("hf://datasets/owner/name/data/train.jsonl", **options) == CONTENT
    assert origin.seen[0].path == "/datasets/owner/name/resolve/main/data/train.jsonl"
    assert "authorization" not in origin.seen[0].headers
