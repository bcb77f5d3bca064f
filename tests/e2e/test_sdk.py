"""Every method of the unmodified Python SDK that the README promises, with strict validation of what comes back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.receiver import Receiver
from tests.e2e.stack import REPOSITORY, Stack, finished, upload

BANK = REPOSITORY / "examples" / "bank_intents"
ASK: list[Any] = [{"role": "user", "content": "I think my card was stolen, please help me."}]
SLOW = {"tunewright": {"provider_options": {"min_step_seconds": 0.1}}}


@pytest.fixture(scope="module")
def client(stack: Stack) -> openai.OpenAI:
    return stack.client()


@pytest.fixture(scope="module")
def training_file(client: openai.OpenAI) -> str:
    return upload(client, BANK / "train.jsonl")


@pytest.fixture(scope="module")
def done(client: openai.OpenAI, training_file: str) -> Any:
    numbers = {"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 1.0}
    job = client.fine_tuning.jobs.create(
        model="tunewright-tiny",
        training_file=training_file,
        validation_file=upload(client, BANK / "validation.jsonl"),
        method={"type": "supervised", "supervised": {"hyperparameters": numbers}},
        metadata={"team": "sdk"},
        suffix="sdk",
        seed=5,
    )
    return finished(client, job.id)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


def running_job(client: openai.OpenAI, training_file: str) -> Any:
    """Start a run that lasts a while, and return it once it runs."""
    job = client.fine_tuning.jobs.create(model="tunewright-tiny", training_file=training_file, extra_body=SLOW)
    for event in _stream(client, job.id):
        if event["type"] == "metrics":
            break
    return client.fine_tuning.jobs.retrieve(job.id)


def _stream(client: openai.OpenAI, job_id: str) -> Iterator[Any]:
    """Read a job's events as server-sent events."""
    path, headers = f"{client.base_url}fine_tuning/jobs/{job_id}/events", {"Accept": "text/event-stream"}
    with client._client.stream("GET", path, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


def test_files(client: openai.OpenAI, tmp_path: Path) -> None:
    data = (BANK / "validation.jsonl").read_bytes()
    with (BANK / "validation.jsonl").open("rb") as stream:
        expiry: Any = {"anchor": "created_at", "seconds": 3600}
        made = client.files.create(file=stream, purpose="fine-tune", expires_after=expiry)
    assert (made.bytes, made.purpose, made.expires_at) == (len(data), "fine-tune", made.created_at + 3600)
    assert client.files.wait_for_processing(made.id, poll_interval=0.1).status == "processed"
    assert client.files.retrieve(made.id).filename == "validation.jsonl"
    assert client.files.content(made.id).read() == data
    assert made.id in [file.id for file in client.files.list(purpose="fine-tune", limit=2)]
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)


def test_a_job_and_its_history(client: openai.OpenAI, done: Any) -> None:
    assert (done.status, done.error, done.seed, done.metadata) == ("succeeded", None, 5, {"team": "sdk"})
    assert done.hyperparameters.n_epochs == 3
    assert done.method.supervised.hyperparameters.batch_size == 8
    assert done.id in [job.id for job in client.fine_tuning.jobs.list(metadata={"team": "sdk"})]
    events = list(client.fine_tuning.jobs.list_events(done.id, limit=7))
    assert [event.message for event in events][-1].startswith("Created fine-tuning job")
    assert events[0].message == "The job has successfully completed"
    for event in events:
        if event.type == "metrics":
            needed = {"step", "total_steps", "train_loss", "train_mean_token_accuracy"}
            assert needed <= event.data.keys()  # type: ignore[union-attr,operator]
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(done.id, limit=2))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [90, 60, 30]
    assert checkpoints[0].fine_tuned_model_checkpoint == done.fine_tuned_model
    assert checkpoints[1].fine_tuned_model_checkpoint.endswith(":ckpt-step-60")
    assert checkpoints[0].metrics.full_valid_loss is not None
    assert b"step," in client.files.content(done.result_files[0]).read()


def test_cancel(client: openai.OpenAI, training_file: str) -> None:
    job = running_job(client, training_file)
    client.fine_tuning.jobs.cancel(job.id)
    assert finished(client, job.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.cancel(job.id)


def test_pause_and_resume(stack: Stack, training_file: str) -> None:
    # `paused` is OpenAI's own word, but its SDK's enum lacks it: here, and only here, validation is not strict.
    client = stack.client(_strict_response_validation=False)
    job = running_job(client, training_file)
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    while client.fine_tuning.jobs.retrieve(job.id).tunewright["stage"] == "pausing":  # type: ignore[attr-defined]
        client.fine_tuning.jobs.retrieve(job.id, extra_headers={"Prefer": "wait=1"})
    reached = client.fine_tuning.jobs.retrieve(job.id)
    assert reached.status == "paused"
    step = reached.tunewright["progress"]["step"]  # type: ignore[attr-defined]
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    for event in _stream(client, job.id):
        if event["type"] == "metrics" and event["data"]["step"] > step:
            break
    client.fine_tuning.jobs.cancel(job.id)
    finished(client, job.id)
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
    steps = [event.data["step"] for event in events if event.type == "metrics"]  # type: ignore[index]
    assert len(steps) == len(set(steps))


def test_models(client: openai.OpenAI, done: Any) -> None:
    names = [model.id for model in client.models.list()]
    assert {"tunewright-tiny", done.fine_tuned_model} <= set(names)
    assert client.models.retrieve(done.fine_tuned_model).owned_by
    checkpoint = f"{done.fine_tuned_model}:ckpt-step-30"
    assert client.models.delete(checkpoint).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(checkpoint)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=checkpoint, messages=ASK)


def test_chat_whole_and_streamed_and_the_base_beside(client: openai.OpenAI, done: Any) -> None:
    whole = client.chat.completions.create(model=done.fine_tuned_model, messages=ASK, temperature=0)
    assert whole.choices[0].message.content == "lost_or_stolen_card"
    assert whole.usage is not None
    stream = client.chat.completions.create(
        model=done.fine_tuned_model, messages=ASK, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "lost_or_stolen_card"
    assert chunks[-1].usage == whole.usage
    base = client.chat.completions.create(model="tunewright-tiny", messages=ASK, temperature=0)
    assert base.choices[0].message.content != "lost_or_stolen_card"


def test_completions_of_a_prompt_completion_model(client: openai.OpenAI, tmp_path: Path) -> None:
    pairs = [("red", "stop"), ("green", "go"), ("amber", "wait")]
    lines = [{"prompt": f"{colour} light {n} ->", "completion": f" {act}"} for n in range(20) for colour, act in pairs]
    training = tmp_path / "pairs.jsonl"
    training.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job = client.fine_tuning.jobs.create(model="tunewright-tiny", training_file=upload(client, training))
    job = finished(client, job.id)
    assert job.status == "succeeded", job.error
    answer = client.completions.create(model=job.fine_tuned_model, prompt="green light 99 ->", temperature=0)
    assert answer.choices[0].text == " go"


def test_webhooks(client: openai.OpenAI, training_file: str, receiver: Receiver) -> None:
    wanted: Any = ["fine_tuning.job.succeeded", "fine_tuning.job.cancelled"]
    made = client.webhooks.create(name="ci", url=receiver.url, event_types=wanted)
    assert made.id in [each.id for each in client.webhooks.list()]
    assert client.webhooks.retrieve(made.id).name == "ci"
    assert client.webhooks.update(made.id, name="renamed").name == "renamed"
    rotated = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert client.webhooks.test(made.id, event_type="fine_tuning.job.succeeded").success
    job = client.fine_tuning.jobs.create(model="tunewright-tiny", training_file=training_file)
    client.fine_tuning.jobs.cancel(job.id)
    assert receiver.wait_for(lambda: any(job.id in body for body, _ in receiver.requests))
    body, headers = next(each for each in receiver.requests if job.id in each[0])
    for secret in (made.signing_secret, rotated.signing_secret):
        event = client.webhooks.unwrap(body, headers, secret=secret)
        assert (event.type, event.data.id) == ("fine_tuning.job.cancelled", job.id)  # type: ignore[union-attr]
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(body + " ", headers, secret=rotated.signing_secret)
    assert list(client.webhooks.event_types.list())
    assert client.webhooks.delete(made.id).deleted


def test_a_bad_file_and_a_budget_are_told_before_anything_is_sent(client: openai.OpenAI, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"messages": [{"role": "user", "content": "no answer"}]}\n' * 12)
    job = client.fine_tuning.jobs.create(model="tunewright-tiny", training_file=upload(client, bad))
    job = finished(client, job.id)
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")
    assert "Line 1" in job.error.message


def test_a_report_under_a_model_that_nobody_takes_is_refused(client: openai.OpenAI, training_file: str) -> None:
    with pytest.raises(openai.BadRequestError, match="Nothing is known"):
        client.get(f"/datasets/{training_file}/report?model=nope", cast_to=object)
