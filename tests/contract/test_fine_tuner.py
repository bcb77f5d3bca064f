"""What every provider keeps (`workers/providers/protocol.py`), asked of each in the same words."""

import json
import uuid
from pathlib import Path

import pytest

from service.core.jobs import Hyperparameters, Method
from service.core.remote import RemoteJob
from tests.contract.conftest import MODEL, Target, asked, preferences, reached, written
from workers.providers.protocol import FineTuner, ProviderError, Upload

CHAT = "chat/completions"


async def trained(provider: FineTuner, dataset: Upload, **members: object) -> RemoteJob:
    job = await provider.create(asked(await provider.upload(dataset), **members))
    return await reached(provider, job.id, "succeeded")


def question(model: str, **members: object) -> bytes:
    messages = [{"role": "user", "content": "item 3?"}]
    return json.dumps({"model": model, "messages": messages, "max_tokens": 4, **members}).encode()


async def test_equal_bytes_are_one_file(provider: FineTuner, dataset: Upload, tmp_path: Path) -> None:
    file_id = await provider.upload(dataset)
    assert await provider.upload(dataset) == file_id
    assert await provider.upload(written(tmp_path, uuid.uuid4().hex)) != file_id


async def test_a_job_is_found_by_its_mark_alone(provider: FineTuner, dataset: Upload) -> None:
    file_id = await provider.upload(dataset)
    first, second = asked(file_id), asked(file_id)
    assert await provider.find(first.mark, since=0.0) == []
    made = await provider.create(first)
    assert (made.mark, made.status in {"validating_files", "queued", "running"}) == (first.mark, True)
    (found,) = await provider.find(first.mark, since=0.0)
    assert (found.id, found.mark) == (made.id, first.mark)
    assert await provider.find(second.mark, since=0.0) == []
    assert (await provider.create(second)).id != made.id


async def test_where_no_settling_is_needed_a_second_create_is_the_first(provider: FineTuner, dataset: Upload) -> None:
    request = asked(await provider.upload(dataset))
    first = await provider.create(request)
    assert provider.capabilities.settle_s == 0.0
    assert (await provider.create(request)).id == first.id


async def test_polling_leaves_out_what_is_not_there(provider: FineTuner, dataset: Upload) -> None:
    file_id = await provider.upload(dataset)
    jobs = [await provider.create(asked(file_id)) for _ in range(3)]
    gone = jobs[0].id[:-6] + "000000"
    assert sorted(await provider.poll([*(job.id for job in jobs), gone])) == sorted(job.id for job in jobs)
    assert await provider.poll([gone]) == {}
    assert await provider.poll([]) == {}


async def test_a_run_from_beginning_to_end(provider: FineTuner, dataset: Upload, tmp_path: Path) -> None:
    validation = await provider.upload(written(tmp_path, uuid.uuid4().hex))
    job = await trained(provider, dataset, validation_file=validation)
    numbers = Hyperparameters(n_epochs=2, batch_size=4, learning_rate_multiplier=1.0)
    assert (job.hyperparameters, job.seed, job.error, job.model) == (numbers, 7, None, MODEL)
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.startswith(f"ft:{MODEL}:")
    assert isinstance(job.trained_tokens, int)
    assert job.trained_tokens > 0
    (result,) = await provider.results(job)
    assert result.content.startswith(b"step,train_loss")
    checkpoints = await provider.checkpoints(job.id)
    assert [c.step_number for c in checkpoints] == [12, 6]
    assert checkpoints[0].model == job.fine_tuned_model
    assert checkpoints[1].model.endswith(":ckpt-step-6")
    assert {"train_loss", "full_valid_loss"} <= checkpoints[0].metrics.keys()


async def test_events_are_read_on_from_a_cursor(provider: FineTuner, dataset: Upload) -> None:
    job = await trained(provider, dataset)
    events = await provider.events(job.id, after=None)
    steps = [event.data["step"] for event in events if event.type == "metrics"]
    assert steps == list(range(1, 13))
    assert all({"train_loss", "train_mean_token_accuracy", "total_steps"} <= e.data.keys() for e in events if e.data)
    assert len({event.id for event in events}) == len(events)
    for position in (0, len(events) // 2, len(events) - 1):
        assert await provider.events(job.id, after=events[position].id) == events[position + 1 :]


async def test_preference_training(provider: FineTuner, tmp_path: Path) -> None:
    method = Method(type="dpo", hyperparameters=Hyperparameters(n_epochs=1, batch_size=4, beta=0.2))
    job = await trained(provider, preferences(tmp_path), method=method)
    assert job.hyperparameters is not None
    assert job.hyperparameters.beta == 0.2


async def test_a_tuned_model_answers_until_it_is_deleted(provider: FineTuner, dataset: Upload) -> None:
    model = (await trained(provider, dataset)).fine_tuned_model
    assert model is not None
    assert {model, MODEL} <= {listed.id for listed in await provider.models()}
    whole = await provider.call(CHAT, question(model))
    answer = json.loads(b"".join([chunk async for chunk in whole.body]))
    assert (whole.status, answer["model"], answer["object"]) == (200, model, "chat.completion")
    stream = await provider.call(CHAT, question(model, stream=True))
    events = b"".join([chunk async for chunk in stream.body])
    assert stream.content_type.startswith("text/event-stream")
    assert events.endswith(b"data: [DONE]\n\n")
    await provider.delete_model(model)
    await provider.delete_model(model)
    assert model not in {listed.id for listed in await provider.models()}


async def test_unknown_models_do_not_answer(provider: FineTuner) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider.call(CHAT, question("ft:tunewright-tiny:acme::00000000"))
    assert (caught.value.reason, caught.value.code) == ("not_found", "model_not_found")


async def test_a_wrong_call_is_refused_by_its_member(provider: FineTuner) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider.call(CHAT, question(MODEL, temperature=9))
    assert (caught.value.reason, caught.value.param) == ("refused", "temperature")


async def test_pause_and_resume(provider: FineTuner, target: Target, dataset: Upload) -> None:
    job = await provider.create(asked(await provider.upload(dataset), provider_options=target.slow))
    await reached(provider, job.id, "running")
    await provider.pause(job.id)
    await reached(provider, job.id, "paused")
    await provider.resume(job.id)
    await reached(provider, job.id, "succeeded")
    events = await provider.events(job.id, after=None)
    steps = [event.data["step"] for event in events if event.type == "metrics"]
    assert steps == list(range(1, 13))


async def test_cancel(provider: FineTuner, target: Target, dataset: Upload) -> None:
    job = await provider.create(asked(await provider.upload(dataset), provider_options=target.slow))
    await reached(provider, job.id, "running")
    await provider.cancel(job.id)
    await reached(provider, job.id, "cancelled")
    assert (await provider.cancel(job.id)).status == "cancelled"


async def test_cancel_after_the_end_changes_nothing(provider: FineTuner, dataset: Upload) -> None:
    job = await trained(provider, dataset)
    assert (await provider.cancel(job.id)).status == "succeeded"


async def test_a_deleted_file_harms_no_job(provider: FineTuner, target: Target, dataset: Upload) -> None:
    file_id = await provider.upload(dataset)
    job = await provider.create(asked(file_id, provider_options=target.slow))
    await provider.delete_file(file_id)
    await provider.delete_file(file_id)
    await reached(provider, job.id, "succeeded")


async def test_refusals_are_final_and_surely_without_effect(provider: FineTuner, dataset: Upload) -> None:
    file_id = await provider.upload(dataset)
    gone = file_id[:-6] + "000000"
    for request in (asked(gone), asked(file_id, model="nobody-knows-1")):
        with pytest.raises(ProviderError) as caught:
            await provider.create(request)
        assert caught.value.reason in {"refused", "not_found"}
        assert (caught.value.retryable, caught.value.executed) == (False, False)
        assert await provider.find(request.mark, since=0.0) == []


async def test_what_is_asked_of_an_unknown_job(provider: FineTuner, dataset: Upload) -> None:
    job = await provider.create(asked(await provider.upload(dataset)))
    gone = job.id[:-6] + "000000"
    with pytest.raises(ProviderError) as events:
        await provider.events(gone, after=None)
    with pytest.raises(ProviderError) as cancel:
        await provider.cancel(gone)
    assert (events.value.reason, cancel.value.reason) == ("not_found", "not_found")
