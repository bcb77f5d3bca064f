"""A chain: this Tunewright's provider is another one, behind a relay that loses, breaks and delays answers."""

from pathlib import Path

import msgspec
import pytest

from service.settings import ProviderSettings
from tests.faults.ledger import MARK
from tests.faults.relay import Relay
from tests.faults.served import Api, client_of
from tests.faults.trees import Nursery
from tests.faults.world import make_world, remote_settings
from tests.waiting import until_async

JOBS = 30


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["tunewright", "generic"])
async def test_a_chain_through_a_faulty_relay_is_one_job_each(short_folder: Path, trees: Nursery, preset: str) -> None:
    (near_folder := short_folder / "a").mkdir()
    (far_folder := short_folder / "b").mkdir()
    async with make_world(far_folder, trees) as far, client_of(far) as http:
        far_provider = msgspec.structs.replace(far.settings.providers["remote"], models=("base-1",))
        far.settings = msgspec.structs.replace(far.settings, providers={"remote": far_provider})
        far.grow("api", "ticker", "worker")
        await Api(far, http).wait_until_up()
        async with (
            Relay(f"http://127.0.0.1:{far.settings.port}/v1") as relay,
            make_world(near_folder, trees) as near,
        ):
            settle = {"settle_s": None} if preset == "tunewright" else {}
            remote: ProviderSettings = remote_settings(relay.base_url, preset=preset, **settle)
            near.settings = msgspec.structs.replace(near.settings, providers={"remote": remote})
            relay.plan.by_chance("POST", "/fine_tuning/jobs", 0.4, "drop", "hang", "408", "500", "html", "500 before")
            relay.plan.by_chance("POST", "/files", 0.3, "drop", "500", "429")
            relay.plan.by_chance("GET", ".*", 0.1, "drop before", "500 before", "html")
            relay.list_lag_s, relay.ignores_filter = 1.0, True
            near.grow()
            record = await near.dataset()
            ids = [(await near.job(record)).id for _ in range(JOBS)]
            await until_async(lambda: near.all_ended(ids), "all have ended", lambda: near.log + far.log, 120)
            assert {(await near.read(job_id)).status for job_id in ids} == {"succeeded"}
            assert sum(relay.plan.injected.values()) > 10
            far_jobs, _ = await far.runtime.jobs.list(after=None, limit=1000)
            marks = [(job.metadata or {})[MARK] for job in far_jobs]
            assert sorted(marks) == sorted(ids)
            far.accepted = [job.id for job in far_jobs]
            await far.assert_world()
            near.provider = far.provider
            await near.assert_told()
