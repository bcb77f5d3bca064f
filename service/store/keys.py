"""Every Redis key is made here. All begin with `tw:`; ids in them were checked by `ids.is_safe` or made by us."""

DUE = "tw:due"
BELL = "tw:bell"
RINGS = "tw:rings"
WAITING = "tw:due:since"
MESSAGES = "rq:queue:tunewright"
ALIVE = "tw:alive"
FENCE = "tw:fence"
JOBS = "tw:jobs"
JOBS_BY_STATUS = "tw:jobs:status"
MODELS = "tw:models"
COUNTERS = "tw:counters"
CHANGED = "tw:changed"
HEARTBEATS = "tw:heartbeats"
FAILURES = "tw:failures"
FILES = "tw:files"
FILES_EXPIRING = "tw:files:expiring"
API_KEYS = "tw:keys"
CREDENTIALS = "tw:credentials"
API_KEYS_MADE = "tw:api_keys:made"


def job(job_id: str) -> str:
    """Key of a job's record."""
    return f"tw:job:{job_id}"


def job_events(job_id: str) -> str:
    """Key of the list of a job's latest events, oldest first."""
    return f"tw:job:{job_id}:events"


def jobs_by_metadata(digest: str) -> str:
    """Key of the sorted set of jobs that carry one metadata pair."""
    return f"tw:jobs:metadata:{digest}"


def jobs_at(provider: str) -> str:
    """Key of the set of jobs with an open remote job at `provider`."""
    return f"tw:jobs:at:{provider}"


def jobs_seen(provider: str) -> str:
    """Key of the sorted set of jobs open at `provider`, by the second at which each was last read there."""
    return f"tw:jobs:seen:{provider}"


def circuit(credential: str, scope: str) -> str:
    """Key of the hash that is there while calls of one kind with a credential (by its digest) fail."""
    return f"tw:circuit:{credential}:{scope}"


def request_budget(credential: str) -> str:
    """Key of the hash of the requests that may be made with a credential (by its digest) now."""
    return f"tw:requests:{credential}"


def durations(digest: str) -> str:
    """Key of the list of how long the latest runs of one provider, model and method (by its digest) took."""
    return f"tw:durations:{digest}"


def held(provider: str, model: str) -> str:
    """Key of the sorted set of jobs of one model (by its digest) that wait until `provider` takes more."""
    return f"tw:held:{provider}:{model}"


def held_closed(provider: str, model: str) -> str:
    """Key that is there while such a queue stands still."""
    return f"tw:held:{provider}:{model}:closed"


def jobs_in(stage: str) -> str:
    """Key of the sorted set of open jobs in one stage, by the second at which each last moved."""
    return f"tw:jobs:stage:{stage}"


def alarm(job_id: str) -> str:
    """Key that is there for a day after it was told that a job does not move."""
    return f"tw:alarm:{job_id}"


def lease(member: str) -> str:
    """Key of the lease on a due member; its value is the fencing token."""
    return f"tw:lease:{member}"


def provider_failures(member: str) -> str:
    """Key of the count of a provider's failures in a row while a due member was looked at."""
    return f"tw:failing:{member}"


def model(name: str) -> str:
    """Key of a tuned model's record."""
    return f"tw:model:{name}"


def blob_refs(sha256: str) -> str:
    """Key of the set of file and job ids that need a blob."""
    return f"tw:blob:{sha256}:refs"


def blob_wanted(sha256: str) -> str:
    """Key that stands for a while after a need for a blob began or ended."""
    return f"tw:blob:{sha256}:wanted"


def blob_doomed(sha256: str) -> str:
    """Key that stands while a blob is being deleted."""
    return f"tw:blob:{sha256}:doomed"


def file(file_id: str) -> str:
    """Key of a file's record."""
    return f"tw:file:{file_id}"


def file_gone(file_id: str) -> str:
    """Key of a deleted file's place in the lists, so that paging can go on behind it."""
    return f"tw:file:{file_id}:gone"


def files_for(purpose: str) -> str:
    """Key of the sorted set of files of one purpose."""
    return f"tw:files:{purpose}"


def derivation(plan_id: str) -> str:
    """Key of the plan of datasets that are to be made of others."""
    return f"tw:derivation:{plan_id}"


def upload(upload_id: str) -> str:
    """Key of the record of an upload that a client sends in parts."""
    return f"tw:upload:{upload_id}"


def upload_parts(upload_id: str) -> str:
    """Key of the hash of an upload's parts."""
    return f"tw:upload:{upload_id}:parts"


def upload_lease(upload_id: str) -> str:
    """Key of the right to put an upload's parts together."""
    return f"tw:upload:{upload_id}:lease"


def source(file_id: str) -> str:
    """Key of the wish to fetch a dataset from elsewhere."""
    return f"tw:source:{file_id}"


def source_slot(number: int) -> str:
    """Key of the right to be one of those that fetch."""
    return f"tw:source:slot:{number}"


def trial(name: str) -> str:
    """Key of who is at work that may end its worker, and of how many it has lost."""
    return f"tw:trial:{name}"


def report(digest: str) -> str:
    """Key of the request for a report that is not made yet."""
    return f"tw:report:{digest}"


def idempotency(digest: str) -> str:
    """Key of the answer to (or the claim of) one Idempotency-Key."""
    return f"tw:idem:{digest}"


def provider_webhook(digest: str) -> str:
    """Key that stands for a provider's webhook that was taken."""
    return f"tw:told:{digest}"


def provider_quiet(provider: str) -> str:
    """Key that stands for some seconds after a provider's webhook brought its poll forward."""
    return f"tw:quiet:{provider}"


def api_key(key_id: str) -> str:
    """Key of an API key's record."""
    return f"tw:key:{key_id}"


def remote_upload(provider: str, sha256: str) -> str:
    """Key of the provider's file id for a content hash."""
    return f"tw:remote:{provider}:{sha256}"


def remote_upload_parts(provider: str, sha256: str) -> str:
    """Key of how far the upload of a content in parts got at a provider."""
    return f"tw:remote:{provider}:{sha256}:parts"


def remote_upload_lease(provider: str, sha256: str) -> str:
    """Key of the right to upload a content to a provider."""
    return f"tw:remote:{provider}:{sha256}:lease"
