"""Every call of the demo: the unmodified `openai` SDK, with only `base_url` changed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

from service.cli.demo.example_sets import ExampleSet, Question

MODEL = "tunewright-tiny"
EVENT_TYPES = (
    "fine_tuning.job.created",
    "fine_tuning.job.running",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
)
_AT_ONCE = 4
_WAIT = {"Prefer": "wait=30"}
_LONGEST_S = 120.0
_ASKED_MOST = 20
_OBJECT: Any = dict[str, Any]


class StillMaking(openai.OpenAIError):
    """The service does not come to an end with a report."""


class DemoClient:
    """The calls, in the order in which the demo makes them. Raises what the SDK raises (`openai.OpenAIError`)."""

    def __init__(self, base_url: str, api_key: str) -> None:
        http = httpx2.Client(trust_env=False, timeout=_LONGEST_S)
        self._sdk = openai.OpenAI(base_url=base_url, api_key=api_key, http_client=http)

    def close(self) -> None:
        """Give connections back."""
        self._sdk.close()

    def subscribe(self, url: str) -> tuple[str, str]:
        """Register a webhook endpoint; return its id and the secret that its messages are signed with."""
        made = self._sdk.webhooks.create(name="demo", url=url, event_types=cast("Any", list(EVENT_TYPES)))
        return made.id, made.signing_secret

    def unsubscribe(self, endpoint_id: str) -> None:
        """Delete the endpoint."""
        self._sdk.webhooks.delete(endpoint_id)

    def verify(self, body: str, headers: dict[str, str], secret: str) -> tuple[str, str]:
        """Return type and job id of a webhook; raise openai.InvalidWebhookSignatureError for a forged one."""
        event = cast("Any", self._sdk.webhooks.unwrap(body, headers, secret=secret))
        return str(event.type), str(event.data.id)

    def upload(self, path: Path) -> str:
        """Upload a split; return its file id."""
        with path.open("rb") as file:
            return self._sdk.files.create(file=file, purpose="fine-tune").id

    def report(self, file_id: str, validation_id: str, model: str) -> dict[str, Any]:
        """Return the check report of both splits together, once it is made."""
        path = f"/datasets/{file_id}/report?model={model}&validation={validation_id}"
        options: Any = {"headers": _WAIT}
        return self._made("lines", lambda: self._sdk.get(path, cast_to=_OBJECT, options=options))

    def estimate(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return what the job would take; nothing is created."""
        options: Any = {"headers": _WAIT}
        path = "/fine_tuning/estimates"
        made = self._made("estimate", lambda: self._sdk.post(path, cast_to=_OBJECT, body=job, options=options))
        return cast("dict[str, Any]", made["estimate"])

    def _made(self, member: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Ask, each time held by the server, until a worker has made what has this member; big sets take a while."""
        for _ in range(_ASKED_MOST):
            answer = ask()
            if answer.get(member) is not None:
                return answer
        raise StillMaking(f"no {member} after {_ASKED_MOST} times 30 s: are the workers up?")

    def create(self, job: dict[str, Any]) -> FineTuningJob:
        """Post the job."""
        return self._sdk.fine_tuning.jobs.create(**job)

    def follow(self, job_id: str) -> Iterator[FineTuningJobEvent]:
        """Yield the job's events as they happen (server-sent events), until it has ended."""
        with self._sdk.get(
            f"/fine_tuning/jobs/{job_id}/events",
            cast_to=FineTuningJobEvent,
            stream=True,
            stream_cls=openai.Stream[FineTuningJobEvent],
            options={"headers": {"Accept": "text/event-stream"}},
        ) as events:
            yield from events

    def job(self, job_id: str) -> FineTuningJob:
        """Return the job as it is now."""
        return self._sdk.fine_tuning.jobs.retrieve(job_id)

    def checkpoints(self, job_id: str) -> list[FineTuningJobCheckpoint]:
        """Return the job's checkpoints, newest first."""
        return self._sdk.fine_tuning.jobs.checkpoints.list(job_id).data

    def answers(self, model: str, chosen: ExampleSet) -> list[str]:
        """Ask `model` every held-out question."""

        def ask(question: Question) -> str:
            messages = cast("Any", question.messages)
            answer = self._sdk.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=24)
            return (answer.choices[0].message.content or "").strip()

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(ask, chosen.questions))
