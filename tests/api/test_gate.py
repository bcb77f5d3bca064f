"""API keys, and the open door on loopback."""

import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from service.app import create_app
from service.core.api_keys import key_id, make_token
from service.runtime import Runtime
from service.settings import ConfigurationError
from tests.api.conftest import Api, settings_for
from tests.waiting import until


@pytest.fixture
def guarded(redis_url: str, tmp_path: Path) -> Iterator[tuple[Api, str]]:
    """An API with one key, and the key."""
    api = Api(settings_for(redis_url, tmp_path))

    async def work(runtime: Runtime) -> str:
        return (await runtime.keys.create("test", time.time()))[1]

    token = api.do(work)
    api.start()
    yield api, token
    api.stop()


def test_with_a_key_configured_a_key_is_needed(guarded: tuple[Api, str]) -> None:
    api, token = guarded
    assert api.http.get("/v1/models", headers={"authorization": f"Bearer {token}"}).status_code == 200
    for header in ({}, {"authorization": "Bearer"}, {"authorization": f"Basic {token}"}):
        answer = api.http.get("/v1/models", headers=header)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for wrong in (token[:-1] + "-", make_token(), "any", "tw_x"):
        with api.sdk(api_key=wrong) as client, pytest.raises(openai.AuthenticationError):
            client.models.list()
    assert api.http.get("/v1/nowhere").status_code == 401
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs"):
        assert api.http.get(path).status_code == 200


def test_the_key_itself_is_kept_nowhere(guarded: tuple[Api, str]) -> None:
    api, token = guarded

    async def dump(runtime: Runtime) -> bytes:
        names = [name async for name in runtime.redis.scan_iter("*")]
        return b"".join([repr(await runtime.redis.dump(name)).encode() for name in names])

    assert token.rsplit("_", 1)[1][:20].encode() not in api.do(dump)


def test_a_revoked_key_is_refused_within_seconds(guarded: tuple[Api, str]) -> None:
    api, token = guarded
    headers = {"authorization": f"Bearer {token}"}

    async def swap(runtime: Runtime) -> None:
        assert await runtime.keys.revoke(key_id(token) or "")

    assert api.http.get("/v1/models", headers=headers).status_code == 200
    api.do(swap)
    until(lambda: api.http.get("/v1/models", headers=headers).status_code != 200, "it is refused", timeout_s=5)
    assert api.http.get("/v1/models", headers=headers).status_code == 401
    assert api.http.get("/v1/models").status_code == 401, "revoking the last key must not open the service"


def test_on_loopback_without_a_key_any_or_no_key_will_do(api: Api) -> None:
    for headers in ({}, {"authorization": "Bearer any"}, {"authorization": "nonsense"}):
        assert api.http.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "evil.example:8484"},
        {"host": "127.0.0.1.nip.io"},
        {"host": "8.8.8.8"},
        {"host": "[2001:db8::1]"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_web_pages_of_elsewhere_are_kept_out(api: Api, headers: dict[str, str]) -> None:
    answer = api.http.post("/v1/datasets", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_permissions")


def test_local_pages_and_names_may_ask(api: Api) -> None:
    for headers in (
        {"origin": "http://localhost:3000"},
        {"host": "localhost:1"},
        {"host": "tunewright"},
        {"host": "[::1]:8484"},
    ):
        assert api.http.get("/v1/models", headers=headers).status_code == 200


async def test_open_to_other_machines_without_a_key_it_does_not_start(redis_url: str, tmp_path: Path) -> None:
    app = create_app(settings_for(redis_url, tmp_path, host="0.0.0.0"))
    with pytest.raises(ExceptionGroup) as raised:
        async with app.lifespan():
            raise AssertionError("it started")
    (error,) = raised.value.exceptions
    assert isinstance(error, ConfigurationError)
    assert "tunewright keys create" in str(error)
