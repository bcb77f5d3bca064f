"""V6: work that ends its worker each time is given up; what kills workers by chance, or by order, gives up nothing."""

import asyncio
import os
import signal
import threading
from typing import Any

import msgspec
import pytest

from service.api.reports import _check_sound  # pyright: ignore[reportPrivateUsage]
from service.core import trials
from service.core.errors import InvalidRequest
from service.core.files import FileRecord
from service.core.sources import SourceWish
from service.core.trials import LOST, MOST_LOSSES, PAUSES_S, check_of
from service.store import counters, keys, webhook_keys
from service.store.due import Claim
from service.store.invariants import violations
from service.store.reports import ReportRequest
from service.store.sources import queue_wish
from service.store.trials import Trial, TrialStore
from tests.faults.deadly import CRASHES, HANGS, KILLS
from tests.faults.world import LINES, World
from tests.waiting import until_async
from tests.workers.conftest import Bench, chat
from tests.workers.test_derive import planned
from workers.look import Looker
from workers.steps import STEPS

GOOD = [chat(number) for number in range(12)]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between tries."""
    monkeypatch.setattr("service.store.trials.PAUSES_S", (0.0,) * len(PAUSES_S))


async def lose(bench: Bench, member: str, name: str) -> Trial:
    """Begin work as another process, which then is gone; its lease is over. Return how the work stood."""
    await bench.runtime.due.ring(member)
    claim = await bench.runtime.due.claim(member, 20.0)
    trial = await TrialStore(bench.runtime.redis).begin(name, claim)
    await bench.runtime.redis.delete(keys.lease(member))
    return trial


async def lose_all(bench: Bench, member: str, name: str) -> None:
    for losses in range(MOST_LOSSES):
        assert (await lose(bench, member, name)).losses == losses


async def look_again(bench: Bench, member: str) -> None:
    await bench.runtime.due.ring(member)
    await bench.look(member)


async def record_of(bench: Bench, file_id: str) -> FileRecord:
    record = await bench.runtime.files.get(file_id)
    assert record is not None
    return record


async def counted(made: Bench | World, name: str, **labels: str) -> int:
    samples = await counters.read(made.runtime.redis)
    return round(sum(s.value for s in samples if s.name == name and labels.items() <= dict(s.labels).items()))


async def told(bench: Bench) -> list[tuple[str, str]]:
    """Return type and subject of each webhook message."""
    redis = bench.runtime.redis
    raw = [await redis.get(key) async for key in redis.scan_iter(match=webhook_keys.message("evt_") + "*")]
    return [(message["type"], message["data"]["id"]) for message in map(msgspec.json.decode, raw)]


@pytest.mark.slow
async def test_v6_a_dataset_that_ends_its_workers_is_given_up_and_others_go_on(world: World) -> None:
    for _ in range(2):
        world.grow("ticker", "worker", "deliver", patches=("tests.faults.deadly", "tests.faults.hasty"), lease_s=1.5)
    deadly = [await world.dataset(LINES.replace(b"yes", words)) for words in (KILLS, CRASHES)]
    ids = [(await world.job(record)).id for record in [*deadly, *[await world.dataset() for _ in range(4)]]]

    async def all_judged() -> bool:
        files = await world.runtime.files.get_many([record.id for record in deadly])
        return await world.all_ended(ids) and all(file.status == "error" for file in files)

    await until_async(all_judged, "all have ended", lambda: world.log)
    jobs = await world.jobs(ids)
    assert [job.status for job in jobs] == ["failed"] * 2 + ["succeeded"] * 4
    assert [job.error and job.error.code for job in jobs[:2]] == [LOST] * 2
    for file in await world.runtime.files.get_many([record.id for record in deadly]):
        assert (file.rejected_for, file.valid) == (LOST, None)
        assert "ended its worker 5 times" in (file.status_details or "")
    assert await counted(world, "workers_lost_total", work="check") == 2 * MOST_LOSSES
    await world.assert_told()
    await world.assert_world()


@pytest.mark.slow
async def test_v6_a_worker_that_is_told_to_stop_excuses_what_it_has_in_hand(world: World) -> None:
    tree = world.grow("ticker", "worker", patches=("tests.faults.deadly",))
    record = await world.dataset(LINES.replace(b"yes", HANGS))

    async def is_begun() -> bool:
        return await world.runtime.redis.exists(keys.trial(check_of(record.id))) == 1

    async def is_excused() -> bool:
        return not await is_begun()

    await until_async(is_begun, "the check began", lambda: world.log)
    for child in tree.children():
        os.kill(child, signal.SIGTERM)
    await until_async(is_excused, "it was excused", lambda: world.log, 30)


async def test_v6_the_first_loss_is_taken_up_at_once_and_later_ones_ever_later(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    member, name = f"dataset:{record.id}", check_of(record.id)
    assert await lose(bench, member, name) == Trial(losses=0, wait_s=0.0, is_new=False)
    for losses, pause_s in enumerate(PAUSES_S, 1):
        trial = await lose(bench, member, name)
        assert (trial.losses, trial.is_new) == (losses, True)
        assert trial.wait_s == pytest.approx(pause_s)
        if pause_s:
            waiting = await lose(bench, member, name)
            assert (waiting.losses, waiting.is_new) == (losses, False)
            assert 0 < waiting.wait_s <= pause_s
            await bench.look(member)
            assert (await record_of(bench, record.id)).status == "uploaded"
            due_at = await bench.runtime.redis.zscore(keys.DUE, member)
            assert 0 < due_at - await bench.runtime.due.now() <= pause_s
            await bench.runtime.redis.hset(keys.trial(name), "until", "0")
            await lose(bench, member, name)
    await look_again(bench, member)
    assert (await record_of(bench, record.id)).rejected_for == LOST


@pytest.mark.usefixtures("hasty")
async def test_v6_what_was_given_up_is_told_counted_and_shown(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    await lose_all(bench, f"dataset:{record.id}", check_of(record.id))
    await look_again(bench, f"dataset:{record.id}")
    found = await record_of(bench, record.id)
    assert (found.status, found.rejected_for, found.valid, found.report_key) == ("error", LOST, None, None)
    assert ("dataset.rejected", record.id) in await told(bench)
    assert await counted(bench, "dataset_errors_total", code=LOST) == 1
    assert await counted(bench, "workers_lost_total", work="check") == 1, "the others were found by other processes"
    with pytest.raises(InvalidRequest, match="more memory") as raised:
        _check_sound(found)
    assert raised.value.code == LOST
    assert await bench.runtime.redis.zscore(keys.DUE, f"dataset:{record.id}") is None
    assert await violations(bench.runtime.redis) == []


@pytest.mark.usefixtures("hasty")
async def test_v6_a_job_on_it_fails_without_another_try_and_an_hour_later_all_is_forgotten(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    await lose_all(bench, f"dataset:{record.id}", check_of(record.id))
    job = await bench.drive(await bench.job(record))
    assert job.error is not None
    assert (job.status, job.error.code, job.error.param) == ("failed", LOST, "training_file")
    assert (bench.provider.uploads, bench.provider.created) == ([], [])
    assert ("fine_tuning.job.failed", job.id) in await told(bench)
    assert await counted(bench, "jobs_finished_total", reason=LOST) == 1
    assert 3500 < await bench.runtime.redis.ttl(keys.trial(check_of(record.id))) <= 3600
    await bench.runtime.redis.delete(keys.trial(check_of(record.id)))
    again = await bench.drive(await bench.job(record))
    assert again.remote.job_id is not None


@pytest.mark.usefixtures("hasty")
async def test_v6_another_report_of_it_is_answered_with_the_reason(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    await bench.look(f"dataset:{record.id}")
    asked = ReportRequest(file_id=record.id, sha256=record.sha256, model="gpt-4o-mini-2024-07-18", method="supervised")
    await bench.runtime.reports.ask(asked)
    await lose_all(bench, f"report:{bench.runtime.reports.digest(asked)}", check_of(record.id))
    await look_again(bench, f"report:{bench.runtime.reports.digest(asked)}")
    assert await bench.runtime.reports.asked(bench.runtime.reports.digest(asked)) is None
    assert await bench.runtime.trials.is_given_up(check_of(record.id))
    assert (await record_of(bench, record.id)).status == "processed", "its own check has passed"


@pytest.mark.usefixtures("hasty")
async def test_v6_an_end_of_any_kind_forgets_the_losses(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    member, name = f"dataset:{record.id}", check_of(record.id)
    for _ in range(MOST_LOSSES - 1):
        await lose(bench, member, name)
    await look_again(bench, member)
    assert (await record_of(bench, record.id)).status == "processed"
    assert await bench.runtime.redis.exists(keys.trial(name)) == 0


@pytest.mark.usefixtures("hasty")
async def test_v6_a_worker_that_was_taken_for_lost_and_speaks_up_clears_the_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was frozen, or cut off from Redis for longer than its lease."""
    at_it, may_end, thawed, renew = threading.Event(), threading.Event(), asyncio.Event(), bench.runtime.due.renew

    def slow(*_: object, **__: object) -> None:
        at_it.set()
        may_end.wait(60)

    async def frozen(claim: Claim) -> None:
        await thawed.wait()
        await renew(claim)

    monkeypatch.setattr("workers.steps.report.check_file", slow)
    monkeypatch.setattr(bench.runtime.due, "renew", frozen)
    record = await bench.dataset(GOOD)
    member, name = f"dataset:{record.id}", check_of(record.id)
    looker = Looker(bench.looker._context, STEPS, lease_s=0.3)  # pyright: ignore[reportPrivateUsage]
    looking = asyncio.create_task(looker.look(member))
    await asyncio.to_thread(at_it.wait, 60)
    await bench.runtime.redis.hset(keys.trial(name), "losses", str(MOST_LOSSES - 2))
    await bench.runtime.redis.delete(keys.lease(member))
    assert (await lose(bench, member, name)).losses == MOST_LOSSES - 1
    thawed.set()
    await looking
    may_end.set()
    assert await lose(bench, member, name) == Trial(losses=1, wait_s=0.0, is_new=True), "the other's loss alone"


async def test_v6_suspect_work_is_never_done_by_two(bench: Bench) -> None:
    first, second = "dataset:file-1", "job:ftjob-1"
    name, store = check_of("file-1"), bench.runtime.trials
    claims: list[Any] = []
    for member in (first, second):
        await bench.runtime.due.ring(member)
        claims.append(await bench.runtime.due.claim(member, 20.0))
    assert (await store.begin(name, claims[0])).wait_s == 0
    assert (await store.begin(name, claims[1])).wait_s == 0, "nothing is suspected yet"
    await bench.runtime.redis.hset(keys.trial(name), "losses", "1")
    assert await store.begin(name, claims[1]) == Trial(losses=1, wait_s=trials.BESIDE_S, is_new=False)
    assert (await store.begin(name, claims[0])).wait_s == 0, "its own call, sent again"


async def test_v6_an_excused_worker_is_no_loss(bench: Bench) -> None:
    member, name = "dataset:file-1", check_of("file-1")
    await lose(bench, member, name)
    await bench.runtime.due.ring(member)
    claim = await bench.runtime.due.claim(member, 20.0)
    assert (await bench.runtime.trials.begin(name, claim)).losses == 1
    await bench.looker.excuse()
    await bench.runtime.redis.delete(keys.lease(member))
    assert await lose(bench, member, name) == Trial(losses=1, wait_s=0.0, is_new=False)


@pytest.mark.usefixtures("hasty")
async def test_v6_an_end_for_want_of_memory_is_a_loss(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("workers.steps.report.check_file", hungry)
    record = await bench.dataset(GOOD)
    for _ in range(MOST_LOSSES + 1):
        assert (await record_of(bench, record.id)).status == "uploaded"
        await look_again(bench, f"dataset:{record.id}")
    assert (await record_of(bench, record.id)).rejected_for == LOST


@pytest.mark.usefixtures("hasty")
async def test_v6_nothing_that_may_be_at_a_provider_is_given_up(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    job = await bench.drive(await bench.job(record), looks=3)
    assert job.step == "creating"
    for key in [blob.key async for blob in bench.runtime.blobs.list("reports/")]:
        await bench.runtime.blobs.delete(key)
    await lose_all(bench, f"job:{job.id}", check_of(record.id))
    assert (await bench.drive(job, looks=1)).status == "queued"
    assert [request.tokens_per_epoch for request in bench.provider.created] == [None]


@pytest.mark.usefixtures("hasty")
async def test_v6_a_dataset_whose_making_ends_its_workers(bench: Bench) -> None:
    plan = await planned(bench, await bench.dataset(GOOD), {"type": "split", "validation": 0.25})
    await lose_all(bench, f"derive:{plan.id}", f"derive:{plan.id}")
    await look_again(bench, f"derive:{plan.id}")
    for file_id in plan.outputs:
        found = await record_of(bench, file_id)
        assert (found.status, found.rejected_for, found.has_content) == ("error", LOST, False)
        assert ("dataset.rejected", file_id) in await told(bench)
    assert await counted(bench, "dataset_errors_total", code=LOST) == 2
    assert await bench.runtime.derivations.get(plan.id) is None


@pytest.mark.usefixtures("hasty")
async def test_v6_a_dataset_whose_fetching_ends_its_workers(bench: Bench) -> None:
    url, none = "https://example.com/t.jsonl", {"bytes": 0, "sha256": "", "created_at": 1}
    record = FileRecord(id="file-fetched", filename="t.jsonl", purpose="fine-tune", source=url, **none)
    wish = SourceWish(url=url, begun_at=0.0)
    await bench.runtime.files.create(record, lambda pipe: queue_wish(pipe, record.id, wish))
    await lose_all(bench, f"dataset:{record.id}", f"fetch:{record.id}")
    await look_again(bench, f"dataset:{record.id}")
    found = await record_of(bench, record.id)
    assert (found.status, found.rejected_for) == ("error", "source_not_fetched")
    assert "Fetching this dataset ended its worker 5 times" in (found.status_details or "")
