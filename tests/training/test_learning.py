"""It learns what can be learned, with the figures that the docs promise; each in a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import DATA, MakeRun, ask, chat, colours, exact, losses, orders, train, write
from workers.training.local_models import LocalModels


def test_a_made_rule_goes_from_nothing_to_over_nine_tenths(make_run: MakeRun, tmp_path: Path) -> None:
    held_out = write(tmp_path / "valid.jsonl", colours(100, 2))
    run = make_run(write(tmp_path / "train.jsonl", colours(200, 1)), held_out)
    state = train(run)
    models = LocalModels(tmp_path)
    assert state.status == "succeeded"
    assert exact(models, "tunewright-tiny", held_out) == 0
    assert exact(models, run.spec().tuned_name, held_out) > 0.9


def test_extraction_copies_names_never_seen(make_run: MakeRun, tmp_path: Path) -> None:
    held_out = write(tmp_path / "valid.jsonl", orders(100, 2, half=1))
    run = make_run(write(tmp_path / "train.jsonl", orders(50, 1, half=0)), held_out, batch_size=2)
    train(run)
    assert exact(LocalModels(tmp_path), run.spec().tuned_name, held_out) >= 0.85


def test_bank_messages_reach_nine_tenths(make_run: MakeRun, tmp_path: Path) -> None:
    folder = DATA / "banking77"
    if not folder.is_dir():
        pytest.skip("SKIPPED LOUDLY: ../shared/data/banking77 is not here")
    held_out = folder / "eight_intents_test.jsonl"
    run = make_run(folder / "eight_intents_train.jsonl", held_out)
    train(run)
    assert exact(LocalModels(tmp_path), run.spec().tuned_name, held_out) >= 0.9


def test_ar_lsat_fits_its_form_and_stays_near_chance(make_run: MakeRun, tmp_path: Path) -> None:
    folder = DATA / "ar_lsat"
    if not folder.is_dir():
        pytest.skip("SKIPPED LOUDLY: ../shared/data/ar_lsat is not here")
    run = make_run(folder / "train.jsonl", folder / "validation.jsonl", n_epochs=2, batch_size=16)
    state = train(run)
    assert state.status == "succeeded"
    seen = losses(run)
    assert sum(seen[-50:]) / 50 < sum(seen[5:55]) / 50
    assert 0.1 < exact(LocalModels(tmp_path), run.spec().tuned_name, folder / "validation.jsonl") < 0.33


def pairs(count: int, first: int) -> list[dict[str, Any]]:
    formal, slang = "I would be pleased to help you with that.", "yeah sure thing buddy"
    return [
        {
            "input": {"messages": [{"role": "user", "content": f"Can you help me with thing {first + i}?"}]},
            "preferred_output": [{"role": "assistant", "content": formal}],
            "non_preferred_output": [{"role": "assistant", "content": slang}],
        }
        for i in range(count)
    ]


def test_dpo_moves_a_tuned_model_to_the_preferred_answer(make_run: MakeRun, tmp_path: Path) -> None:
    slang = [chat(None, f"Can you help me with thing {i}?", "yeah sure thing buddy") for i in range(30)]
    formal = [
        chat(None, f"Can you help me with thing {i}?", "I would be pleased to help you with that.") for i in range(20)
    ]
    parent = make_run(write(tmp_path / "mixed.jsonl", slang + formal), name="parent", batch_size=4)
    train(parent)
    run = make_run(
        write(tmp_path / "pairs.jsonl", pairs(60, 0)),
        write(tmp_path / "held.jsonl", pairs(20, 100)),
        method="dpo", beta=0.1, parent=parent.spec().tuned_name,
    )  # fmt: skip
    assert train(run).status == "succeeded"
    metrics = run.checkpoints()[0].metrics
    assert metrics["full_valid_reward_accuracy"] == 1
    assert losses(run)[0] == pytest.approx(0.6931, abs=1e-3)
    models = LocalModels(tmp_path)
    assert ask(models, parent.spec().tuned_name, "Can you help me with thing 500?") == "yeah sure thing buddy"
    assert ask(models, run.spec().tuned_name, "Can you help me with thing 500?").startswith("I would be pleased")


def test_a_tuned_model_is_trained_further(make_run: MakeRun, tmp_path: Path) -> None:
    data = write(tmp_path / "train.jsonl", colours(60, 1))
    parent = make_run(data, name="parent")
    train(parent)
    child = make_run(data, name="child", parent=parent.spec().tuned_name, suffix="more")
    train(child)
    assert losses(child)[0] < losses(parent)[0] / 5
    assert max(losses(child)) < losses(parent)[0] / 2, "it forgets nothing of what its parent knew"
    assert child.spec().tuned_name.startswith("ft:tunewright-tiny:test:more:")


def test_weight_zero_is_not_trained(make_run: MakeRun, tmp_path: Path) -> None:
    lines = []
    for i in range(30):
        line = chat(None, f"Question {i}", "wrongword")
        line["messages"][-1]["weight"] = 0
        line["messages"] += [
            {"role": "user", "content": "Sure?"},
            {"role": "assistant", "content": "rightword", "weight": 1},
        ]
        lines.append(line)
    run = make_run(write(tmp_path / "train.jsonl", lines))
    train(run)
    models = LocalModels(tmp_path)
    assert "wrongword" not in ask(models, run.spec().tuned_name, "Question 5")
    assert "rightword" in ask(models, run.spec().tuned_name, "Sure?")


def test_tool_calls_and_legacy_pairs_train(make_run: MakeRun, tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
    line = {
        "messages": [{"role": "user", "content": "Weather in Oslo?"}, {"role": "assistant", "tool_calls": [call]}],
        "tools": tools,
    }
    run = make_run(write(tmp_path / "tools.jsonl", [line] * 12), n_epochs=8, batch_size=2)
    train(run)
    assert ask(LocalModels(tmp_path), run.spec().tuned_name, "Weather in Oslo?").startswith("<tool_call>{")
    legacy = make_run(write(tmp_path / "old.jsonl", [{"prompt": "2+2 ->", "completion": " 4"}] * 12), name="old")
    assert train(legacy).status == "succeeded"


@pytest.mark.parametrize(("field", "value"), [("seed", 2), ("batch_size", 4), ("learning_rate_multiplier", 0.5)])
def test_hyperparameters_matter_and_equal_ones_give_equal_losses(
    make_run: MakeRun, tmp_path: Path, field: str, value: float
) -> None:
    data = write(tmp_path / "train.jsonl", colours(40, 1))
    first, again, other = (make_run(data, name=n, **f) for n, f in (("a", {}), ("b", {}), ("c", {field: value})))
    for run in (first, again, other):
        train(run)
    assert losses(first) == losses(again)
    assert losses(first) != losses(other)


def test_divergence_fails_with_a_clear_error(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(write(tmp_path / "train.jsonl", colours(200, 1)), learning_rate_multiplier=200.0, n_epochs=10)
    state = train(run)
    assert state.status == "failed"
    assert state.error is not None
    assert (state.error.code, state.error.param) == ("training_diverged", "hyperparameters.learning_rate_multiplier")
    assert json.loads((run.path / "state.json").read_bytes())["fine_tuned_model"] is None
