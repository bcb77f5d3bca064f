"""Polling, looking for a mark, events, checkpoints and results, on targets that keep to no rule."""

import base64
from typing import Any

import pytest

from tests.providers.conftest import MARK, Make
from tests.providers.upstream import DROP, HTML, Answer, Upstream, error
from workers.providers.protocol import ProviderError

ONE = r"/fine_tuning/jobs/[^/]+"
LIST = "/fine_tuning/jobs"


async def test_a_round_reads_pages_and_then_stragglers(upstream: Upstream, make: Make) -> None:
    for _ in range(450):
        upstream.add_job()
    wanted = [f"ftjob-up{n}" for n in (450, 449, 300, 2)]
    found = await make().poll([*wanted, "ftjob-gone"])
    assert sorted(found) == sorted(wanted)
    assert len(upstream.calls) <= 8


async def test_ten_thousand_open_jobs_cost_a_hundred_requests(upstream: Upstream, make: Make) -> None:
    for _ in range(10_000):
        upstream.add_job()
    found = await make(request_timeout_s=30.0).poll([f"ftjob-up{n}" for n in range(1, 10_001)])
    assert len(found) == 10_000
    assert len(upstream.calls) <= 110


async def test_a_server_that_ignores_after_ends_the_round(upstream: Upstream, make: Make) -> None:
    upstream.ignores_after = True
    for _ in range(400):
        upstream.add_job()
    found = await make(request_timeout_s=10.0).poll([f"ftjob-up{n}" for n in range(1, 400)])
    assert len(found) == 399
    unread = [job for job in found.values() if job.raw_status == "unread"]
    assert len(unread) == 399 - 99 - 100
    assert {job.status for job in unread} == {"unknown"}


async def test_reads_are_tried_again_and_a_lasting_failure_leaves(upstream: Upstream, make: Make) -> None:
    upstream.add_job()
    upstream.fail("GET", ONE, DROP)
    upstream.fail("GET", ONE, error(500, "x"))
    assert "ftjob-up1" in await make().poll(["ftjob-up1"])
    upstream.fail("GET", ONE, DROP, times=3)
    with pytest.raises(ProviderError) as caught:
        await make().poll(["ftjob-up1"])
    assert (caught.value.reason, caught.value.executed) == ("unavailable", False)


@pytest.mark.parametrize(
    "answer", [HTML, Answer(body=b"[]"), Answer(body={"object": "model", "id": "x", "status": "y"})]
)
async def test_a_wrong_object_is_no_job(upstream: Upstream, make: Make, answer: Answer) -> None:
    upstream.fail("GET", ONE, answer)
    with pytest.raises(ProviderError) as caught:
        await make().poll(["ftjob-up1"])
    assert caught.value.reason == "bad_answer"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("pending", "queued"), ("notRunning", "queued"), ("canceled", "cancelled"), ("canceling", "running"),
        ("paused", "paused"), ("pausing", "running"), ("SUCCEEDED", "succeeded"), ("completed", "succeeded"),
        ("half_done", "unknown"),
    ],
)  # fmt: skip
async def test_statuses(upstream: Upstream, make: Make, raw: str, status: str) -> None:
    upstream.add_job(status=raw, organization_id=None, result_files=None, hyperparameters=None, created_at="2026-11-22")
    job = (await make().poll(["ftjob-up1"]))["ftjob-up1"]
    assert (job.status, job.raw_status) == (status, raw)


@pytest.mark.parametrize("value", [None, {}, {"code": None, "message": None, "param": None}])
async def test_an_empty_error_is_none(upstream: Upstream, make: Make, value: Any) -> None:
    upstream.add_job(status="failed", error=value, estimated_finish=0)
    job = (await make().poll(["ftjob-up1"]))["ftjob-up1"]
    assert (job.error, job.estimated_finish) == (None, None)


async def test_only_the_mark_makes_a_job_ours(upstream: Upstream, make: Make) -> None:
    upstream.ignores_filter = True
    for _ in range(150):
        upstream.add_job(training_file="file-1", metadata={"tunewright_job": "ftjob-someone"})
    assert await make().find(MARK, since=900.0) == []
    upstream.jobs[120]["metadata"] = {"tunewright_job": MARK}
    (found,) = await make().find(MARK, since=900.0)
    assert found.id == upstream.jobs[120]["id"]


async def test_of_two_with_the_mark_the_oldest_that_lives_is_taken(upstream: Upstream, make: Make) -> None:
    for status in ("cancelled", "running", "queued"):
        upstream.add_job(status=status, metadata={"tunewright_job": MARK})
    found = await make().find(MARK, since=900.0)
    assert [job.id for job in found] == ["ftjob-up2", "ftjob-up3", "ftjob-up1"]


async def test_a_refused_filter_is_not_sent_again(upstream: Upstream, make: Make) -> None:
    upstream.add_job(metadata={"tunewright_job": MARK})
    upstream.fail("GET", LIST, error(400, "unknown query parameter"))
    provider = make()
    assert await provider.find(MARK, since=900.0)
    assert not provider.capabilities.metadata_filter


def event(n: int, **members: Any) -> dict[str, Any]:
    return {"id": f"e{n}", "object": "fine_tuning.job.event", "created_at": 100 + n // 3, "level": "info",
            "message": f"Step {n}", "type": "metrics", "data": {"step": n}} | members  # fmt: skip


async def test_events_come_oldest_first_from_the_cursor(upstream: Upstream, make: Make) -> None:
    upstream.add_job()
    upstream.events = [event(n) for n in range(249, -1, -1)]
    provider = make()
    all_events = await provider.events("ftjob-up1", after=None)
    assert [e.data["step"] for e in all_events] == list(range(250))
    upstream.events.insert(0, event(250, id=None, data=None, level="warning", type="moderation_checks"))
    (new,) = await provider.events("ftjob-up1", after=all_events[-1].id)
    assert (new.message, new.level, new.type, new.data) == ("Step 250", "warn", "message", {})
    assert await provider.events("ftjob-up1", after=new.id) == []


async def test_new_ids_on_every_list_repeat_at_most_a_second(upstream: Upstream, make: Make) -> None:
    upstream.add_job()
    upstream.events = [event(n) for n in range(29, -1, -1)]
    provider = make()
    cursor = (await provider.events("ftjob-up1", after=None))[-1].id
    upstream.events = [event(n, id=f"other{n}") for n in range(29, -1, -1)]
    assert len(await provider.events("ftjob-up1", after=cursor)) <= 3


async def test_a_server_that_ignores_after_repeats_no_event(upstream: Upstream, make: Make) -> None:
    upstream.add_job()
    upstream.ignores_after = True
    upstream.events = [event(n) for n in range(149, -1, -1)]
    assert len(await make().events("ftjob-up1", after=None)) == 100


@pytest.mark.parametrize("what", ["events", "checkpoints"])
@pytest.mark.parametrize(
    "answer", [error(405, "no"), error(404, "no"), Answer(body={"id": "ftjob-up1", "object": "x"})]
)
async def test_what_a_target_lacks_is_remembered(upstream: Upstream, make: Make, what: str, answer: Answer) -> None:
    upstream.add_job()
    upstream.fail("GET", rf"{ONE}/{what}", answer)
    provider = make()
    for _ in range(2):
        read = provider.events("ftjob-up1", after=None) if what == "events" else provider.checkpoints("ftjob-up1")
        assert await read == []
    assert len(upstream.sent("GET", rf"{ONE}/{what}")) == 1
    assert getattr(provider.capabilities, what) is False


async def test_a_missing_job_or_a_bad_moment_switches_nothing_off(upstream: Upstream, make: Make) -> None:
    provider = make()
    upstream.fail("GET", rf"{ONE}/events", error(404, "no such job"))
    with pytest.raises(ProviderError) as caught:
        await provider.events("ftjob-gone", after=None)
    assert caught.value.reason == "not_found"
    upstream.fail("GET", rf"{ONE}/events", HTML)
    with pytest.raises(ProviderError):
        await provider.events("ftjob-up1", after=None)
    assert provider.capabilities.events


async def test_checkpoints_newest_first(upstream: Upstream, make: Make) -> None:
    upstream.add_job()
    upstream.checkpoints = [
        {"id": f"c{n}", "created_at": n, "fine_tuned_model_checkpoint": f"m{n}", "step_number": n,
         "metrics": {"step": n, "train_loss": None, "valid_loss": 0.5}} for n in (30, 20, 10)
    ]  # fmt: skip
    found = await make().checkpoints("ftjob-up1")
    assert [c.step_number for c in found] == [30, 20, 10]
    assert found[0].metrics == {"step": 30.0, "valid_loss": 0.5}


@pytest.mark.parametrize("wrap", [bytes, base64.b64encode, base64.encodebytes])
async def test_results_are_plain_csv(upstream: Upstream, make: Make, wrap: Any) -> None:
    csv = b"step,train_loss\n" + b"1,0.5\n" * 40
    upstream.contents["file-r"] = wrap(csv)
    upstream.add_job(status="succeeded", result_files=["file-r"])
    provider = make()
    job = (await provider.poll(["ftjob-up1"]))["ftjob-up1"]
    (result,) = await provider.results(job)
    assert (result.filename, result.content) == ("step_metrics.csv", csv)


async def test_cancel_pause_resume(upstream: Upstream, make: Make) -> None:
    upstream.add_job(status="running")
    provider = make()
    assert (await provider.pause("ftjob-up1")).status == "paused"
    assert (await provider.resume("ftjob-up1")).status == "queued"
    assert (await provider.cancel("ftjob-up1")).status == "cancelled"
    assert (await provider.cancel("ftjob-up1")).status == "cancelled"
    (*_, last) = upstream.sent("POST", rf"{ONE}/cancel")
    assert last.body == b""


async def test_a_target_that_can_not_pause_says_so_once(upstream: Upstream, make: Make) -> None:
    upstream.add_job(status="running")
    provider = make()
    upstream.fail("POST", rf"{ONE}/pause", error(404, "Unknown request URL"))
    for _ in range(2):
        with pytest.raises(ProviderError) as caught:
            await provider.pause("ftjob-up1")
        assert caught.value.reason == "unsupported"
    assert len(upstream.sent("POST", rf"{ONE}/pause")) == 1


async def test_models_and_their_deletion(upstream: Upstream, make: Make) -> None:
    upstream.models["data"].append({"id": "ft:base-1:a::b", "created": 5, "shutdown_date": "2027-01-14"})
    provider = make()
    assert [m.shutdown_date for m in await provider.models()] == [None, "2027-01-14"]
    await provider.delete_model("ft:base-1:a::b")
    upstream.fail("DELETE", r"/models/.+", error(404, "gone"))
    await provider.delete_model("ft:base-1:a::b")
