"""Three hundred hostile files: none stops the check, each in bounded time, with the right finding."""

import io
import time

import pytest

from service.check.engine import check_file
from service.core.dataset.codes import CODES
from tests.check.conftest import profile
from tests.check.hostile import FILES, GOOD, Hostile


def test_there_are_three_hundred() -> None:
    assert len({file.name for file in FILES}) == len(FILES) >= 300


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.encode("unicode_escape").decode()[:60])
def test_hostile_file(file: Hostile) -> None:
    data = file.data()
    begun = time.process_time()
    report = check_file(io.BytesIO(data), profile=profile())
    assert time.process_time() - begun < 60
    assert report.bytes == len(data)
    if not file.whole:
        assert report.examples >= 2 * len(GOOD), report.counts
    errors = {code for code in report.counts if CODES[code].severity == "error"}
    if not file.codes:
        assert not errors, report.errors[:3]
    elif "*" not in file.codes:
        assert file.codes & report.counts.keys(), report.counts
