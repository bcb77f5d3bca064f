"""The worker outlives every hostile file, and gives each its verdict."""

import pytest

from tests.check.hostile import FILES, PLAIN, Hostile
from tests.workers.conftest import Bench

CHOSEN = (
    "utf8-text-ff", "file-utf-16", "bom-alone", "surrogates-100000", "control-00",
    "lists-open-100000", "mixed-100000", "repeated-many", "many-keys", "controls-50000",
    "number-messages-digits", "blanks-' '", "blank-lines-alone", "empty", "cr-alone",
    "file-gzip-bomb", "file-zstd-bomb", "file-noise", "file-nul", "array-cut",
    "messages-100000", "pattern-amp",
)  # fmt: skip
REPRESENTATIVE = [file for file in FILES if file.name in CHOSEN]


def test_all_that_were_chosen_are_there() -> None:
    assert {file.name for file in REPRESENTATIVE} == set(CHOSEN)


@pytest.mark.parametrize("file", REPRESENTATIVE, ids=lambda file: file.name)
async def test_a_hostile_file_gets_its_verdict_and_the_worker_goes_on(bench: Bench, file: Hostile) -> None:
    hostile, good = await bench.dataset(file.data()), await bench.dataset(PLAIN)
    await bench.look(f"dataset:{hostile.id}")
    await bench.look(f"dataset:{good.id}")
    verdicts = [await bench.runtime.files.get(each.id) for each in (hostile, good)]
    assert [record.status for record in verdicts if record] == [verdicts[0] and verdicts[0].status, "processed"]
    assert verdicts[0] is not None
    assert verdicts[0].status in ("processed", "error")
    assert verdicts[0].report_key is not None
    assert bool(verdicts[0].error_count) == (verdicts[0].valid is False)
