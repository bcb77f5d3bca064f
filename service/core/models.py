"""A tuned model as Tunewright keeps it: where it is, and what it came from."""

import msgspec


class TunedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a job made; `remote_name` is its provider's name, `step_number` is set on older checkpoints."""

    name: str
    provider: str
    remote_name: str
    base: str
    job_id: str
    created_at: int
    parent: str | None = None
    step_number: int | None = None
    shutdown_date: str | None = None
