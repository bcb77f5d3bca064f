"""`make demo`, as a stranger runs it: no terminal, no key, a fresh folder."""

import re

from tests.e2e.installation import tunewright


def test_it_goes_from_lines_to_models_that_answer(tmp_path):
    ended = tunewright("demo", "--data-dir", str(tmp_path / "data"), COLUMNS="80")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row = re.search(r"bank intents\s+│\s+12\.5%\s+│\s+([\d.]+)%\s+│\s+([\d.]+)%", ended.stdout)
    assert float(row[1]) <= 12.5
    assert float(row[2]) > 85
    assert ended.stdout.count("✓ fine_tuning.job.succeeded") == 2
    assert "stays near guessing" in ended.stdout.replace("\n", " ")
    assert "\x1b" not in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_without_a_service_it_says_so(tmp_path):
    ended = tunewright("demo", "--base-url", "http://127.0.0.1:1/v1")
    assert ended.returncode == 1
    assert "Connection error" in ended.stdout
