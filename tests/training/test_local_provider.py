"""Provider `local` and its chat: idempotent create, links, cursors, OpenAI's shapes."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from service.core.jobs import Hyperparameters, Method
from service.core.remote import CreateRequest, RemoteJob
from service.settings import Settings
from tests.training.conftest import colours, write
from tests.training.test_manager import managed
from tests.waiting import until_async
from workers.providers.local import LocalFineTuner
from workers.providers.protocol import ProviderError, Upload


@pytest.fixture
def provider(tmp_path: Path) -> LocalFineTuner:
    return LocalFineTuner("local", Settings(data_dir=tmp_path, organization="acme"))


async def uploaded(provider: LocalFineTuner, path: Path) -> str:
    content = await asyncio.to_thread(path.read_bytes)
    upload = Upload(path=path, filename="a.jsonl", sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    return await provider.upload(upload)


def request(training_file: str, **fields: Any) -> CreateRequest:
    defaults: dict[str, Any] = {
        "mark": "ftjob-1", "model": "tunewright-tiny", "training_file": training_file, "validation_file": None,
        "method": Method(), "suffix": "pets", "seed": 7, "metadata": {},
    }  # fmt: skip
    return CreateRequest(**(defaults | fields))


async def ended(provider: LocalFineTuner, job: RemoteJob) -> RemoteJob:
    await wait_for(provider, job, "succeeded", "failed", "cancelled")
    return (await provider.poll([job.id]))[job.id]


async def chat(provider: LocalFineTuner, path: str = "chat/completions", **body: Any) -> tuple[int, str]:
    reply = await provider.call(path, json.dumps(body).encode())
    return reply.status, b"".join([chunk async for chunk in reply.body]).decode()


async def test_a_job_from_upload_to_an_answer(provider: LocalFineTuner, tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", colours(100, 1))
    file_id = await uploaded(provider, path)
    assert await uploaded(provider, path) == file_id
    assert await provider.find("ftjob-1", since=0) == []
    job = await provider.create(request(file_id, tokens_per_epoch=500))
    assert await provider.create(request(file_id)) == job
    assert await provider.find("ftjob-1", since=0) == [job]
    await provider.delete_file(file_id)
    path.unlink()
    assert job.hyperparameters == Hyperparameters(n_epochs=3, batch_size=2, learning_rate_multiplier=1.0)
    async with managed(tmp_path):
        job = await ended(provider, job)
    assert (job.status, job.mark, job.trained_tokens, job.seed) == ("succeeded", "ftjob-1", 1500, 7)
    assert job.fine_tuned_model == f"ft:tunewright-tiny:acme:pets:{job.id[-8:]}"
    events = await provider.events(job.id, after=None)
    assert await provider.events(job.id, after=events[10].id) == events[11:]
    assert [c.model for c in await provider.checkpoints(job.id)] == [
        job.fine_tuned_model, *(f"{job.fine_tuned_model}:ckpt-step-{n}" for n in (100, 50)),
    ]  # fmt: skip
    [results] = await provider.results(job)
    assert results.content.startswith(b"step,train_loss,train_accuracy,valid_loss")
    assert [m.id for m in await provider.models()] == ["tunewright-tiny", job.fine_tuned_model]
    messages = colours(1, 9)[0]["messages"]
    status, body = await chat(provider, model=job.fine_tuned_model, messages=messages[:-1], temperature=0)
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == messages[-1]["content"]
    await provider.delete_model(job.fine_tuned_model)
    await provider.delete_model(job.fine_tuned_model)
    with pytest.raises(ProviderError, match="does not exist"):
        await chat(provider, model=job.fine_tuned_model, messages=messages[:-1])


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"model": "gpt-9"}, "not_found"),
        ({"training_file": "file-../../etc"}, "not_found"),
        ({"provider_options": {"gpu": 1}}, "refused"),
        ({"method": Method(type="reinforcement")}, "unsupported"),
    ],
)
async def test_what_cannot_be_created_leaves_nothing(
    provider: LocalFineTuner, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    file_id = await uploaded(provider, write(tmp_path / "train.jsonl", colours(10, 1)))
    with pytest.raises(ProviderError) as caught:
        await provider.create(request(**({"training_file": file_id} | fields)))
    assert caught.value.reason == reason
    assert not caught.value.retryable
    assert list((tmp_path / "local" / "runs").iterdir()) == []


async def test_wishes_before_a_manager_runs(provider: LocalFineTuner, tmp_path: Path) -> None:
    job = await provider.create(request(await uploaded(provider, write(tmp_path / "t.jsonl", colours(10, 1)))))
    assert (await provider.pause(job.id)).status == "queued"
    async with managed(tmp_path):
        await wait_for(provider, job, "paused")
        assert (await provider.resume(job.id)).status == "queued"
        job = await ended(provider, job)
    assert job.status == "succeeded"
    assert (await provider.cancel(job.id)).status == "succeeded"
    assert await provider.poll(["ftrun-unknown", "../x"]) == {}


async def wait_for(provider: LocalFineTuner, job: RemoteJob, *statuses: str) -> None:
    async def is_so() -> bool:
        return (await provider.poll([job.id]))[job.id].status in statuses

    await until_async(is_so, f"it is {statuses}")


async def test_streams_in_openai_chunks(provider: LocalFineTuner) -> None:
    status, body = await chat(
        provider,
        model="tunewright-tiny",
        messages=[{"role": "user", "content": "Hello!"}],
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert status == 200
    lines = [line.removeprefix("data: ") for line in body.split("\n\n") if line]
    chunks = [json.loads(line) for line in lines[:-1]]
    assert lines[-1] == "[DONE]"
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert text == "Hello! How can I help you?"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] == 13


@pytest.mark.parametrize("fields", [{"max_tokens": 3}, {"stop": "very"}, {"stop": ["x", "not s"]}])
async def test_limits_and_stop_texts(provider: LocalFineTuner, fields: dict[str, Any]) -> None:
    body = {"model": "tunewright-tiny", "messages": [{"role": "user", "content": "What is it?"}], "temperature": 0}
    choice = json.loads((await chat(provider, **body, **fields))[1])["choices"][0]
    whole = "I am not sure. I am a very small base model and have not been tuned for this."
    assert whole.startswith(choice["message"]["content"])
    assert choice["finish_reason"] == ("length" if "max_tokens" in fields else "stop")
    assert len(choice["message"]["content"]) < len(whole)
    legacy = await chat(provider, "completions", model="tunewright-tiny", prompt="once", max_tokens=2)
    assert json.loads(legacy[1])["object"] == "text_completion"


async def test_a_seed_repeats_an_answer(provider: LocalFineTuner) -> None:
    body = {"model": "tunewright-tiny", "messages": [{"role": "user", "content": "Tell me"}], "temperature": 2}
    answers = [json.loads((await chat(provider, **body, seed=s))[1])["choices"][0]["message"] for s in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
