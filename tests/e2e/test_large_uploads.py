"""Large files through the API, with the bench that measures it: the same bytes, within 64 MB of memory."""

import subprocess
import sys

import pytest

from tests.e2e.stack import REPOSITORY


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("file_mb", "upload_mb"), [pytest.param(8, 24, id="small"), pytest.param(512, 3000, marks=pytest.mark.soak)]
)
def test_large_files_come_out_as_they_went_in(file_mb: int, upload_mb: int) -> None:
    command = [sys.executable, "-m", "bench.uploads", "--file-mb", str(file_mb), "--upload-mb", str(upload_mb)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("the same bytes") == 2
