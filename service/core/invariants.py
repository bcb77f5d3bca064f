"""What must be true of the records at any moment, as pure checks of a snapshot (reference/reliability.md §3).

I1 every accepted job has exactly one record; I2 no record is without a way forward; I3 a job has at most one job at its
provider; I4 an end is announced once, and an announcement is on its way or delivered; I5 counters equal the records;
I6 no secret is kept; I7 no key lives for ever but those that are meant to.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from service.core.jobs import TERMINAL, Job, Status

TERMINAL_TYPES = {f"fine_tuning.job.{status}" for status in TERMINAL}

PERMANENT = re.compile(
    r"tw:(due|due:since|bell|rings|fence|credentials|jobs|jobs:status|jobs:metadata:\w+|jobs:at:[^:]+|job:ftjob-\w+|job:ftjob-\w+:events"
    r"|models|model:.+|counters|heartbeats|failures|files|files:[a-z-]+|file:file-\w+|api_keys:made|blob:[0-9a-f]{64}:refs|keys|key:\w+"
    r"|remote:[^:]+:[0-9a-f]{64}|due:webhooks|bell:webhooks|jobs:seen:[^:]+|held:[^:]+:[0-9a-f]{16}|jobs:stage:[a-z]+"
    r"|derivation:drv_\w+|durations:\w+"
    r"|webhook:(pending|dead|endpoints|endpoints:version|secret|lane:\w+|busy:\w+|endpoint:we_\w+))\Z"
)
"""Keys without an end: records and the indexes over them, nothing that grows with time alone."""


MEANING = {
    "I1": "An accepted job has exactly one record, and every record can be read. "
    "What is lost comes back only from a backup of Redis; stop `up`, restore, start again.",
    "I2": "No record is without a way forward. A cancel, pause or resume of the job rings it again; an unchecked "
    "dataset can be posted again.",
    "I3": "A job has at most one job at its provider. Cancel the extra one there, then look at its bill.",
    "I4": "An end is announced once, and an announcement is on its way or delivered. "
    "`POST /v1/webhook_deliveries/{id}/resend` sends one again.",
    "I5": "Counters equal the records. Figures on dashboards are wrong by the difference; no job is.",
    "I6": "No secret is kept in records. Delete that key and change the secret.",
    "I7": "No key lives for ever but those that are meant to. It costs memory; nothing depends on it.",
}
"""What each invariant says, and what to do where it does not hold."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be."""

    invariant: str
    subject: str
    detail: str


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks need of a job's record; `events_in_redis` is how many of its events are not in blobs."""

    id: str
    status: Status
    is_sent: bool
    is_held: bool
    provider: str
    remote_id: str | None
    announced: int
    events_in_redis: int

    @classmethod
    def of(cls, job: Job) -> "JobFacts":
        """Return the facts of `job`."""
        base = job.event_chunks[-1].last + 1 if job.event_chunks else 0
        return cls(
            id=job.id,
            status=job.status,
            is_sent=job.remote.job_id is not None,
            is_held=job.status == "paused" and job.wish is None,
            provider=job.provider,
            remote_id=job.remote.job_id,
            announced=job.announced,
            events_in_redis=job.event_count - base,
        )

    @property
    def is_terminal(self) -> bool:
        """Tell whether the job has reached its end."""
        return self.status in TERMINAL


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A kept webhook message about a job."""

    id: str
    type: str
    job_id: str
    sequence: int


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A counter read before and after what it counts: on live data it moves in between.

    One that may also go down is allowed as many steps aside as `moves` were made meanwhile.
    """

    before: int
    after: int
    moves: int = 0

    def allows(self, number: int) -> bool:
        """Tell whether `number` may have been right at some moment between the two."""
        return min(self.before, self.after) - self.moves <= number <= max(self.before, self.after) + self.moves


NONE_COUNTED = Counted(before=0, after=0)


class World(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. Messages are kept for a month: jobs whose first message has gone are not judged by theirs.

    `pending` maps a delivery that has no end yet to its owner; `waiting` are the pairs (owner, delivery) that a lane
    or a lease holds; `rung` are the members with a count of rings or a time since they wait. `unreadable` maps
    keys to what is wrong with them.
    """

    jobs: Mapping[str, JobFacts]
    listed: frozenset[str]
    unchecked_datasets: frozenset[str]
    due: frozenset[str]
    rung: frozenset[str]
    open_at: Mapping[str, frozenset[str]]
    statuses: Mapping[str, Counted]
    accepted: Counted
    finished: Mapping[str, Counted]
    event_counts: Mapping[str, int]
    messages: Sequence[MessageFacts]
    webhooks_due: frozenset[str]
    pending: Mapping[str, str]
    waiting: frozenset[tuple[str, str]]
    keys_without_end: Sequence[str]
    unreadable: Mapping[str, str] = {}


class RemoteFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A job at a provider that bears a mark of ours; `is_cancelled` ones are no second run."""

    id: str
    mark: str
    is_cancelled: bool = False


def check(world: World) -> list[Violation]:
    """Return all violations within the records; of I3 what shows without asking a provider."""
    return [
        *_records(world),
        *_ways_forward(world),
        *_shared_remote_jobs(world),
        *_announcements(world),
        *_deliveries(world),
        *_counters(world),
        *_keys(world),
    ]


def check_accepted(world: World, accepted: Iterable[str]) -> list[Violation]:
    """Return the acknowledged jobs that have no record (I1)."""
    return [
        Violation(invariant="I1", subject=job_id, detail="accepted, but there is no record")
        for job_id in accepted
        if job_id not in world.jobs
    ]


def check_remote(world: World, remote: Sequence[RemoteFacts]) -> list[Violation]:
    """Return jobs with more than one live remote job, or with another one than they know of (I3)."""
    found: list[Violation] = []
    live = Counter(job.mark for job in remote if not job.is_cancelled)
    for mark, count in live.items():
        if count > 1:
            found.append(Violation(invariant="I3", subject=mark, detail=f"{count} jobs at the provider"))
    by_mark: dict[str, set[str]] = {}
    for job in remote:
        by_mark.setdefault(job.mark, set()).add(job.id)
    for mark, ids in by_mark.items():
        record = world.jobs.get(mark)
        if record is None:
            found.append(Violation(invariant="I3", subject=mark, detail="a remote job without a record"))
        elif record.remote_id is not None and record.remote_id not in ids:
            found.append(Violation(invariant="I3", subject=mark, detail=f"knows {record.remote_id}, has {sorted(ids)}"))
    return found


def _records(world: World) -> Iterator[Violation]:
    for key, why in world.unreadable.items():
        yield Violation(invariant="I1", subject=key, detail=why)
    for job_id in world.listed ^ world.jobs.keys():
        detail = "listed without a record" if job_id in world.listed else "a record that no list shows"
        yield Violation(invariant="I1", subject=job_id, detail=detail)
    for job in world.jobs.values():
        if (held := world.event_counts.get(job.id, 0)) != job.events_in_redis:
            detail = f"{held} events in Redis, the record says {job.events_in_redis}"
            yield Violation(invariant="I1", subject=job.id, detail=detail)


def _ways_forward(world: World) -> Iterator[Violation]:
    for job in world.jobs.values():
        is_open = job.id in world.open_at.get(job.provider, frozenset())
        if is_open != (job.is_sent and not job.is_terminal):
            detail = "open at its provider by the index alone" if is_open else "sent, but not polled"
            yield Violation(invariant="I2", subject=job.id, detail=detail)
        elif not (job.is_terminal or job.is_held or job.is_sent or f"job:{job.id}" in world.due):
            yield Violation(invariant="I2", subject=job.id, detail=f"{job.status}, and nothing looks at it")
    for provider, jobs in world.open_at.items():
        if jobs and f"poll:{provider}" not in world.due:
            yield Violation(invariant="I2", subject=provider, detail=f"{len(jobs)} open jobs, and no poll is due")
    for file_id in world.unchecked_datasets:
        if f"dataset:{file_id}" not in world.due:
            yield Violation(invariant="I2", subject=file_id, detail="unchecked, and nothing looks at it")


def _shared_remote_jobs(world: World) -> Iterator[Violation]:
    owners: dict[tuple[str, str], str] = {}
    for job in world.jobs.values():
        if job.remote_id is not None and (other := owners.setdefault((job.provider, job.remote_id), job.id)) != job.id:
            yield Violation(invariant="I3", subject=job.id, detail=f"shares {job.remote_id} with {other}")


def _announcements(world: World) -> Iterator[Violation]:
    by_job: dict[str, list[MessageFacts]] = {}
    for message in world.messages:
        by_job.setdefault(message.job_id, []).append(message)
    for job_id, messages in by_job.items():
        job = world.jobs.get(job_id)
        sequences = Counter(message.sequence for message in messages)
        if job is None or 0 not in sequences:
            continue
        if sequences != Counter(range(job.announced)):
            detail = f"announced {job.announced} times, messages {sorted(sequences.elements())}"
            yield Violation(invariant="I4", subject=job_id, detail=detail)
        ends = sum(message.type in TERMINAL_TYPES for message in messages)
        if ends != job.is_terminal:
            yield Violation(invariant="I4", subject=job_id, detail=f"{job.status}, with {ends} announcements of an end")


def _deliveries(world: World) -> Iterator[Violation]:
    for delivery_id, owner in world.pending.items():
        is_urgent = delivery_id in world.webhooks_due
        if not is_urgent and ((owner, delivery_id) not in world.waiting or owner not in world.webhooks_due):
            yield Violation(invariant="I4", subject=delivery_id, detail=f"not delivered, and {owner} is not looked at")


def _counters(world: World) -> Iterator[Violation]:
    statuses = Counter(job.status for job in world.jobs.values())
    for status in statuses.keys() | world.statuses.keys():
        yield from _counter(status, world.statuses.get(status), statuses[status])
    yield from _counter("jobs_accepted", world.accepted, len(world.jobs))
    for status in TERMINAL:
        yield from _counter(f"jobs_finished {status}", world.finished.get(status), statuses[status])


def _counter(subject: str, counted: Counted | None, number: int) -> Iterator[Violation]:
    if not (counted or NONE_COUNTED).allows(number):
        detail = f"counted {(counted or NONE_COUNTED).after}, there are {number}"
        yield Violation(invariant="I5", subject=subject, detail=detail)


def _keys(world: World) -> Iterator[Violation]:
    for key in world.keys_without_end:
        if key.startswith("tw:") and not PERMANENT.match(key):
            yield Violation(invariant="I7", subject=key, detail="has no end and is not meant to stay")
    for member in world.rung - world.due:
        yield Violation(invariant="I7", subject=member, detail="a count or a time of what is not due")
