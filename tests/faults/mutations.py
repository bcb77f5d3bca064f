"""`python -m tests.faults.mutations [WORD…]`: switch mechanisms off one at a time; the tests of each must then fail.

Each mutant is a copy of the tree with one text replaced, run beside the original. Exit status 0: every one was caught.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutations_beside import BESIDE

ROOT = Path(__file__).resolve().parents[2]
_LEFT_OUT = (".git", ".venv", "node_modules", "__pycache__", ".ruff_cache", ".pytest_cache", ".tunewright")
_LIMIT_S = 300
CAUGHT = "caught"


@dataclass(frozen=True)
class Mutation:
    """A mechanism by its row of reliability §3; `old` in `path` becomes `new`, and `tests` must fail."""

    name: str
    path: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        "C6 extras none",
        "service/core/duplicates.py",
        "    return [seen for",
        "    return [] and [seen for",
        "tests/faults/test_duplicates.py",
    ),
    Mutation(
        "C6 no watch after doubt",
        "service/store/standings.py",
        "if _is_settled(old, job) and duplicates.is_doubtful(job):",
        "if False:",
        "tests/faults/test_duplicates.py -k lags",
    ),
    Mutation(
        "C6 adoption not awaited",
        "service/core/duplicates.py",
        "    if job.remote.job_id is None and not job.is_terminal:\n        return []\n",
        "",
        "tests/faults/test_duplicates.py -k not_yet",
    ),
    Mutation(
        "P5 no pages",
        "workers/providers/openai_jobs.py",
        "if len(wanted) > 1 or (wanted and met is not None):",
        "if False:",
        "tests/faults/test_polling.py -k p5_a_round",
    ),
    Mutation(
        "P5 pause from end",
        "workers/steps/poll.py",
        "random.uniform(0.8, 1.2) - elapsed_s)",
        "random.uniform(0.8, 1.2))",
        "tests/faults/test_polling.py -k thousand_rounds",
    ),
    Mutation(
        "P5 no resume",
        "workers/providers/openai_jobs.py",
        "            self._resume_after = page[-1].id  # also for when the next page fails\n",
        "            pass\n",
        "tests/faults/test_polling.py -k longer",
    ),
    Mutation(
        "P2 claim twice",
        "service/store/due.py",
        "if held or not score then return nil end",
        "if not score then return nil end",
        "tests/faults/test_polling.py -k p2_",
    ),
    Mutation(
        "claim nonce",
        "service/store/due.py",
        "if held and string.match(held, ':(.*)$') == ARGV[3] then",
        "if false then",
        "tests/store/test_due.py -k lost",
    ),
    Mutation(
        "C5 gate open",
        "workers/providers/gate.py",
        "            if pause is not None:\n",
        "            if pause is not None and False:\n",
        "tests/faults/test_credentials.py",
    ),
    Mutation(
        "C5 success closes",
        "service/store/credentials.py",
        "  if tonumber(c[2]) > time[1] + time[2] / 1e6 then return '' end\n",
        "",
        "tests/faults/test_credentials.py -k in_flight",
    ),
    Mutation(
        "C5 probe not held",
        "service/store/credentials.py",
        "if is_open then redis.call('HSET', KEYS[1], 'probe', tostring(now + ARGV[3])) end",
        "",
        "tests/faults/test_credentials.py -k wrong_key",
    ),
    Mutation(
        "C5 Retry-After ignored",
        "service/store/credentials.py",
        "asked = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)",
        "asked = 0.0",
        "tests/faults/test_credentials.py -k asks_to_wait",
    ),
    Mutation(
        "P1 no cap",
        "workers/steps/poll.py",
        "pause_after(context, claim, error, cap_s=OUTAGE_PAUSE_S)",
        "pause_after(context, claim, error, cap_s=3600.0)",
        "tests/faults/test_credentials.py -k half_an_hour",
    ),
    Mutation(
        "hold: always on",
        "service/store/holds.py",
        "return self.ahead == 0 and self.closed_for is None",
        "return True",
        "tests/faults/test_refusals.py -k hold_",
    ),
    Mutation(
        "hold: nobody rung",
        "service/store/holds.py",
        "if not first or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end",
        "if true then return 0 end",
        "tests/faults/test_refusals.py -k as_soon",
    ),
    Mutation(
        "hold: no priority",
        "service/core/holds.py",
        "return -job.options.priority * _YEARS + job.created_at",
        "return float(job.created_at)",
        "tests/faults/test_refusals.py -k priority",
    ),
    Mutation(
        "quota not a create's",
        "service/core/credentials.py",
        'if reason == "quota":',
        "if False:",
        "tests/faults/test_refusals.py -k quota",
    ),
    Mutation(
        "closed: files stay",
        "workers/steps/create.py",
        "        await upload.discard(context, job)\n",
        "",
        "tests/faults/test_refusals.py -k closed",
    ),
    Mutation(
        "deadline off",
        "service/core/deadlines.py",
        "    is_stopping = job.expired",
        "    is_stopping = True or job.expired",
        "tests/faults/test_deadlines.py -k deadline",
    ),
    Mutation(
        "stuck set not kept",
        "service/store/standings.py",
        "    stages.place(pipe, old, job)\n",
        "",
        "tests/faults/test_deadlines.py -k stuck",
    ),
    Mutation(
        "R5 settle by host clock",
        "workers/steps/create.py",
        "_settle_s(context, job) - await context.runtime.due.now()",
        "_settle_s(context, job) - clock.now()",
        "tests/faults/test_lasting.py -k settling",
    ),
    Mutation(
        "R5 missing by host clock",
        "workers/steps/poll.py",
        "            await _missing(context, job, now)",
        "            await _missing(context, job, __import__('service.core.clock', fromlist=['now']).now())",
        "tests/faults/test_lasting.py -k unlisted",
    ),
    Mutation(
        "R6 sets not left",
        "service/store/standings.py",
        "        freshness.ended(pipe, job.provider, job.id)\n",
        "",
        "tests/faults/test_lasting.py -k r6",
    ),
    Mutation(
        "R7 unreadable breaks",
        "service/store/jobs.py",
        "    except msgspec.ValidationError as error:",
        "    except ZeroDivisionError as error:",
        "tests/faults/test_lasting.py -k r7",
    ),
    Mutation(
        "U2 no look-up",
        "workers/providers/openai_files.py",
        "file.filename == name and file.bytes == size",
        "False",
        "tests/faults/test_sending.py -k u2",
    ),
    Mutation(
        "A7 temp stays",
        "service/store/blob_folder.py",
        "await asyncio.to_thread(self.path.unlink, missing_ok=True)",
        "pass",
        "tests/faults/test_arriving.py -k a7_a_dataset",
    ),
    Mutation(
        "A8 key not scoped",
        "service/api/idempotency.py",
        'text = "\\0".join((caller_of(request), ',
        'text = "\\0".join((',
        "tests/faults/test_arriving.py -k a8",
    ),
    *(Mutation(*one) for one in BESIDE),
)


def outcome(mutation: Mutation, folder: Path) -> str:
    """Run the tests on the mutant and say what came of it; CAUGHT if they fail."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    path = tree / mutation.path
    text = path.read_text("utf-8")
    if mutation.old not in text:
        return "no such text"
    path.write_text(text.replace(mutation.old, mutation.new, 1), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutation.tests.split()]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        return "OUT OF TIME"
    return {0: "NOT CAUGHT", 1: CAUGHT}.get(done.returncode, f"pytest said {done.returncode}")


def main(words: list[str]) -> int:
    """Try the mutations whose names hold one of `words`, or all; print a line for each, and the sum."""
    chosen = [one for one in MUTATIONS if not words or any(word in one.name for word in words)]
    width = max((len(one.name) for one in chosen), default=0)
    results: list[str] = []
    for mutation in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="tw-m-") as folder:
            results.append(outcome(mutation, Path(folder)))
        seconds = time.monotonic() - began
        print(f"{results[-1]:12} {seconds:4.0f} s  {mutation.name:{width}}  {mutation.tests}", flush=True)
    print(f"{results.count(CAUGHT)} of {len(results)} caught")
    return int(results.count(CAUGHT) < len(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
