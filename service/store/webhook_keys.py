"""Every Redis key of webhooks. Ids in them were made by us or checked by `ids.is_safe`."""

DUE = "tw:due:webhooks"
"""Sorted set of what to look at: messages (`evt_`), single urgent deliveries (`whd_`), and owners with a lane."""

BELL = "tw:bell:webhooks"
PENDING = "tw:webhook:pending"
DEAD = "tw:webhook:dead"
ENDPOINTS = "tw:webhook:endpoints"
ENDPOINTS_VERSION = "tw:webhook:endpoints:version"
SECRET = "tw:webhook:secret"  # noqa: S105 - a key's name

LANE = "tw:webhook:lane:"
BUSY = "tw:webhook:busy:"
HEALTH = "tw:webhook:health:"
LOG = "tw:webhook:log:"
OF_JOB = "tw:webhook:job:"
DELIVERY = "tw:webhook:delivery:"
ANSWER = "tw:webhook:answer:"


def endpoint(endpoint_id: str) -> str:
    """Key of an endpoint's record."""
    return f"tw:webhook:endpoint:{endpoint_id}"


def message(message_id: str) -> str:
    """Key of a message."""
    return f"tw:webhook:message:{message_id}"


def delivery(delivery_id: str) -> str:
    """Key of a delivery's row."""
    return DELIVERY + delivery_id


def log(owner: str) -> str:
    """Key of the sorted set of an owner's deliveries, by the time they were made."""
    return LOG + owner


def of_job(job_id: str) -> str:
    """Key of the sorted set of the deliveries about a job, by the time they were made."""
    return OF_JOB + job_id


def health(owner: str) -> str:
    """Key of the hash of how an owner has been answering."""
    return HEALTH + owner


def answer(delivery_id: str) -> str:
    """Key of the list on which the end of a test is told."""
    return ANSWER + delivery_id
