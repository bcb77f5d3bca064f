"""Dataset check against OpenAI's cookbook flow and bare tiktoken: `python -m bench.check [--mb 200] [--memory]`.

One corpus of real text, interleaved rounds, every route in a process of its own so that its peak memory is its own.
What counts are the ratios of one run: of wall time where the machine has nothing else to do, of CPU time anywhere.
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from bench.corpus import Form, write_corpus

ROOT = Path(__file__).resolve().parents[1]


Seconds = tuple[float, float]
"""By the clock, and of all cores."""


def now() -> Seconds:
    return time.perf_counter(), time.process_time()


def since(start: Seconds) -> Seconds:
    wall, cpu = now()
    return wall - start[0], cpu - start[1]


def cookbook(path: Path) -> Seconds:
    """Do what OpenAI's data preparation notebook does: all in memory, checks, cl100k counts, answers again."""
    import tiktoken

    from service.check.tokens import load_encoding

    encoding: tiktoken.Encoding = load_encoding("cl100k_base")
    start = now()
    with path.open(encoding="utf-8") as lines:
        dataset = [json.loads(line) for line in lines]
    errors: dict[str, int] = {}
    for example in dataset:
        messages = example.get("messages", None)
        if not messages:
            errors["missing_messages_list"] = errors.get("missing_messages_list", 0) + 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                errors["message_missing_key"] = errors.get("message_missing_key", 0) + 1
            if any(key not in ("role", "content", "name", "function_call", "weight") for key in message):
                errors["message_unrecognized_key"] = errors.get("message_unrecognized_key", 0) + 1
            if message.get("role", None) not in ("system", "user", "assistant", "function"):
                errors["unrecognized_role"] = errors.get("unrecognized_role", 0) + 1
        if not any(message.get("role", None) == "assistant" for message in messages):
            errors["example_missing_assistant_message"] = errors.get("example_missing_assistant_message", 0) + 1
    lengths, answers = [], []
    for example in dataset:
        messages = example["messages"]
        lengths.append(3 + sum(3 + sum(len(encoding.encode(v)) for v in each.values()) for each in messages))
        answers.append(sum(len(encoding.encode(m["content"])) for m in messages if m["role"] == "assistant"))
    assert not errors
    return since(start)


_NOT_SAID = {"role", "type", "id", "tool_call_id"}


def strings_of(value: Any) -> Iterator[str]:
    """Yield the strings that are told to a model: all that members hold but for those of form."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from strings_of(each)
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            if name not in _NOT_SAID:
                yield from strings_of(each)


def bare(path: Path) -> Seconds:
    """Count every string of the file with tiktoken's o200k_base, and nothing else; parsing is not timed."""
    from service.check.tokens import load_encoding

    encode = load_encoding("o200k_base").encode_ordinary
    with path.open(encoding="utf-8") as lines:
        texts = [text for line in lines for text in strings_of(json.loads(line))]
    start = now()
    total = sum(len(encode(text)) for text in texts)
    assert total
    return since(start)


def ours(path: Path) -> Seconds:
    """Run the full check: parse, rules, duplicates, exact tokens; loading what it works with is not timed."""
    with path.open("rb") as lines:
        is_preference = b'"preferred_output"' in lines.readline()
    from service.check.engine import check_file
    from service.check.tokens import load_encoding
    from service.core.dataset.profile import CheckProfile

    profile = CheckProfile(
        model="bench",
        method="dpo" if is_preference else "supervised",
        encoding="o200k_base",
        max_example_tokens=65536,
        min_examples=10,
        formats=("preference",) if is_preference else ("chat",),
    )
    load_encoding("o200k_base")  # counts a share again
    check_file(io.BytesIO(b'{"messages": []}'), profile=profile)
    start = now()
    report = check_file(path, profile=profile)
    assert report.examples == report.lines, report.counts
    return since(start)


ROUTES: dict[str, Callable[[Path], Seconds]] = {"cookbook": cookbook, "bare tiktoken": bare, "tunewright": ours}


class Taken(NamedTuple):
    """What one run of a route took: seconds by the clock, seconds of all cores, and at its peak MB of memory."""

    wall: float
    cpu: float
    peak: float


def measure(route: str, path: Path) -> Taken:
    """Run one route in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.check", "--route", route, "--file", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    wall, cpu, kib = done.stdout.split()
    return Taken(float(wall), float(cpu), int(kib) / 1024)


def run(route: str, path: Path) -> None:
    """Run one route here and print its seconds, and the process's peak memory in KiB."""
    print(*ROUTES[route](path), peak_kib())


def peak_kib() -> int:
    """Return this process's peak memory; Linux counts the parent's into `ru_maxrss`, so its own mark is read there."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def compare(path: Path, form: Form, goals: dict[str, float | None], rounds: int) -> None:
    """Print what the check takes beside other routes, and how many times as long these take; some have a goal."""
    size = path.stat().st_size / 1e6
    routes = [*goals, "tunewright"]
    taken: dict[str, list[Taken]] = {route: [] for route in routes}
    for _ in range(rounds):
        for route in routes:
            taken[route].append(measure(route, path))
    wall = {route: statistics.median(each.wall for each in runs) for route, runs in taken.items()}
    cpu = {route: statistics.median(each.cpu for each in runs) for route, runs in taken.items()}
    print(f"{size:.1f} MB of {form} lines, median of {rounds} interleaved rounds")
    for route, runs in taken.items():
        peak = max(each.peak for each in runs)
        figures = f"{wall[route]:7.2f} s  {size / wall[route]:6.1f} MB/s  CPU {cpu[route]:6.2f} s  peak {peak:5.0f} MB"
        print(f"  {route:14} {figures}")
    for route, goal in goals.items():
        aim = "no goal" if goal is None else f"goal {goal:g}"
        print(
            f"check / {route}: {wall[route] / wall['tunewright']:.2f} x ({aim}),"
            f" by CPU time {cpu[route] / cpu['tunewright']:.2f} x"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="check the file alone and print the peak memory")
    parser.add_argument("--route", choices=ROUTES)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.route:
        run(given.route, given.file)
        return
    with tempfile.TemporaryDirectory(prefix="tunewright-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        write_corpus(path, given.mb)
        if given.memory:
            taken = measure("tunewright", path)
            print(f"{given.mb:.0f} MB checked in {taken.wall:.1f} s, peak memory {taken.peak:.0f} MB (goal below 300)")
        else:
            compare(path, "chat", {"cookbook": 10, "bare tiktoken": 0.8}, given.rounds)
            for form in ("tools", "preference"):  # the cookbook's flow takes neither
                write_corpus(path, given.mb / 5, form)
                compare(path, form, {"bare tiktoken": None}, given.rounds)


if __name__ == "__main__":
    main()
