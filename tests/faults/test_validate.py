"""Checking a dataset under faults: killed in the middle, swapped on the disk (reliability §3, V2 and V3)."""

import asyncio
import os
from pathlib import Path

import pytest

from service.api.reports import _check_sound  # pyright: ignore[reportPrivateUsage]
from service.check.engine import check_file
from service.core.errors import InvalidRequest
from service.core.files import FileRecord
from service.core.jobs import Input, Job
from service.store.blobs import content_key
from service.store.keys import lease
from service.store.reports import ReportRequest
from tests.faults.world import LINES, World
from tests.waiting import until_async
from tests.workers.conftest import Bench, chat


def _request(record: FileRecord, world: World) -> ReportRequest:
    model = world.settings.default_model
    return ReportRequest(file_id=record.id, sha256=record.sha256, model=model, method="supervised")


async def test_v2_a_worker_killed_in_the_middle_of_a_check_changes_no_verdict(world: World) -> None:
    planted = b'{"messages":[]}\n{\n'
    content = b"".join(LINES.replace(b"Is ", b"Is it %d or " % number) + planted for number in range(1_500))
    tree = world.grow("ticker", "worker")
    record = await world.dataset(content)

    async def is_begun() -> bool:
        return await world.runtime.redis.exists(lease(f"dataset:{record.id}")) == 1

    await until_async(is_begun, "the check began", lambda: world.log)
    await asyncio.sleep(0.05)
    tree.kill()
    assert (await world.runtime.files.get_many([record.id]))[0].status == "uploaded", "killed too late to show anything"
    world.grow("ticker", "worker")

    async def is_checked() -> bool:
        return (await world.runtime.files.get_many([record.id]))[0].status != "uploaded"

    await until_async(is_checked, "the check ended", lambda: world.log)
    made = await world.runtime.reports.get(_request(record, world))
    path = world.folder / "again.jsonl"
    path.write_bytes(content)
    profile = world.runtime.catalogue.profile(world.settings.default_model, "supervised")
    assert (made, profile) != (None, None)
    undisturbed = check_file(path, profile=profile, dataset_id=record.id)
    for one in ("errors", "warnings", "counts", "tokens", "examples", "lines", "sha256"):
        assert getattr(made, one) == getattr(undisturbed, one), one
    assert len([row for row in world.receiver.ledger if b"dataset." in row.body]) <= 1


def _swap(bench: Bench, sha256: str) -> None:
    """Change one byte of the stored content, which stays as long as it was."""
    path = Path(str(bench.runtime.settings.blobs)) / content_key(sha256)
    os.chmod(path, 0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def _job(bench: Bench, training: FileRecord, validation: FileRecord | None = None) -> Job:
    if validation is None:
        return await bench.job(training)
    part = Input(file_id=validation.id, sha256=validation.sha256, bytes=validation.bytes, filename=validation.filename)
    return await bench.job(training, validation=part)


GOOD = [chat(number) for number in range(12)]


async def test_v3_a_file_swapped_before_its_check(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    job = await _job(bench, record)
    _swap(bench, record.sha256)
    await bench.look(f"dataset:{record.id}")
    found = await bench.runtime.files.get(record.id)
    assert found is not None
    assert (found.status, "(dataset_corrupt)" in (found.status_details or "")) == ("error", True)
    with pytest.raises(InvalidRequest, match="not those that were accepted"):
        _check_sound(found)
    ended = await bench.drive(job)
    assert ended.error is not None
    assert (ended.status, ended.error.code, ended.error.param) == ("failed", "dataset_corrupt", "training_file")
    assert bench.provider.created == []


async def test_v3_a_file_swapped_between_check_and_upload(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    await bench.look(f"dataset:{record.id}")
    job = await _job(bench, record)
    await bench.drive(job, looks=2)  # checked and priced
    _swap(bench, record.sha256)
    ended = await bench.drive(job)
    assert ended.error is not None
    assert (ended.status, ended.error.code) == ("failed", "dataset_corrupt")
    assert (bench.provider.uploads, bench.provider.created) == ([], [])


async def test_v3_a_validation_file_that_was_swapped(bench: Bench) -> None:
    training, validation = await bench.dataset(GOOD), await bench.dataset([chat(number) for number in range(20, 30)])
    job = await _job(bench, training, validation)
    _swap(bench, validation.sha256)
    ended = await bench.drive(job)
    assert ended.error is not None
    assert (ended.error.code, ended.error.param) == ("dataset_corrupt", "validation_file")


async def test_v3_a_file_swapped_before_another_report_of_it(bench: Bench) -> None:
    record = await bench.dataset(GOOD)
    await bench.look(f"dataset:{record.id}")
    _swap(bench, record.sha256)
    asked = ReportRequest(file_id=record.id, sha256=record.sha256, model="gpt-4o-mini-2024-07-18", method="supervised")
    await bench.runtime.reports.ask(asked)
    await bench.look(f"report:{bench.runtime.reports.digest(asked)}")
    found = await bench.runtime.files.get(record.id)
    assert found is not None
    assert (found.status, found.report_key) == ("error", None)
    assert await bench.runtime.redis.zscore("tw:due", f"report:{bench.runtime.reports.digest(asked)}") is None
