"""A job's history over HTTP: pages, server-sent events, metrics, checkpoints."""

import threading

import msgspec
import openai

from service.core.jobs import Checkpoint
from tests.api.conftest import Api, failed, moved, with_events


def test_events_and_checkpoints_are_paged_newest_first(client: openai.OpenAI, api: Api) -> None:
    job_id = api.job()["id"]
    kept = tuple(
        Checkpoint(id=f"ftckpt_{n}", created_at=n, model=f"m:ckpt-step-{n}", step_number=n, metrics={"train_loss": 0.5})
        for n in (10, 20, 30)
    )
    moved(api, job_id, lambda job: with_events(msgspec.structs.replace(job, checkpoints=kept), 30))
    events = list(client.fine_tuning.jobs.list_events(job_id, limit=7))
    assert len(events) == len({event.id for event in events}) == 32
    assert [event.message for event in events[:2]] == ["Step 30", "Step 29"]
    assert events[-1].message == f"Created fine-tuning job: {job_id}"
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job_id, limit=1))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [30, 20, 10]


def test_metrics_come_as_json_and_as_csv(api: Api) -> None:
    job_id = api.job()["id"]
    path = f"/v1/fine_tuning/jobs/{job_id}/metrics"
    assert api.http.get(path).json()["data"] == []
    moved(api, job_id, lambda job: with_events(job, 1_500))
    rows = api.http.get(path).json()["data"]
    assert [row["step"] for row in rows] == list(range(1, 1_501))
    for answer in (api.http.get(path, params={"format": "csv"}), api.http.get(path, headers={"accept": "text/csv"})):
        lines = answer.text.splitlines()
        assert lines[0].startswith("step,total_steps,train_loss,train_mean_token_accuracy,valid_loss")
        assert (len(lines), lines[2].split(",")[:4]) == (1_501, ["2", "1500", "0.5", "0.5"])
    assert api.http.get(path, params={"format": "xml"}).status_code == 400


def test_events_are_sent_as_they_happen_and_can_be_resumed(api: Api) -> None:
    job_id = api.job()["id"]
    path, seen = f"/v1/fine_tuning/jobs/{job_id}/events", []
    moved(api, job_id, lambda job: with_events(job, 3))

    def later() -> None:
        moved(api, job_id, lambda job: with_events(job, 1))
        moved(api, job_id, failed)

    with api.http.stream("GET", path, headers={"accept": "text/event-stream"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        worker = threading.Thread(target=later)
        for line in answer.iter_lines():
            if line.startswith("id: ") and not seen:
                worker.start()
            if line.startswith("id: "):
                seen.append(line[4:])
            last = line or last  # noqa: F821  the first line is not blank
        worker.join()
    assert last == "data: [DONE]"
    assert [name.rsplit("-", 1)[1] for name in seen] == [str(number) for number in range(7)]
    resumed = api.http.get(path, headers={"accept": "text/event-stream", "last-event-id": seen[4]}).text
    assert [line[4:] for line in resumed.splitlines() if line.startswith("id: ")] == seen[5:]
    wrong = api.http.get(path, headers={"accept": "text/event-stream", "last-event-id": "nonsense"})
    assert wrong.status_code == 400


def test_sent_events_begin_behind_after_unless_last_event_id_says_otherwise(api: Api) -> None:
    job_id = api.job()["id"]
    moved(api, job_id, lambda job: with_events(job, 3))
    moved(api, job_id, failed)

    def sent(after: str, **headers: str) -> tuple[int, list[str]]:
        headers = {"accept": "text/event-stream", **headers}
        answer = api.http.get(f"/v1/fine_tuning/jobs/{job_id}/events", params={"after": after}, headers=headers)
        return answer.status_code, [line[4:] for line in answer.text.splitlines() if line.startswith("id: ")]

    _, names = sent("")
    assert len(names) == 6
    assert sent(names[1]) == (200, names[2:])
    assert sent(names[1], **{"last-event-id": names[3]}) == (200, names[4:])
    assert sent("nonsense")[0] == 400
