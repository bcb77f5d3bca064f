"""Whichever of Redis's replies is lost in a call that changes something: it is done once, and answered as done."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import msgspec
import pytest

from service.store import keys, webhook_keys
from service.store.invariants import violations
from tests.faults.served import JOBS
from tests.faults.tcp_proxy import TcpProxy
from tests.faults.test_accept import Proxied, serve
from tests.faults.trees import Nursery
from tests.faults.world import LINES, make_world
from tests.waiting import until_async

ENDPOINTS = "/v1/webhook_endpoints"
Call = tuple[str, str, dict[str, object]]


async def _job(api: Proxied) -> str:
    return (await api.post()).json()["id"]


async def _endpoint(api: Proxied) -> str:
    body = {"name": "n", "url": api.world.receiver.url(), "event_types": ["fine_tuning.job.failed"]}
    answer = await api.http.post(ENDPOINTS, json=body)
    assert answer.is_success, answer.text
    return answer.json()["id"]


async def _to_cancel(api: Proxied) -> Call:
    return "POST", f"{JOBS}/{await _job(api)}/cancel", {}


async def _to_pause(api: Proxied) -> Call:
    return "POST", f"{JOBS}/{await _job(api)}/pause", {}


async def _to_resume(api: Proxied) -> Call:
    job_id = await _job(api)
    await api.http.post(f"{JOBS}/{job_id}/pause")
    return "POST", f"{JOBS}/{job_id}/resume", {}


async def _to_retry(api: Proxied) -> Call:
    job_id = await _job(api)
    await api.http.post(f"{JOBS}/{job_id}/cancel")
    return "POST", f"{JOBS}/{job_id}/retry", {}


async def _to_create(api: Proxied) -> Call:
    body = {"model": "base-1", "training_file": api.training_file, "tunewright": {"provider": "remote"}}
    return "POST", JOBS, {"json": body}


async def _to_upload(api: Proxied) -> Call:
    del api
    return "POST", "/v1/files", {"data": {"purpose": "fine-tune"}, "files": {"file": ("t.jsonl", LINES)}}


async def _to_delete_a_file(api: Proxied) -> Call:
    return "DELETE", f"/v1/files/{(await api.world.dataset()).id}", {}


async def _to_add_an_endpoint(api: Proxied) -> Call:
    return (
        "POST",
        ENDPOINTS,
        {"json": {"name": "n", "url": api.world.receiver.url(), "event_types": ["fine_tuning.job.failed"]}},
    )


async def _to_change_an_endpoint(api: Proxied) -> Call:
    return "POST", f"{ENDPOINTS}/{await _endpoint(api)}", {"json": {"name": "m"}}


async def _to_rotate(api: Proxied) -> Call:
    return "POST", f"{ENDPOINTS}/{await _endpoint(api)}/rotate_secret", {"json": {}}


async def _to_delete_an_endpoint(api: Proxied) -> Call:
    return "DELETE", f"{ENDPOINTS}/{await _endpoint(api)}", {}


async def _to_begin_an_upload(api: Proxied) -> Call:
    del api
    body = {"purpose": "fine-tune", "filename": "t.jsonl", "bytes": 10, "mime_type": "application/jsonl"}
    return "POST", "/v1/uploads", {"json": body}


async def _to_cancel_an_upload(api: Proxied) -> Call:
    _, path, more = await _to_begin_an_upload(api)
    begun = await api.http.post(path, **more)  # type: ignore[arg-type]
    return "POST", f"/v1/uploads/{begun.json()['id']}/cancel", {}


CALLS: dict[Callable[[Proxied], Awaitable[Call]], int] = {
    _to_cancel: 0,
    _to_pause: 0,
    _to_resume: 0,
    _to_retry: 1,
    _to_create: 1,
    _to_upload: 1,
    _to_delete_a_file: -1,
    _to_add_an_endpoint: 1,
    _to_change_an_endpoint: 0,
    _to_rotate: 0,
    _to_delete_an_endpoint: -1,
    _to_begin_an_upload: 0,
    _to_cancel_an_upload: 0,
}
"""Calls with how many records more there are after each."""

MOST_REPLIES = 40


async def test_a1_a_lost_reply_is_answered_as_done(short_folder: Path, trees: Nursery) -> None:
    wrong: list[str] = []
    async with serve(short_folder, trees) as api:
        for prepare, more_records in CALLS.items():
            for nth in range(1, MOST_REPLIES):
                call = await prepare(api)
                before = await _records(api)
                rule = api.proxy.on(b"\r\n", "lose_reply", nth=nth)
                answer = await _sent(api.http, *call)
                api.proxy.heal()
                if not answer.startswith("2") or await _records(api) - before != more_records:
                    wrong.append(f"{prepare.__name__}, reply {nth}: {answer}")
                if not rule.done:
                    break
        assert await violations(api.world.runtime.redis) == []
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.soak
async def test_a_pipeline_that_loses_replies_at_every_step_loses_no_job(short_folder: Path, trees: Nursery) -> None:
    async with (
        make_world(short_folder, trees) as world,
        TcpProxy(short_folder / "redis.sock", short_folder / "p.sock") as proxy,
    ):
        world.settings = msgspec.structs.replace(world.settings, redis_url=f"unix://{short_folder}/p.sock")
        world.grow()
        record = await world.dataset()
        proxy.on(b"\r\n", "lose_reply", times=1_000_000, share=0.03)
        ids = [(await world.job(record)).id for _ in range(10)]
        await until_async(lambda: world.all_ended(ids), "all have ended", lambda: world.log, 240)
        await world.assert_told(240)
        assert proxy.acted["lose_reply"] > 20
        proxy.heal()
        await world.assert_world()


async def _records(api: Proxied) -> int:
    redis = api.world.runtime.redis
    return sum([await redis.zcard(name) for name in (keys.JOBS, keys.FILES, webhook_keys.ENDPOINTS)])


async def _sent(http: httpx2.AsyncClient, method: str, path: str, more: dict[str, object]) -> str:
    try:
        answer = await http.request(method, path, **more)  # type: ignore[arg-type]
    except httpx2.HTTPError as error:
        return type(error).__name__
    return f"{answer.status_code} {answer.text[:200]}"
