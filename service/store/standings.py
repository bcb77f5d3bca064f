"""The sets in which a job stands, kept true in the MULTI of each change: open at its provider, in its
stage, held, to be watched."""

from service.core import duplicates
from service.core.jobs import Job
from service.store import blob_refs, due, freshness, holds, keys, stages
from service.store.redis import Pipeline


def place(pipe: Pipeline, old: Job | None, job: Job) -> None:
    """Queue on `pipe`: what the change from `old` to `job` means for the sets, and who is to look at it."""
    if job.is_terminal:
        pipe.srem(keys.jobs_at(job.provider), job.id)
        freshness.ended(pipe, job.provider, job.id)
        for part in filter(None, (job.training, job.validation)):
            blob_refs.drop(pipe, part.sha256, job.id)
    elif job.remote.job_id and (old is None or old.remote.job_id != job.remote.job_id):
        pipe.sadd(keys.jobs_at(job.provider), job.id)
        freshness.opened(pipe, job.provider, job.id)
        due.ring(pipe, f"poll:{job.provider}")
    stages.place(pipe, old, job)
    if old is None:
        return
    if _is_settled(old, job) and duplicates.is_doubtful(job):
        due.ring(pipe, f"watch:0:{job.id}", duplicates.WATCH_S[0])
    holds.place(pipe, old, job)


def _is_settled(old: Job, job: Job) -> bool:
    """Tell whether the change decides which remote job is the job's own, or that none is."""
    return job.remote.job_id != old.remote.job_id or (job.is_terminal and job.remote.job_id is None)
