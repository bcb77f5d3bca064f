"""Finding the job that a path names."""

from service.api.context import HttpRequest, runtime_of
from service.core import ids
from service.core.errors import NotFound
from service.core.jobs import Job


async def find_job(request: HttpRequest, job_id: str) -> Job:
    """Return the job. Raises NotFound."""
    job = await runtime_of(request).jobs.get(job_id) if ids.is_safe(job_id) else None
    if job is None:
        raise NotFound(f"No fine-tuning job with id {job_id[:100]}.", param="fine_tuning_job_id")
    return job
