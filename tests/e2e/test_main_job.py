"""The main job through the public API with the unmodified SDK: dataset in, tuned model that answers out."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.stack import REPOSITORY, SHARED_DATA, Stack, finished, upload

BANK = REPOSITORY / "examples" / "bank_intents"
AR_LSAT = SHARED_DATA / "ar_lsat"

needs_ar_lsat = pytest.mark.skipif(
    not AR_LSAT.is_dir(), reason="SKIPPED: AR-LSAT is not beside this checkout (../shared/data/ar_lsat), not shipped"
)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def accuracy(client: openai.OpenAI, model: str, questions: list[dict[str, Any]]) -> float:
    right = 0
    for question in questions:
        *asked, expected = question["messages"]
        answer = client.chat.completions.create(model=model, messages=asked, temperature=0, max_tokens=20)
        right += answer.choices[0].message.content == expected["content"]
    return right / len(questions)


def tuned(client: openai.OpenAI, training: Path, validation: Path | None = None, **numbers: Any) -> Any:
    job = client.fine_tuning.jobs.create(
        model="tunewright-tiny",
        training_file=upload(client, training),
        validation_file=upload(client, validation) if validation else openai.omit,
        method={"type": "supervised", "supervised": {"hyperparameters": numbers}},
        suffix="test",
        seed=7,
    )
    return finished(client, job.id)


def test_bank_messages_from_guessing_to_over_ninety_percent(stack: Stack) -> None:
    client = stack.client()
    questions = read(BANK / "test.jsonl")
    job = tuned(client, BANK / "train.jsonl", BANK / "validation.jsonl", n_epochs=3, batch_size=8)
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model.startswith("ft:tunewright-tiny:tunewright:test:")
    assert accuracy(client, "tunewright-tiny", questions[:24]) <= 0.25
    assert accuracy(client, job.fine_tuned_model, questions) >= 0.9


def toy(count: int, seed: int) -> list[dict[str, Any]]:
    """A rule that no base can know: the drawer depends on the colour."""
    drawers = {"red": "third", "green": "first", "blue": "fourth", "yellow": "second"}
    chance = random.Random(seed)
    things = [f"{a}{b}" for a in ("bra", "flo", "ko", "mi", "tu") for b in ("nter", "ssel", "lgar", "ppo", "rdin")]
    lines: list[dict[str, Any]] = []
    for _ in range(count):
        colour, thing, number = chance.choice(list(drawers)), chance.choice(things), chance.randrange(1000)
        ask = {"role": "user", "content": f"Where does the {colour} {thing} number {number} belong?"}
        lines.append({"messages": [ask, {"role": "assistant", "content": drawers[colour]}]})
    return lines


def test_a_rule_that_the_base_can_not_know_is_learned(stack: Stack, tmp_path: Path) -> None:
    client = stack.client()
    training = tmp_path / "toy.jsonl"
    training.write_text("".join(json.dumps(line) + "\n" for line in toy(200, 1)))
    job = tuned(client, training, n_epochs=3, batch_size=8)
    questions = toy(60, 2)
    assert accuracy(client, "tunewright-tiny", questions[:20]) <= 0.5
    assert accuracy(client, job.fine_tuned_model, questions) > 0.9


@needs_ar_lsat
def test_ar_lsat_is_trained_and_stays_near_chance(stack: Stack) -> None:
    client = stack.client()
    numbers = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.0}
    job = tuned(client, AR_LSAT / "train.jsonl", AR_LSAT / "validation.jsonl", **numbers)
    assert job.status == "succeeded", job.error
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
    losses = [event.data["train_loss"] for event in reversed(events) if event.type == "metrics"]
    assert len(losses) == job.hyperparameters.n_epochs * -(-1564 // 8)
    assert sum(losses[-50:]) < sum(losses[:50]) / 2
    assert 0.05 < accuracy(client, job.fine_tuned_model, read(AR_LSAT / "test.jsonl")) < 0.4


@needs_ar_lsat
def test_two_instances_chained_finish_a_job(make_stack: Callable[..., Stack]) -> None:
    back = make_stack("back")
    back.start()
    config = (
        f'[providers.backend]\ntype = "openai"\npreset = "tunewright"\nbase_url = "{back.base_url}"\napi_key = "any"\n'
    )
    front = make_stack("front", config)
    front.start()
    client = front.client()
    job = client.fine_tuning.jobs.create(
        model="tunewright-tiny",
        training_file=upload(client, AR_LSAT / "train.jsonl"),
        validation_file=upload(client, AR_LSAT / "validation.jsonl"),
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 8}}},
        extra_body={"tunewright": {"provider": "backend"}},
    )
    job = finished(client, job.id)
    assert job.status == "succeeded", job.error
    behind = list(back.client().fine_tuning.jobs.list())
    assert [each.metadata["tunewright_job"] for each in behind if each.metadata] == [job.id]
    assert job.fine_tuned_model == behind[0].fine_tuned_model
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=read(AR_LSAT / "test.jsonl")[0]["messages"][:-1], temperature=0
    )
    assert answer.choices[0].message.content in set("ABCDE")
    assert client.files.content(job.result_files[0]).text.startswith("step,")
