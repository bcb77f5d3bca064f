"""A fast provider with a ledger: jobs go on by themselves, and every create that was carried out is written down."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.faults.http_server import FaultPlan, HttpServer
from tests.providers.upstream import Answer, Call, Upstream, error

MARK = "tunewright_job"
TERMINAL = {"succeeded", "failed", "cancelled"}
CSV = b"step,train_loss,train_accuracy\n1,0.9,0.5\n2,0.5,0.7\n"


@dataclass
class Pace:
    """How long a job is queued, then runs; and how long a new one is missing from lists."""

    queued_s: float = 0.1
    running_s: float = 0.3
    list_lag_s: float = 0.0


@dataclass
class Ledger:
    """Every job ever created here, by our mark; `effective` leaves out what was cancelled."""

    creates: Counter[str] = field(default_factory=Counter[str])
    uploads: Counter[str] = field(default_factory=Counter[str])
    requests: Counter[str] = field(default_factory=Counter[str])

    @property
    def duplicates(self) -> dict[str, int]:
        return {mark: count for mark, count in self.creates.items() if count > 1}


class Provider(Upstream):
    """OpenAI's files and jobs routes in memory, behind a plan of faults."""

    def __init__(self, pace: Pace | None = None, plan: FaultPlan | None = None) -> None:
        super().__init__()
        self.pace = pace or Pace()
        self.plan = plan or FaultPlan()
        self.ledger = Ledger()
        self.honours_keys = False
        self.hold_create = asyncio.Event()
        self.hold_create.set()
        self._by_key: dict[str, dict[str, Any]] = {}
        self._born: dict[str, float] = {}
        self._by_id: dict[str, dict[str, Any]] = {}
        self.server = HttpServer(self._handle, self.plan)

    async def __aenter__(self) -> "Provider":
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.__aexit__()

    @property
    def base_url(self) -> str:
        return self.server.base_url

    def of(self, mark: str) -> list[dict[str, Any]]:
        """Return the jobs that bear `mark`, up to date."""
        return [self._moved(job) for job in self.jobs if _mark(job) == mark]

    async def _handle(self, call: Call) -> Answer:
        self.ledger.requests[f"{call.method} {call.path.split('/')[1]}"] += 1
        answer = self._route(call)
        if call.method == "POST" and call.path == "/fine_tuning/jobs":
            await self.hold_create.wait()
        return answer

    def _create_file(self, call: Call) -> Answer:
        filename, _ = call.form()["file"]
        self.ledger.uploads[filename or ""] += 1
        return super()._create_file(call)

    def _create_job(self, call: Call) -> Answer:
        key = call.headers.get("idempotency-key", "")
        if self.honours_keys and key in self._by_key:
            return Answer(body=self._by_key[key])
        job = self.add_job(**call.json)
        self.ledger.creates[_mark(job)] += 1
        self._by_key[key] = job
        return Answer(body=job)

    def add_job(self, **members: Any) -> dict[str, Any]:
        job = super().add_job(**{"created_at": int(time.time()), **members})
        self._born[job["id"]] = time.monotonic()
        self._by_id[job["id"]] = job
        return job

    def job(self, job_id: str) -> dict[str, Any] | None:
        found = self._by_id.get(job_id)
        return self._moved(found) if found else None

    def _list_jobs(self, call: Call) -> Answer:
        newest = time.monotonic() - self.pace.list_lag_s
        kept = self.jobs
        self.jobs = [self._moved(job) for job in kept if self._born[job["id"]] <= newest]
        try:
            return super()._list_jobs(call)
        finally:
            self.jobs = kept

    def _moved(self, job: dict[str, Any]) -> dict[str, Any]:
        """Let the job go as far as its age says."""
        age = time.monotonic() - self._born[job["id"]]
        if job["status"] == "queued" and age > self.pace.queued_s:
            job["status"] = "running"
        if job["status"] == "running" and age > self.pace.queued_s + self.pace.running_s:
            name, result = f"ft:{job['model']}:org::{job['id']}", f"file-result-{job['id']}"
            self.contents[result] = CSV
            job.update(status="succeeded", fine_tuned_model=name, finished_at=int(time.time()), trained_tokens=1000)
            job["result_files"] = [result]
        return job

    def _page(self, call: Call, rows: list[dict[str, Any]]) -> Answer:
        if (job_id := _job_of(call.path)) is None:
            return super()._page(call, rows)
        job = self.job(job_id)
        if job is None:
            return error(404, "Could not find fine tune", "fine_tune_not_found")
        made = _events(job) if call.path.endswith("/events") else _checkpoints(job)
        return super()._page(call, made)


def _mark(job: dict[str, Any]) -> str:
    return (job.get("metadata") or {}).get(MARK, "")


def _job_of(path: str) -> str | None:
    parts = path.strip("/").split("/")
    return parts[2] if len(parts) == 4 and parts[3] in {"events", "checkpoints"} else None


def _events(job: dict[str, Any]) -> list[dict[str, Any]]:
    steps = {"queued": 0, "running": 1}.get(job["status"], 2 if job["status"] == "succeeded" else 0)
    at = job["created_at"]
    made = [_event(job, 0, at, "Created fine-tuning job", "message", {})]
    for step in range(1, steps + 1):
        data = {"step": step, "total_steps": 2, "train_loss": 1 / step, "train_mean_token_accuracy": 0.5}
        made.append(_event(job, step, at, f"Step {step}/2: training loss={1 / step}", "metrics", data))
    if job["status"] == "succeeded":
        made.append(_event(job, 3, at, "The job has successfully completed", "message", {}))
    return made[::-1]


def _event(job: dict[str, Any], number: int, at: int, message: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    event = {"id": f"ftevent-{job['id']}-{number}", "object": "fine_tuning.job.event", "created_at": at}
    return {**event, "level": "info", "message": message, "type": kind, "data": data}


def _checkpoints(job: dict[str, Any]) -> list[dict[str, Any]]:
    if job["status"] != "succeeded":
        return []
    checkpoint = {"id": f"ftckpt-{job['id']}", "object": "fine_tuning.job.checkpoint", "created_at": job["created_at"]}
    return [{**checkpoint, "fine_tuned_model_checkpoint": job["fine_tuned_model"], "step_number": 2, "metrics": {}}]
