"""What a step is given: the stores, the providers, and a few helpers that every step shares."""

from collections.abc import Awaitable, Callable

import msgspec

from service.core.jobs import Change, Job
from service.runtime import Runtime
from service.store.due import Claim
from workers.providers.protocol import FineTuner
from workers.providers.registry import Providers


class Later(Exception):
    """The step can't do its work now: look again in `due_in_s` seconds."""

    def __init__(self, due_in_s: float) -> None:
        super().__init__(f"again in {due_in_s:.0f} s")
        self.due_in_s = due_in_s


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process's tools."""

    runtime: Runtime
    providers: Providers

    def provider_of(self, job: Job) -> FineTuner:
        """Return the provider that the job is for. Raises KeyError for one that is no longer configured."""
        return self.providers.get(job.provider)

    async def advance(self, claim: Claim, job: Job, change: Change) -> None:
        """Write `change` under `claim`, which it settles."""
        await self.runtime.jobs.advance(job, change, claim=claim)


Step = Callable[[Context, Claim, str], Awaitable[float | None]]
"""A step looks at one due object and returns the seconds until it wants to look again, None for never.

It reads the record first and may be run twice, late or not at all. If it settled its claim by `advance`, what it
returns has no effect.
"""
