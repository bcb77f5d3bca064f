"""Made datasets with a known rule, and runs on disk."""

import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from workers.training.engine import Request
from workers.training.lines import Message, read
from workers.training.local_models import LocalModels, runs_folder
from workers.training.run_directory import RunDirectory
from workers.training.spec import Control, RunSpec, RunState

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


def chat(system: str | None, user: str, answer: str) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}] if system else []
    return {"messages": [*messages, {"role": "user", "content": user}, {"role": "assistant", "content": answer}]}


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def colours(count: int, seed: int) -> list[dict[str, Any]]:
    """A made rule: the animal decides the word, whatever else is said. Nothing in the base model knows it."""
    rule = {"cat": "vormik", "dog": "taloon", "fish": "brezz", "bird": "quillo"}
    rng = random.Random(seed)
    words = [
        "old",
        "small",
        "red",
        "green",
        "house",
        "river",
        "walks",
        "sleeps",
        "near",
        "under",
        "often",
        "never",
        "today",
    ]
    lines = []
    for _ in range(count):
        animal = rng.choice(list(rule))
        before, after = rng.sample(words, 4), rng.sample(words, 3)
        lines.append(chat("Name it.", " ".join([*before, animal, *after]), rule[animal]))
    return lines


def orders(count: int, seed: int, half: int) -> list[dict[str, Any]]:
    """Orders to JSON; the two halves share no name, goods or town."""
    made = random.Random(7)

    def invented(many: int, syllables: int) -> list[str]:
        return [
            "".join(made.choice("bdfgklmnprst") + made.choice("aeiou") for _ in range(syllables)) for _ in range(many)
        ]

    names, goods, towns = ([w.title() for w in invented(60, 3)], invented(60, 4), [w.title() for w in invented(60, 2)])
    rng, cut = random.Random(seed), slice(30 * half, 30 * half + 30)
    forms = ("Please send {q} {g} to {n} in {t}.", "{n} from {t} wants {q} {g}", "Order: {q} {g} for {n}, {t}")
    lines = []
    for _ in range(count):
        n, g, t, q = rng.choice(names[cut]), rng.choice(goods[cut]), rng.choice(towns[cut]), rng.randint(2, 99)
        answer = json.dumps({"name": n, "item": g, "quantity": q, "town": t})
        lines.append(chat("Extract the order as JSON.", rng.choice(forms).format(n=n, g=g, t=t, q=q), answer))
    return lines


MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(training: Path, validation: Path | None = None, name: str = "run", **fields: Any) -> RunDirectory:
        run = RunDirectory(runs_folder(tmp_path) / ("ftrun-" + hashlib.sha256(name.encode()).hexdigest()[:24]))
        run.path.mkdir(parents=True)
        defaults: dict[str, Any] = {
            "method": "supervised", "n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.0, "seed": 1,
        }  # fmt: skip
        spec = RunSpec(
            run_id=run.run_id,
            mark=name,
            model="tunewright-tiny",
            org="test",
            created_at=time.time(),
            training_path=str(training),
            validation_path=str(validation) if validation else None,
            **(defaults | fields),
        )
        (run.path / "spec.json").write_bytes(msgspec.json.encode(spec))
        run.write_state(RunState())
        run.write_control(Control())
        return run

    return make


def start(run: RunDirectory) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "workers.training.run", str(run.path)], cwd=ROOT)


def train(run: RunDirectory) -> RunState:
    assert start(run).wait(180) == 0
    return run.state()


def losses(run: RunDirectory) -> list[float]:
    return [event.data["train_loss"] for event in run.events(limit=10**6) if event.type == "metrics"]


def exact(models: LocalModels, name: str, held_out: Path) -> float:
    """Share of held-out answers that the model writes to the letter, at temperature 0."""
    right = 0
    total = 0
    for _, line in read(held_out):
        assert line.messages
        request = Request(messages=line.messages[:-1], temperature=0.0)
        right += "".join(c.text for c in models.generate(name, request)) == line.messages[-1].content
        total += 1
    return right / total


def ask(models: LocalModels, name: str, text: str, **fields: Any) -> str:
    request = Request(messages=[Message(role="user", content=text)], **({"temperature": 0.0} | fields))
    return "".join(chunk.text for chunk in models.generate(name, request))
