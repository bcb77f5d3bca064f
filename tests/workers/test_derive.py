"""From a plan to datasets that are checked, by the worker's own steps."""

import json
from typing import Any

import msgspec
import pytest

from service.core.derivations import Derivation, DerivationPlan
from service.core.files import FileRecord
from service.core.ids import make
from service.core.jobs import Input
from service.core.prepare.operations import Operation, Split
from service.store.blobs import content_key
from tests.workers.conftest import Bench, chat


def part_of(record: FileRecord) -> Input:
    return Input(file_id=record.id, sha256=record.sha256, bytes=record.bytes, filename=record.filename)


async def planned(bench: Bench, source: FileRecord, *operations: Any, merged: tuple[FileRecord, ...] = ()) -> Any:
    """Store a plan and its outputs as the API does."""
    read = msgspec.json.decode(json.dumps(operations), type=tuple[Operation, ...])
    outputs = tuple(make("file-") for _ in range(1 + isinstance(read[-1], Split)))
    plan = DerivationPlan(
        id=make("drv_"),
        source=part_of(source),
        merged=tuple(map(part_of, merged)),
        operations=read,
        outputs=outputs,
        model="gpt-4.1-mini-2025-04-14",
        method="supervised",
    )
    derivation = Derivation(id=plan.id, operations=read, sources=tuple(each.id for each in merged))
    records = [
        FileRecord(
            id=each,
            filename="d.jsonl",
            purpose="fine-tune",
            bytes=0,
            sha256="",
            created_at=2,
            derived_from=source.id,
            derivation=derivation,
        )
        for each in outputs
    ]

    async def unguarded(_: object) -> None:
        return None

    await bench.runtime.derivations.create(plan, records, lambda _: None, unguarded, 2_000_000)
    return plan


async def content(bench: Bench, file_id: str) -> tuple[FileRecord, list[Any]]:
    record = await bench.runtime.files.get(file_id)
    assert record is not None
    data = b"".join([chunk async for chunk in bench.runtime.blobs.read(content_key(record.sha256))])
    assert len(data) == record.bytes
    return record, [json.loads(line) for line in data.splitlines()]


async def test_a_plan_becomes_two_checked_datasets(bench: Bench) -> None:
    lines = [chat(at) for at in range(40)]
    source = await bench.dataset([*lines, *lines[:4]])
    plan = await planned(bench, source, {"type": "dedupe"}, {"type": "split", "validation": 10, "seed": 1})
    await bench.look(f"dataset:{plan.outputs[0]}")  # not there yet
    await bench.look(f"derive:{plan.id}")
    for output in plan.outputs:
        await bench.look(f"dataset:{output}")
    (training, kept), (validation, moved) = [await content(bench, output) for output in plan.outputs]
    assert (len(kept), len(moved)) == (30, 10)
    assert all(line in lines for line in (*kept, *moved))
    assert (training.status, training.examples, validation.examples) == ("processed", 30, 10)
    diff = await bench.runtime.derivations.diff(training)
    assert diff is not None
    assert (diff.derived_from, diff.dataset, diff.part) == (source.id, training.id, "training")
    assert (diff.lines.before, diff.lines.removed, diff.lines.after) == (44, 14, 30)
    assert (await content(bench, source.id))[0].sha256 == source.sha256
    await bench.look(f"derive:{plan.id}")
    assert await bench.runtime.derivations.get(plan.id) is None
    assert await bench.runtime.files.refs.owners(source.sha256) == {source.id}


async def test_a_crash_before_the_end_makes_the_same_again(bench: Bench) -> None:
    source = await bench.dataset([chat(at) for at in range(20)])
    plan = await planned(bench, source, {"type": "sample", "count": 5, "seed": 3})
    finish = bench.runtime.derivations.finish
    made: list[Any] = []

    async def crash(_: object, blobs: Any) -> None:
        made.append(blobs)
        raise RuntimeError("killed")

    bench.runtime.derivations.finish = crash  # type: ignore[method-assign]
    await bench.look(f"derive:{plan.id}")
    bench.runtime.derivations.finish = finish  # type: ignore[method-assign]
    await bench.runtime.due.ring(f"derive:{plan.id}")
    await bench.look(f"derive:{plan.id}")
    record, lines = await content(bench, plan.outputs[0])
    assert len(lines) == 5
    assert made[0][0].sha256 == record.sha256


@pytest.mark.parametrize(
    ("data", "operation", "told"),
    [
        (
            b"question,answer\na,b\n",
            {"type": "convert"},
            "operations[0]: the columns 'question', 'answer' fit no known",
        ),
        (b"{}\n", {"type": "clean"}, "missing_messages"),
        (b'{"prompt":"a","completion":"b"}\n', {"type": "split", "validation": 1}, "cannot_split"),
    ],
)
async def test_what_can_not_be_made_is_rejected_with_the_reason(
    bench: Bench, data: bytes, operation: Any, told: str
) -> None:
    source = await bench.dataset(data)
    plan = await planned(bench, source, operation)
    await bench.look(f"derive:{plan.id}")
    for output in plan.outputs:
        record = await bench.runtime.files.get(output)
        assert record is not None
        assert (record.dataset_status, record.has_content) == ("rejected", False)
        assert told in (record.status_details or "")
    assert await bench.runtime.derivations.get(plan.id) is None


async def test_inputs_outlive_their_records_until_the_plan_is_done(bench: Bench) -> None:
    source, other = await bench.dataset([chat(1)]), await bench.dataset([chat(2)])
    plan = await planned(bench, source, {"type": "merge", "datasets": [other.id]}, merged=(other,))
    await bench.runtime.files.delete(source.id)
    await bench.runtime.files.delete(other.id)
    await bench.runtime.redis.delete(*await bench.runtime.redis.keys("tw:blob:*:wanted"))

    async def is_alive(owner: str) -> bool:
        return await bench.runtime.derivations.get(owner) is not None

    assert await bench.runtime.files.refs.collect(bench.runtime.blobs, 1e12, is_alive) == 0
    await bench.look(f"derive:{plan.id}")
    record, lines = await content(bench, plan.outputs[0])
    assert lines == [chat(1), chat(2)]
    diff = await bench.runtime.derivations.diff(record)
    assert diff is not None
    assert (diff.sources, diff.lines.added) == ((other.id,), 1)


async def test_a_plan_whose_outputs_are_gone_is_dropped(bench: Bench) -> None:
    source = await bench.dataset([chat(1)])
    plan = await planned(bench, source, {"type": "dedupe"})
    await bench.runtime.files.delete(plan.outputs[0])
    await bench.look(f"derive:{plan.id}")
    assert await bench.runtime.derivations.get(plan.id) is None
