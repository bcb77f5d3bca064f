"""The moves of a job as pure rules: which are legal, and where they lead."""

import itertools

import msgspec
import pytest

from service.core import moves
from service.core.announcements import announcements
from service.core.errors import InvalidRequest
from service.core.jobs import (
    TERMINAL,
    TRANSITIONS,
    Hyperparameters,
    IllegalTransition,
    Input,
    Job,
    JobError,
    Method,
    Remote,
    check_transition,
    event_id,
    event_sequence,
)
from service.core.remote import RemoteEvent, RemoteJob

NOW = 1_800_000_000.0
TRAINING = Input(file_id="file-a", sha256="0" * 64, bytes=10, filename="a.jsonl")


def job(**changes: object) -> Job:
    fresh = Job(
        id="ftjob-a",
        created_at=int(NOW),
        model="tunewright-tiny",
        requested_model="tunewright-tiny",
        provider="local",
        method=Method(),
        training=TRAINING,
        seed=1,
        hyperparameters=Hyperparameters(),
    )
    return msgspec.structs.replace(fresh, **changes)


def sent(**changes: object) -> Job:
    facts = {"step": "training", "status": "running", "remote": Remote(job_id="r1", status="running"), **changes}
    return job(**facts)


def seen(status: str, **changes: object) -> RemoteJob:
    return msgspec.structs.replace(RemoteJob(id="r1", status="unknown", raw_status=status), status=status, **changes)


def metrics(step: int) -> RemoteEvent:
    data = {"step": step, "total_steps": 10, "train_loss": 1.0}
    return RemoteEvent(id=f"e{step}", created_at=1, level="info", message=f"Step {step}/10", type="metrics", data=data)


@pytest.mark.parametrize("move", [moves.pause, moves.resume, lambda j: moves.cancel(j, NOW)])
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_terminal_job_refuses_every_move(move: object, status: str) -> None:
    with pytest.raises(InvalidRequest):
        move(job(status=status))  # type: ignore[operator]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(TRANSITIONS, TRANSITIONS)))
def test_the_transition_table_is_the_only_judge(old: str, new: str) -> None:
    if old == new or new in TRANSITIONS[old]:  # type: ignore[index]
        check_transition(old, new)  # type: ignore[arg-type]
    else:
        with pytest.raises(IllegalTransition):
            check_transition(old, new)  # type: ignore[arg-type]


def test_a_pause_before_sending_is_reached_at_once_and_resumes_where_it_stood() -> None:
    paused = moves.pause(job(step="checking")).job
    assert (paused.status, paused.stage, paused.wish) == ("paused", "checking", None)
    resumed = moves.resume(paused)
    assert (resumed.job.status, resumed.job.stage, resumed.due_in_s) == ("validating_files", "checking", 0.0)


def test_a_pause_of_a_sent_job_is_a_wish_that_resume_withdraws() -> None:
    change = moves.pause(sent())
    assert (change.job.status, change.job.stage, change.due_in_s) == ("paused", "pausing", 0.0)
    resumed = moves.resume(change.job).job
    assert (resumed.status, resumed.wish) == ("queued", "resume")


def test_a_pause_ends_when_the_provider_has_paused() -> None:
    change = moves.observe(moves.pause(sent()).job, seen("paused"), [], NOW)
    assert change is not None
    assert (change.job.status, change.job.stage) == ("paused", "training")


def test_cancel_is_at_once_before_sending_and_a_wish_after() -> None:
    assert moves.cancel(job(), NOW).job.status == "cancelled"
    wished = moves.cancel(sent(), NOW)
    assert (wished.job.status, wished.job.stage, wished.due_in_s) == ("running", "cancelling", 0.0)


def test_cancel_while_a_create_may_be_under_way_is_only_a_wish() -> None:
    unclear = job(step="creating", status="queued", remote=Remote(tries=1, last_try_at=NOW))
    assert moves.cancel(unclear, NOW).job.stage == "cancelling"


def test_only_a_paused_job_resumes() -> None:
    with pytest.raises(InvalidRequest, match="Only a paused job"):
        moves.resume(sent())


@pytest.mark.parametrize("raw", ["unknown", "validating_files", "queued"])
def test_states_never_go_backwards(raw: str) -> None:
    change = moves.observe(sent(), seen(raw), [], NOW)
    assert change is None or change.job.status == "running"


def test_a_remote_end_makes_the_job_due_but_does_not_end_it() -> None:
    change = moves.observe(sent(), seen("succeeded"), [], NOW)
    assert change is not None
    assert (change.job.status, change.due_in_s) == ("running", 0.0)


def test_nothing_new_is_no_change() -> None:
    assert moves.observe(sent(), seen("running"), [], NOW) is None


def test_events_move_progress_and_cursor_and_do_not_repeat_ours() -> None:
    validating = RemoteEvent(id="e0", created_at=1, level="info", message="Validating training file: x", type="message")
    after, fresh = moves.take_events(sent(), [validating, metrics(1), metrics(2)])
    assert [event.data["step"] for event in fresh] == [1, 2]
    assert after.progress is not None
    assert (after.progress.step, after.progress.total_steps, after.remote.event_cursor) == (2, 10, "e2")


def test_a_failed_job_keeps_its_reason_and_says_it() -> None:
    change = moves.fail(sent(), JobError(code="server_error", message="boom"), NOW)
    assert (change.job.status, change.job.step, change.job.finished_at) == ("failed", "done", int(NOW))
    assert "boom" in change.events[-1].message


def test_every_change_of_status_is_announced_once() -> None:
    created = job()
    checked = msgspec.structs.replace(created, step="pricing")
    running = sent()
    done = moves.succeed(running, NOW).job
    assert announcements(None, created) == ["fine_tuning.job.created"]
    assert announcements(created, checked) == ["fine_tuning.job.validated"]
    assert announcements(running, done) == ["fine_tuning.job.succeeded"]
    assert announcements(running, running) == []
    assert announcements(moves.pause(running).job, moves.resume(moves.pause(running).job).job) == [
        "fine_tuning.job.resumed"
    ]


def test_event_ids_carry_their_number_and_belong_to_one_job() -> None:
    assert event_sequence("ftjob-a", event_id("ftjob-a", 17)) == 17
    assert event_sequence("ftjob-b", event_id("ftjob-a", 17)) is None
    assert event_sequence("ftjob-a", "ftevent-a-x") is None
