"""Speed and quality of engine `tiny`: `python -m bench.training` (real sets from ../shared/data where they are)."""

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from service.core.jobs import Hyperparameters
from workers.training.engine import Method, Request
from workers.training.engines import engine_for
from workers.training.lines import read
from workers.training.local_models import LocalModels, runs_folder
from workers.training.run_directory import RunDirectory
from workers.training.spec import Control, RunSpec, RunState

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "tunewright-tiny"


def bench(folder: Path, name: str, training: Path, held_out: Path, **asked: Any) -> None:
    """Train in a process of its own, as the service does, then ask every held-out question."""
    method: Method = "supervised"
    lines = sum(1 for _ in read(training))
    numbers = engine_for(MODEL).resolve(Hyperparameters(**asked), method=method, examples=lines)
    run = RunDirectory(runs_folder(folder) / f"ftrun-{hashlib.sha256(name.encode()).hexdigest()[:24]}")
    run.path.mkdir(parents=True)
    spec = RunSpec(
        run_id=run.run_id,
        mark=name,
        model=MODEL,
        org="bench",
        training_path=str(training),
        validation_path=str(held_out),
        method=method,
        n_epochs=numbers.n_epochs,
        batch_size=numbers.batch_size,
        learning_rate_multiplier=numbers.learning_rate_multiplier,
        seed=1,
        created_at=time.time(),
    )
    (run.path / "spec.json").write_bytes(msgspec.json.encode(spec))
    run.write_state(RunState())
    run.write_control(Control())
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "workers.training.run", str(run.path)], cwd=ROOT)
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    report(folder, name, lines, run, wall, usage, held_out)


def report(
    folder: Path, name: str, lines: int, run: RunDirectory, wall: float, usage: resource.struct_rusage, held_out: Path
) -> None:
    """Print one row."""
    spec, state, models = run.spec(), run.state(), LocalModels(folder)
    asked = [line.messages for _, line in read(held_out) if line.messages][:300]
    exact: dict[str, float] = {}
    seconds = 0.0
    for model in (MODEL, spec.tuned_name):
        models.load(model)
        began = time.perf_counter()
        answers = [list(models.generate(model, Request(messages=m[:-1], temperature=0.0))) for m in asked]
        seconds = time.perf_counter() - began
        right = ("".join(c.text for c in a) == m[-1].content for a, m in zip(answers, asked, strict=True))
        exact[model] = sum(right) / len(asked)
    metrics = run.checkpoints()[0].metrics
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{name:<22} {lines:>6} x {spec.n_epochs} batch {spec.batch_size:<3} {state.step:>5} steps "
        f"{wall:6.1f} s, cpu {cpu:5.1f} s "
        f"{usage.ru_maxrss / 1024:5.0f} MiB  valid loss {metrics['full_valid_loss']:.3f} "
        f"accuracy {metrics['full_valid_mean_token_accuracy']:.3f}  exact base {exact[MODEL]:.1%} "
        f"tuned {exact[spec.tuned_name]:.1%}  {seconds / len(asked) * 1e3:.1f} ms an answer"
    )


def orders(path: Path, count: int, seed: int) -> Path:
    """Orders to JSON, every name, item and town made up anew, so that held-out ones were never seen."""
    rng = random.Random(seed)

    def word(syllables: int) -> str:
        return "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(syllables))

    forms = ("Please send {q} {g} to {n} in {t}.", "{n} from {t} wants {q} {g}", "Order: {q} {g} for {n}, {t}")
    with path.open("w") as file:
        for _ in range(count):
            n, g, t, q = word(3).title(), word(4), word(2).title(), rng.randint(2, 99)
            answer = json.dumps({"name": n, "item": g, "quantity": q, "town": t})
            asked = rng.choice(forms).format(n=n, g=g, t=t, q=q)
            pairs = (("system", "Extract the order as JSON."), ("user", asked), ("assistant", answer))
            file.write(json.dumps({"messages": [{"role": r, "content": c} for r, c in pairs]}) + "\n")
    return path


def main() -> None:
    """Run all rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held_out = orders(folder / "held.jsonl", 200, 2)
        for count in (50, 200, 1000):
            bench(folder, f"orders to JSON {count}", orders(folder / f"orders{count}.jsonl", count, 1), held_out)
        if not DATA.is_dir():
            print("SKIPPED LOUDLY: ../shared/data is not here, so no real sets")
            return
        bank = DATA / "banking77"
        bench(folder, "bank 8 intents", bank / "eight_intents_train.jsonl", bank / "eight_intents_test.jsonl")
        lines = (bank / "train.jsonl").read_text().splitlines(keepends=True)
        random.Random(1).shuffle(lines)
        (folder / "bank77.jsonl").write_text("".join(lines[:9000]))
        (folder / "bank77_held.jsonl").write_text("".join(lines[9000:]))
        bench(folder, "bank 77 intents", folder / "bank77.jsonl", folder / "bank77_held.jsonl", n_epochs=3)
        lsat = DATA / "ar_lsat"
        for batch in (8, "auto"):
            bench(folder, f"AR-LSAT b{batch}", lsat / "train.jsonl", lsat / "validation.jsonl", batch_size=batch)


if __name__ == "__main__":
    main()
