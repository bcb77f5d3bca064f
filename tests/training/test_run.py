"""The run process: pause, stop, kill and cancel at any moment lose nothing and change no number."""

import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.training.conftest import MakeRun, colours, losses, start, train, write
from tests.waiting import until
from workers.training.local_models import LocalModels, weights_folder
from workers.training.run_directory import RunDirectory
from workers.training.spec import Control

SLOW = {"min_step_seconds": 0.05}


def content(run: RunDirectory) -> list[tuple[Any, ...]]:
    name = run.spec().tuned_name
    return [(e.seq, e.type, e.message.replace(name, "NAME"), e.data, e.step) for e in run.events(limit=10**6)]


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "train.jsonl", colours(160, 1)), write(tmp_path / "valid.jsonl", colours(40, 2))


def test_events_files_and_state_of_a_run(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    run = make_run(*data, n_epochs=4, tokens_per_epoch=1000)
    state = train(run)
    messages = [e.message for e in run.events() if e.type == "message"]
    name = run.spec().tuned_name
    assert messages == [
        "Fine-tuning job started",
        *(f"Checkpoint created at step {n}" for n in (20, 40, 60, 80)),
        f"New fine-tuned model created: {name}",
        "The job has successfully completed",
    ]
    metrics = [e for e in run.events() if e.type == "metrics"]
    assert [e.data["step"] for e in metrics] == list(range(1, 81))
    assert all({"total_steps", "train_loss", "train_mean_token_accuracy"} <= e.data.keys() for e in metrics)
    assert metrics[-1].data.keys() >= {"valid_loss", "full_valid_loss", "full_valid_mean_token_accuracy"}
    assert [meta.step for meta in run.checkpoints()] == [80, 60, 40]
    assert (state.trained_tokens, state.fine_tuned_model, state.step) == (4000, name, 80)
    rows = run.results_path.read_text().splitlines()
    assert rows[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(rows) == 81
    assert not run.resume_path.exists()


def test_pause_and_resume_equal_an_undisturbed_run(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    calm, paused = make_run(*data, name="calm"), make_run(*data, name="paused", engine_options=SLOW)
    train(calm)
    process = start(paused)
    until(lambda: len(losses(paused)) >= 25, "so many steps are done")
    paused.write_control(Control(want="pause"))
    assert process.wait(180) == 0
    assert paused.state().status == "paused"
    assert 25 <= paused.state().step < 60
    paused.write_control(Control(want="run"))
    train(paused)
    assert content(paused) == content(calm)
    assert paused.state().status == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_or_killed_run_goes_on_and_equals_an_undisturbed_one(
    make_run: MakeRun, data: tuple[Path, Path], number: signal.Signals
) -> None:
    calm, hit = make_run(*data, name="calm"), make_run(*data, name="hit", engine_options=SLOW)
    train(calm)
    for steps in (5, 24, 47):
        process = start(hit)
        until(lambda steps=steps: len(losses(hit)) >= steps, "so many steps are done")
        process.send_signal(number)
        code = process.wait(180)
        assert (code, hit.state().status) == ((0, "queued") if number == signal.SIGTERM else (-9, "running"))
    train(hit)
    assert content(hit) == content(calm)
    folders = [weights_folder(r.path.parent, r.spec().tuned_name) for r in (calm, hit)]
    assert len({(f / "weights.npz").read_bytes() for f in folders}) == 1
    assert len({(f / "optimizer.npz").read_bytes() for f in folders}) == 1


def test_a_run_is_saved_every_few_steps_and_sigkill_spoils_nothing(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    run = make_run(*data, n_epochs=1, batch_size=1, engine_options={"min_step_seconds": 0.05})
    process = start(run)
    until(lambda: (run.resume_point() or (0,))[0] >= 10, "so many steps are done")
    process.kill()
    process.wait()
    point = run.resume_point()
    assert point is not None
    assert point[0] >= 10


def test_a_torn_last_line_is_cut_off(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    run = make_run(*data, n_epochs=1)
    run.events_path.write_bytes(b'{"seq":0,"created_at":1,"message":"Fine-tuning job started"}\n{"seq":1,"crea')
    train(run)
    assert [e.seq for e in run.events()] == list(range(len(run.events())))
    assert run.events()[0].created_at == 1


def test_cancel_ends_a_run_and_keeps_its_checkpoints(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    run = make_run(*data, engine_options=SLOW)
    process = start(run)
    until(lambda: len(losses(run)) >= 22, "so many steps are done")
    run.write_control(Control(want="cancel"))
    assert process.wait(180) == 0
    assert run.state().status == "cancelled"
    assert run.state().fine_tuned_model is None
    assert [meta.step for meta in run.checkpoints()][-1] == 20


def test_a_second_process_leaves_a_run_alone(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    run = make_run(*data)
    with run.locked() as mine:
        assert mine
        assert start(run).wait(180) == 75
    assert run.state().status == "queued"


@pytest.mark.parametrize(
    ("content_", "words"),
    [
        (b"", "no example"),
        (b"not json\n", "Line 1"),
        (b'{"messages": [{"role": "user", "content": "a"}]}\n', "no example"),
        (b'{"messages": []}\n\n{"messages": [{"content": 5}]}\n', "Line 3"),
        (b'{"question": "?"}\n', "expected prompt/completion pairs or chat messages"),
        (b"\xff\xfe\n", "Line 1"),
        (b"[" * 100_000 + b"\n", "Line 1"),
        (b'{"messages": "' + b"x" * 9_000_000 + b'"}\n', "longer than"),
        (b'{"prompt": "a", "completion": "b"}\n' * 20_001, "more than 20,000 examples"),
        (b'{"prompt": "' + b"a " * 300_000 + b'", "completion": "b"}\n' * 4, "more than 2,000,000 pieces"),
    ],
)
def test_hostile_data_fails_with_the_line_at_fault(
    make_run: MakeRun, tmp_path: Path, content_: bytes, words: str
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content_ if words != "more than 2,000,000 pieces" else one_long_line() * 4)
    state = train(make_run(path))
    assert state.status == "failed"
    assert state.error is not None
    assert (state.error.code, state.error.param) == ("invalid_training_file", "training_file")
    assert words in state.error.message


def one_long_line() -> bytes:
    return msgspec.json.encode({"prompt": "a " * 300_000, "completion": "b"}) + b"\n"


def test_odd_but_legal_data_trains(make_run: MakeRun, tmp_path: Path) -> None:
    lines = [
        {"prompt": "", "completion": ""},
        {"prompt": "\u0000\n\t ", "completion": " 🎉 東京 Ünïcödé e\u0301"},
        {"prompt": "<end>", "completion": '<end> \x00 } ] " : " : :'},
        {"prompt": "x" * 20_000, "completion": "y" * 5_000},
        {"messages": [{"role": "assistant", "content": None, "refusal": "no"}]},
        {"messages": [{"role": "assistant", "content": [{"type": "image_url"}, {"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": None},
    ]
    state = train(make_run(write(tmp_path / "train.jsonl", lines), n_epochs=2, batch_size=2))
    assert state.status == "succeeded", state.error


def test_missing_parent_fails(make_run: MakeRun, data: tuple[Path, Path]) -> None:
    state = train(make_run(*data, parent="ft:tunewright-tiny:test::00000000"))
    assert state.error is not None
    assert state.error.code == "model_not_found"


def test_models_by_name_checkpoint_and_deletion(make_run: MakeRun, data: tuple[Path, Path], tmp_path: Path) -> None:
    run = make_run(*data)
    train(run)
    models, name = LocalModels(tmp_path), run.spec().tuned_name
    assert weights_folder(run.path.parent, name).name == "step-60"
    assert weights_folder(run.path.parent, f"{name}:ckpt-step-40").name == "step-40"
    assert [m.id for m in models.listed()] == ["tunewright-tiny", name]
    models.delete(name)
    assert [m.id for m in models.listed()] == ["tunewright-tiny"]
    with pytest.raises(Exception, match="does not exist"):
        models.load(name)
