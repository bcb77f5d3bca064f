"""What a provider posts to us: taken when it is signed, once, and never believed beyond a sooner look."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import httpx2
import pytest
import redis as blocking
import standardwebhooks

from service.core import signatures
from service.settings import ConfigurationError, ProviderSettings, load
from service.store import keys
from service.store.provider_webhooks import QUIET_S
from tests.api.conftest import Api, served, settings_for
from tests.conftest import RedisServer

SECRET, OTHER = signatures.make_secret(), signatures.make_secret()
PATH = "/v1/provider_webhooks/openai"
POLL = "poll:openai"
BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "created_at": 1_800_000_000,
        "type": "fine_tuning.job.succeeded",
        "data": {"id": "ftjob-remote", "note": "é"},
    }
).encode()


@pytest.fixture(scope="module")
def running(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    redis_server.start()
    providers = {
        "local": ProviderSettings(type="local"),
        "openai": ProviderSettings(preset="openai", api_key="k", webhook_secret=SECRET),
        "silent": ProviderSettings(preset="openai", api_key="k"),
    }
    with served(settings_for(redis_server.url, tmp_path_factory.mktemp("data"), providers=providers)) as api:
        yield api


@pytest.fixture
def http(running: Api, redis_url: str) -> httpx2.Client:
    return running.http


@pytest.fixture
def redis(redis_server: RedisServer, redis_url: str) -> Iterator[blocking.Redis]:
    """A client; a poll of the provider is due in a minute, as one with open jobs is."""
    with redis_server.client() as client:
        client.zadd(keys.DUE, {POLL: time() + 60})
        yield client


def signed(secret: str = SECRET, body: bytes = BODY, *, name: str = "wh_1", shift_s: float = 0.0) -> dict[str, str]:
    return signatures.headers([secret], name, time() + shift_s, body)


def state(redis: blocking.Redis) -> dict[bytes, Any]:
    return {key: redis.dump(key) for key in redis.scan_iter() if key != keys.API_KEYS_MADE.encode()}


def test_a_signed_webhook_brings_the_poll_forward(http: httpx2.Client, redis: blocking.Redis) -> None:
    answer = http.post(PATH, content=BODY, headers=signed())
    assert (answer.status_code, answer.json()["effect"]) == (200, "hurried")
    assert redis.zscore(keys.DUE, POLL) <= time()
    assert (redis.hget(keys.RINGS, POLL), redis.llen(keys.BELL)) == (b"1", 1)
    assert redis.hgetall(keys.COUNTERS) == {b"provider_webhooks_total|provider=openai|effect=hurried": b"1"}


def test_what_an_independent_library_signs_is_taken(http: httpx2.Client, redis: blocking.Redis) -> None:
    headers = signed()
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    headers["webhook-signature"] = standardwebhooks.Webhook(SECRET).sign("wh_1", at, BODY.decode())
    assert http.post(PATH, content=BODY, headers=headers).json()["effect"] == "hurried"


def test_a_replay_has_no_effect(http: httpx2.Client, redis: blocking.Redis) -> None:
    headers = signed()
    http.post(PATH, content=BODY, headers=headers)
    redis.zadd(keys.DUE, {POLL: time() + 60})
    before = state(redis)
    before.pop(keys.COUNTERS.encode())
    for again in (headers, signed(shift_s=-2)):
        assert http.post(PATH, content=BODY, headers=again).json()["effect"] == "known"
    after = state(redis)
    after.pop(keys.COUNTERS.encode())
    assert after == before


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


TAMPERED: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "a byte of the body": lambda: (signed(), BODY.replace(b"succeeded", b"succeedeD")),
    "JSON written again": lambda: (signed(), json.dumps(json.loads(BODY), indent=1).encode()),
    "six minutes old": lambda: (signed(shift_s=-360), BODY),
    "six minutes ahead": lambda: (signed(shift_s=360), BODY),
    "another id": lambda: ({**signed(), "webhook-id": "wh_2"}, BODY),
    "another timestamp": lambda: ({**signed(), "webhook-timestamp": str(int(time()) - 7)}, BODY),
    "no signature": lambda: (_without("webhook-signature"), BODY),
    "no id": lambda: (_without("webhook-id"), BODY),
    "no timestamp": lambda: (_without("webhook-timestamp"), BODY),
    "an empty signature": lambda: ({**signed(), "webhook-signature": ""}, BODY),
    "an unknown version": lambda: ({**signed(), "webhook-signature": "v9,AAAA"}, BODY),
    "another secret": lambda: (signed(OTHER), BODY),
    "no header at all": lambda: ({}, BODY),
    "signed, but no JSON": lambda: (signed(body=b"{"), b"{"),
    "signed, but no event": lambda: (signed(body=b'{"type":7}'), b'{"type":7}'),
    "signed, but not UTF-8": lambda: (signed(body=b'{"type":"\xff"}'), b'{"type":"\xff"}'),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_webhooks_change_nothing(http: httpx2.Client, redis: blocking.Redis, case: str) -> None:
    headers, body = TAMPERED[case]()
    before = state(redis)
    answer = http.post(PATH, content=body, headers={"content-type": "application/json", **headers})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert state(redis) == before


@pytest.mark.parametrize("name", ["silent", "nobody", "local", "..", "%2e%2e", "a" * 300])
def test_a_provider_without_a_secret_takes_nothing(http: httpx2.Client, redis: blocking.Redis, name: str) -> None:
    before = state(redis)
    answer = http.post(f"/v1/provider_webhooks/{name}", content=BODY, headers=signed())
    assert (answer.status_code, state(redis) == before) == (404, True)


def test_too_much_is_refused_unread(http: httpx2.Client, redis: blocking.Redis) -> None:
    body = b'{"type":"' + b"x" * 70_000 + b'"}'
    assert http.post(PATH, content=body, headers=signed(body=body)).status_code == 413


def test_other_events_and_an_idle_provider_change_nothing(http: httpx2.Client, redis: blocking.Redis) -> None:
    body = BODY.replace(b"fine_tuning.job.succeeded", b"batch.completed")
    before = state(redis)
    assert http.post(PATH, content=body, headers=signed(body=body)).json()["effect"] == "ignored"
    assert state(redis) == before
    redis.delete(keys.DUE)
    assert http.post(PATH, content=BODY, headers=signed()).json()["effect"] == "idle"
    assert redis.zcard(keys.DUE) == 0


def test_a_flood_brings_one_round_forward_and_one_behind_it(http: httpx2.Client, redis: blocking.Redis) -> None:
    for number in range(40):
        assert http.post(PATH, content=BODY, headers=signed(name=f"wh_{number}")).json()["effect"] == "hurried"
        if number == 0:  # the round that it brought forward begins, with a lease of half a minute
            redis.zadd(keys.DUE, {POLL: time() + 30})
    assert redis.hget(keys.RINGS, POLL) == b"1"
    assert time() < redis.zscore(keys.DUE, POLL) <= time() + QUIET_S


def test_it_needs_no_api_key_and_takes_a_foreign_host(http: httpx2.Client, redis: blocking.Redis, running: Api) -> None:
    async def make(runtime: Any) -> None:
        await runtime.keys.create("first", time())

    running.do(make)
    headers = {**signed(), "host": "tunewright.example.com"}
    assert http.post(PATH, content=BODY, headers=headers).status_code == 200
    assert http.get(PATH, headers=headers).status_code == 405


def test_the_secret_comes_from_variable_file_or_table(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "c.toml").write_text(
        '[providers.a]\npreset = "openai"\nwebhook_secret_env = "HOOK"\n'
        f'[providers.b]\npreset = "openai"\nwebhook_secret_file = "{tmp_path}/secret"\n'
        '[providers.c]\npreset = "openai"\nwebhook_secret_env = "UNSET"\n'
    )
    found = load(tmp_path / "c.toml", environ={"HOOK": SECRET}).providers
    assert [found[name].webhook_secret for name in "abc"] == [SECRET, SECRET, None]
    assert SECRET not in repr(found)
    assert found["c"].unset_variables == ["UNSET"]


@pytest.mark.parametrize("secret", ["", "nonsense", "whsec_", "whsec_AAAA", "whsec_***"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    table = {"a": {"preset": "openai", "webhook_secret": secret}}
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        load(environ={}, providers=table)
