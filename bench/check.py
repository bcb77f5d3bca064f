"""Dataset check against OpenAI's cookbook flow and against bare tiktoken: `python bench/check.py [--mb 60] [--memory]`.

One corpus, interleaved rounds, every route in a process of its own so that its peak memory is its own. What counts are
the ratios of one run; absolute figures move with the machine.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = (
    "You are a careful assistant. Answer from the text alone.",
    "You explain code to newcomers in plain words.",
    "あなたは親切なアシスタントです。簡潔に答えてください。",
    "You are a support agent. Be brief, name the next step.",
)
KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん"
    "日本語文章東京都市学校時間情報機械学習"
)


def write_corpus(path: Path, megabytes: float) -> None:
    """Write chat lines cut from the standard library's sources: code, English prose, some Japanese; fixed seed."""
    rng = random.Random(20261122)
    texts = list(_passages(rng))
    with path.open("w", encoding="utf-8") as out:
        size = at = 0
        while size < megabytes * 1e6:
            at += 1
            line = json.dumps({"messages": _conversation(rng, texts)}, ensure_ascii=at % 2 == 0)
            size += out.write(line + "\n")


def _passages(rng: random.Random) -> Iterator[str]:
    for source in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = source.read_text(encoding="utf-8", errors="ignore")
        at = 0
        while at < len(text):
            size = min(6000, max(40, int(rng.lognormvariate(5.4, 1.1))))
            yield text[at : at + size]
            at += size
    for _ in range(600):
        yield "。".join("".join(rng.choices(KANA, k=rng.randint(8, 40))) for _ in range(rng.randint(1, 12)))


def _conversation(rng: random.Random, texts: list[str]) -> list[dict[str, str]]:
    messages = [{"role": "system", "content": rng.choice(SYSTEMS)}]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        messages.append({"role": "user", "content": f"{rng.randrange(10**6)} {rng.choice(texts)}"})
        messages.append({"role": "assistant", "content": f"{rng.choice(texts)} {rng.randrange(10**6)}"})
    return messages


def cookbook(path: Path) -> int:
    """Do what OpenAI's data preparation notebook does: all in memory, checks, cl100k counts, answers again."""
    import tiktoken

    from service.check.tokens import load_encoding

    encoding: tiktoken.Encoding = load_encoding("cl100k_base")
    start = time.perf_counter()
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
    return int((time.perf_counter() - start) * 1e6)


def bare(path: Path) -> int:
    """Count every string of the file with tiktoken's o200k_base, and nothing else; parsing is not timed."""
    from service.check.tokens import load_encoding

    encode = load_encoding("o200k_base").encode_ordinary
    with path.open(encoding="utf-8") as lines:
        texts = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    start = time.perf_counter()
    total = sum(len(encode(text)) for text in texts)
    assert total
    return int((time.perf_counter() - start) * 1e6)


def ours(path: Path) -> int:
    """Run the full check: parse, rules, duplicates, exact tokens."""
    from service.check.engine import check_file
    from service.check.tokens import TokenCounter
    from service.core.dataset.profile import CheckProfile

    profile = CheckProfile(
        model="bench",
        method="supervised",
        encoding="o200k_base",
        max_example_tokens=65536,
        min_examples=10,
        formats=("chat",),
    )
    TokenCounter("o200k_base")
    start = time.perf_counter()
    report = check_file(path, profile=profile)
    assert report.valid, report.counts
    return int((time.perf_counter() - start) * 1e6)


ROUTES: dict[str, Callable[[Path], int]] = {"cookbook": cookbook, "bare tiktoken": bare, "tunewright": ours}


def measure(route: str, path: Path) -> tuple[float, float]:
    """Run one route in a new process; return its seconds and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, __file__, "--route", route, "--file", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    micros, kib = done.stdout.split()
    return int(micros) / 1e6, int(kib) / 1024


def peak_kib() -> int:
    """Return this process's peak memory; Linux counts the parent's into `ru_maxrss`, so its own mark is read there."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def compare(path: Path, rounds: int) -> None:
    size = path.stat().st_size / 1e6
    times: dict[str, list[float]] = {route: [] for route in ROUTES}
    peaks: dict[str, float] = {}
    for _ in range(rounds):
        for route in ROUTES:
            seconds, peak = measure(route, path)
            times[route].append(seconds)
            peaks[route] = max(peak, peaks.get(route, 0))
    middle = {route: statistics.median(taken) for route, taken in times.items()}
    print(f"{size:.1f} MB of chat lines, median of {rounds} interleaved rounds")
    for route, seconds in middle.items():
        print(f"  {route:14} {seconds:7.2f} s  {size / seconds:6.1f} MB/s  peak {peaks[route]:5.0f} MB")
    print(f"check / cookbook flow: {middle['cookbook'] / middle['tunewright']:.1f} x (goal 10)")
    print(f"check / bare tiktoken: {middle['bare tiktoken'] / middle['tunewright']:.2f} x (goal 0.8)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="check 500 MB and print the peak memory")
    parser.add_argument("--route", choices=ROUTES)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.route:
        sys.path.insert(0, str(ROOT))
        print(ROUTES[given.route](given.file), peak_kib())
        return
    with tempfile.TemporaryDirectory(prefix="tunewright-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        write_corpus(path, 500 if given.memory else given.mb)
        if given.memory:
            seconds, peak = measure("tunewright", path)
            print(f"500 MB checked in {seconds:.1f} s, peak memory {peak:.0f} MB (goal below 300)")
        else:
            compare(path, given.rounds)


if __name__ == "__main__":
    main()
