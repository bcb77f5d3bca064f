"""A job's way through the steps, against a provider that does what the test says."""

import pytest

from service.core import moves
from service.core.durations import NO_RUNS
from service.core.jobs import Job, Method, Options
from service.core.remote import RemoteEvent
from tests.workers.conftest import Bench, chat
from workers.providers.protocol import ProviderError

LINES = [chat(number) for number in range(12)]
ASKED = {"role": "user", "content": "How long is it?"}


def metrics(step: int) -> RemoteEvent:
    data = {"step": step, "total_steps": 36, "train_loss": 1.0, "train_mean_token_accuracy": 0.5}
    return RemoteEvent(id=f"e{step}", created_at=1, level="info", message=f"Step {step}", type="metrics", data=data)


async def sent(bench: Bench, **changes: object) -> Job:
    return await bench.drive(await bench.job(await bench.dataset(LINES), **changes))


async def succeed(bench: Bench, job: Job) -> Job:
    bench.provider.move("running")
    bench.provider.history["remote-1"] = [metrics(1), metrics(2)]
    await bench.poll(job)
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned", trained_tokens=100, finished_at=1_800_000_060.0)
    return await bench.poll(job)


async def test_from_dataset_to_model(bench: Bench) -> None:
    job = await sent(bench)
    assert (job.status, job.stage, job.remote.job_id) == ("queued", "waiting", "remote-1")
    assert job.estimate is not None
    job = await succeed(bench, job)
    assert (job.status, job.stage, job.fine_tuned_model, job.trained_tokens) == ("succeeded", "done", "ft:tuned", 100)
    model = await bench.runtime.models.get("ft:tuned")
    assert model is not None
    assert model.job_id == job.id
    result = await bench.runtime.files.get(job.result_files[0])
    assert result is not None
    assert result.purpose == "fine-tune-results"
    events = await bench.runtime.jobs.events_from(job.id, 0)
    assert [event.data["step"] for event in events if event.type == "metrics"] == [1, 2]


async def test_a_run_that_ended_tells_the_next_how_long_it_takes(bench: Bench) -> None:
    job = await sent(bench)
    assert job.estimate is not None
    assert (job.estimate.seconds, job.estimate.time_basis) == (None, NO_RUNS)
    began = RemoteEvent(
        id="e0", created_at=1_800_000_000, level="info", message="Fine-tuning job started", type="message"
    )
    bench.provider.move("running")
    bench.provider.history["remote-1"] = [began]
    job = await bench.poll(job)
    assert job.remote.began_at == 1_800_000_000
    tokens = job.estimate.billable_tokens.expected if job.estimate and job.estimate.billable_tokens else 0
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned", trained_tokens=tokens, finished_at=1_800_000_060.0)
    assert (await bench.poll(job)).status == "succeeded"
    again = await sent(bench)
    assert again.estimate is not None
    assert again.estimate.time_basis == "1 earlier run of this file"
    assert again.estimate.seconds is not None
    assert again.estimate.seconds.expected == 60
    kept = await bench.runtime.durations.read([("remote", job.model), ("local", job.model)], "supervised")
    assert [len(runs) for runs in kept.values()] == [0, 1]


@pytest.mark.parametrize("pauses", [True, False])
async def test_a_run_that_stood_still_or_began_unseen_tells_nothing(bench: Bench, pauses: bool) -> None:
    job = await sent(bench)
    for status in ("running", "paused", "running") if pauses else ("running",):
        bench.provider.move(status, started_at=1_800_000_000.0 if pauses else None)
        job = await bench.poll(job)
    assert job.interrupted is pauses
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned", trained_tokens=100, finished_at=1_800_000_060.0)
    assert (await bench.poll(job)).status == "succeeded"
    assert await bench.runtime.durations.read([("local", job.model)], "supervised") == {("local", job.model): []}


async def test_the_mark_the_tokens_and_the_hyperparameters_reach_the_provider(bench: Bench) -> None:
    job = await sent(bench)
    request = bench.provider.created[0]
    assert request.mark == job.id
    assert request.tokens_per_epoch is not None
    assert request.tokens_per_epoch > 0


async def test_a_bad_file_fails_the_job_before_anything_is_sent(bench: Bench) -> None:
    lines = [*LINES, {"messages": [{"role": "user", "content": "no answer"}]}]
    job = await bench.drive(await bench.job(await bench.dataset(lines)))
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")
    assert "Line 13" in job.error.message
    assert bench.provider.calls == []


async def test_lines_without_what_the_grader_reads_are_refused_before_sending(bench: Bench) -> None:
    model, lines = "o4-mini-2025-04-16", [{"messages": [ASKED], "answer": str(at)} for at in range(12)]
    grader = {"type": "string_check", "name": "g", "operation": "eq", "input": "{{sample.output_text}}"}
    method = Method(type="reinforcement", grader={**grader, "reference": "{{item.answer}} {{item.unit}}"})
    training = await bench.dataset([{**line, "unit": "m"} if at != 5 else line for at, line in enumerate(lines)])
    job = await bench.drive(
        await bench.job(training, provider="remote", model=model, requested_model=model, method=method)
    )
    assert job.error is not None
    assert job.error.message.startswith("Line 6: the grader reads item.unit, which the line lacks (missing_item_field)")
    assert job.error.message.endswith("&method=reinforcement&reads=answer,unit")
    assert bench.provider.calls == []


async def test_too_few_examples_has_openais_code(bench: Bench) -> None:
    job = await bench.drive(await bench.job(await bench.dataset(LINES[:9])))
    assert job.error is not None
    assert job.error.code == "invalid_n_examples"


async def test_a_budget_below_the_upper_estimate_refuses_before_sending(bench: Bench) -> None:
    model, options = "gpt-4o-mini-2024-07-18", Options(budget_microusd=1)
    job = await sent(bench, provider="remote", model=model, requested_model=model, options=options)
    assert job.error is not None
    assert job.error.code == "budget_exceeded"
    assert bench.provider.calls == []


async def test_a_method_that_the_model_lacks_is_refused(bench: Bench) -> None:
    job = await sent(bench, method=Method(type="reinforcement"))
    assert job.status == "failed"
    assert bench.provider.calls == []


async def test_a_lost_create_answer_is_found_again_and_not_repeated(bench: Bench) -> None:
    bench.provider.create_then_fail = True
    job = await sent(bench)
    assert job.remote.job_id == "remote-1"
    assert len(bench.provider.created) == 1


async def test_an_unclear_create_that_made_nothing_waits_to_settle_before_the_next(bench: Bench) -> None:
    unclear = ProviderError("unclear", "timed out", retryable=True, executed=True)
    bench.provider.fail_next["create"] = unclear
    bench.provider.capabilities = type(bench.provider.capabilities)(settle_s=120.0)
    job = await sent(bench)
    assert (job.remote.tries, bench.provider.calls.count("create")) == (1, 1)
    assert bench.provider.calls.count("find") > 0


async def test_a_clear_refusal_fails_with_the_providers_words(bench: Bench) -> None:
    closed = ProviderError("closed", "Fine-tuning is closed.", retryable=False, code="training_not_available")
    bench.provider.fail_next["create"] = closed
    job = await sent(bench)
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("training_not_available", "Fine-tuning is closed.")


async def test_a_retryable_refusal_of_an_upload_is_tried_again(bench: Bench) -> None:
    bench.provider.fail_next["upload"] = ProviderError("unavailable", "overloaded", retryable=True, retry_after_s=1)
    job = await sent(bench)
    assert job.remote.job_id == "remote-1"
    assert bench.provider.calls.count("upload") == 2


async def test_a_file_that_the_provider_lost_is_uploaded_once_more(bench: Bench) -> None:
    lost = ProviderError("not_found", "no such file", retryable=False, param="training_file")
    bench.provider.fail_next["create"] = lost
    job = await sent(bench)
    assert (job.remote.job_id, len(bench.provider.uploads)) == ("remote-1", 2)


async def test_what_nobody_needs_is_collected(bench: Bench) -> None:
    job = await succeed(bench, await sent(bench))
    await bench.runtime.due.ring("collect:all")
    await bench.look("collect:all")
    assert bench.provider.jobs != {}
    await bench.runtime.models.delete("ft:tuned")
    await bench.runtime.due.ring("collect:all")
    await bench.look("collect:all")
    assert bench.provider.jobs == {}
    assert (await bench.read(job)).status == "succeeded"


async def test_the_same_bytes_are_uploaded_once(bench: Bench) -> None:
    await sent(bench)
    await sent(bench)
    assert len(bench.provider.uploads) == 1


async def test_cancel_before_sending_sends_nothing(bench: Bench) -> None:
    job = await bench.job(await bench.dataset(LINES))
    await bench.runtime.jobs.modify(job.id, lambda old: moves.cancel(old, 2.0))
    job = await bench.drive(job)
    assert (job.status, bench.provider.calls) == ("cancelled", [])


async def test_cancel_of_a_running_job_is_carried_to_the_provider(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("running")
    job = await bench.poll(job)
    job = await bench.runtime.jobs.modify(job.id, lambda old: moves.cancel(old, 2.0))
    assert (job.status, job.stage) == ("running", "cancelling")
    job = await bench.drive(job)
    assert (job.status, bench.provider.calls.count("cancel")) == ("cancelled", 1)


async def test_a_cancel_that_comes_too_late_ends_as_the_provider_says(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("succeeded", fine_tuned_model="ft:tuned")
    bench.provider.fail_next["cancel"] = ProviderError("refused", "it has ended", retryable=False)
    await bench.runtime.jobs.modify(job.id, lambda old: moves.cancel(old, 2.0))
    job = await bench.drive(job)
    assert (job.status, job.fine_tuned_model) == ("succeeded", "ft:tuned")


async def test_pause_and_resume_of_a_running_job(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("running")
    job = await bench.poll(job)
    paused = await bench.runtime.jobs.modify(job.id, moves.pause)
    assert (paused.status, paused.stage) == ("paused", "pausing")
    await bench.drive(job)
    bench.provider.move("paused")
    job = await bench.poll(job)
    assert (job.status, job.stage) == ("paused", "training")
    await bench.runtime.jobs.modify(job.id, moves.resume)
    job = await bench.drive(job)
    assert (job.status, bench.provider.calls.count("resume")) == ("queued", 1)
    bench.provider.move("running")
    assert (await bench.poll(job)).status == "running"


async def test_a_job_paused_before_sending_stays_until_it_is_resumed(bench: Bench) -> None:
    job = await bench.job(await bench.dataset(LINES))
    await bench.runtime.jobs.modify(job.id, moves.pause)
    assert (await bench.drive(job)).status == "paused"
    assert bench.provider.calls == []
    await bench.runtime.jobs.modify(job.id, moves.resume)
    assert (await bench.drive(job)).remote.job_id == "remote-1"


async def test_an_outage_of_the_provider_changes_nothing(bench: Bench) -> None:
    job = await sent(bench)
    bench.provider.move("running")
    job = await bench.poll(job)
    for _ in range(3):
        bench.provider.fail_next["poll"] = ProviderError("unavailable", "down", retryable=True, retry_after_s=1)
        assert (await bench.poll(job)).status == "running"
    assert (await succeed(bench, job)).status == "succeeded"


async def test_a_step_that_raises_is_pushed_back_and_tried_again(bench: Bench) -> None:
    job = await bench.job(await bench.dataset(LINES))
    bench.provider.fail_next["upload"] = RuntimeError("a bug")  # type: ignore[assignment]
    job = await bench.drive(job)
    assert job.remote.job_id == "remote-1"


async def test_a_look_that_comes_twice_or_late_does_nothing(bench: Bench) -> None:
    job = await succeed(bench, await sent(bench))
    calls = list(bench.provider.calls)
    await bench.drive(job)
    await bench.look("job:ftjob-none")
    await bench.look("unknown:x")
    assert bench.provider.calls == calls
    assert await bench.read(job) == job


async def test_the_dataset_gets_its_verdict_and_announces_it(bench: Bench) -> None:
    good, bad = await bench.dataset(LINES), await bench.dataset(b"not json\n")
    for record in (good, bad):
        await bench.look(f"dataset:{record.id}")
    checked, rejected = await bench.runtime.files.get(good.id), await bench.runtime.files.get(bad.id)
    assert checked is not None
    assert (checked.status, checked.format, checked.examples) == ("processed", "chat", 12)
    assert rejected is not None
    assert rejected.status == "error"
    assert rejected.status_details is not None


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_the_providers_bad_end_is_ours(bench: Bench, status: str) -> None:
    job = await sent(bench)
    bench.provider.move(status)
    job = await bench.poll(job)
    assert job.status == status
    assert (job.error is not None) == (status == "failed")


async def test_a_deleted_model_goes_with_its_checkpoints_here_and_at_the_provider(bench: Bench) -> None:
    await succeed(bench, await sent(bench))
    assert await bench.runtime.models.delete("ft:tuned")
    assert await bench.runtime.models.list() == []
    await bench.look("model:local:ft:tuned")
    assert bench.provider.calls.count("delete_model") == 1
    assert not await bench.runtime.models.delete("ft:tuned")
