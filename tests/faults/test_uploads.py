"""An upload in parts through an API that is killed anywhere: what was acknowledged is there, and nothing half-done."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import httpx2

from service.store.invariants import violations
from tests.faults.points import UPLOAD_POINTS
from tests.faults.served import FAILURES, Api, client_of
from tests.faults.trees import Crash, Nursery
from tests.faults.world import World, make_world

PARTS = [os.urandom(300_000) for _ in range(3)]


async def asked(http: httpx2.AsyncClient, path: str, **body: Any) -> Any:
    """Do as the SDK does: send the same call again until it is answered, without any Idempotency-Key."""
    deadline = time.monotonic() + 20
    while True:
        try:
            answer = await http.post(f"/v1/uploads{path}", **body)
        except FAILURES:
            answer = None
        if answer is not None and answer.status_code == 200:
            return answer.json()
        assert answer is None or answer.status_code in (409, 503), answer.text
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def uploaded(http: httpx2.AsyncClient) -> dict[str, Any]:
    size = sum(map(len, PARTS))
    upload = await asked(
        http, "", json={"bytes": size, "filename": "a", "mime_type": "text/jsonl", "purpose": "fine-tune"}
    )
    ids = [(await asked(http, f"/{upload['id']}/parts", files={"data": ("upload", part)}))["id"] for part in PARTS]
    return await asked(http, f"/{upload['id']}/complete", json={"part_ids": ids})


async def _check(world: World, http: httpx2.AsyncClient, upload: dict[str, Any], files: int) -> None:
    content = await http.get(f"/v1/files/{upload['file']['id']}/content")
    assert content.content == b"".join(PARTS)
    assert len((await http.get("/v1/files")).json()["data"]) == files
    assert await violations(world.runtime.redis) == []
    (sha256,) = {record.sha256 for record in (await world.runtime.files.list(limit=100))[0]}
    owners = await world.runtime.files.refs.owners(sha256)
    assert upload["file"]["id"] in owners


async def test_an_api_that_dies_loses_no_upload_and_makes_none_twice(short_folder: Path, trees: Nursery) -> None:
    async with make_world(short_folder, trees) as world, client_of(world) as http:
        for number, point in enumerate(UPLOAD_POINTS):
            flag = short_folder / f"struck-{number}"
            crash = Crash(point.name, "self", flag)
            tree = world.grow("api", crash=crash, patches=("tests.faults.quick_leases",))
            await Api(world, http).wait_until_up()
            await _check(world, http, await uploaded(http), number + 1)
            assert flag.exists(), point.name
            tree.kill()
