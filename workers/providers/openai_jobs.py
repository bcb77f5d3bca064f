"""Reading jobs at an OpenAI-shaped endpoint in pages, guarded against servers that ignore the cursor."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import openai
from msgspec.structs import replace

from service.core.remote import RemoteJob
from workers.providers.openai_connection import Connection, Page, items
from workers.providers.openai_errors import bad_answer
from workers.providers.openai_wire import METADATA_MARK, JobWire, job_of
from workers.providers.protocol import UNREAD, ProviderError

_PAGE = 100
_MAX_PAGES = 105
_BARREN_PAGES = 3
_MAX_SINGLE = 100
_ROUND = 108
"""Requests of one round, so that it stays within 110 with the histories that it reads (DESIGN §7)."""

_AT_ONCE = 8
_FIND_PAGES = 20
_FIND_MARGIN_S = 3_600.0


class Jobs:
    """Job reads at one target. A round that did not come to the end of the list has the next one go on there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._resume_after: str | None = None

    async def retrieve(self, remote_id: str) -> JobWire | None:
        """Return one job, None if the target does not know it."""
        jobs = self._connection.sdk.fine_tuning.jobs.with_raw_response
        try:
            content = await self._connection.read(lambda: jobs.retrieve(remote_id))
        except ProviderError as error:
            if error.reason == "not_found":
                return None
            raise
        return self.job(content)

    def job(self, content: bytes, *, write: bool = False) -> JobWire:
        """Decode a job; any other object is a bad answer."""
        wire = self._connection.decode(content, JobWire, "a fine-tuning job", write=write)
        if not wire.is_job:
            raise bad_answer(self._connection.name, "a fine-tuning job", write=write)
        return wire

    async def pages(
        self, *, mark: str | None = None, limit: int = _PAGE, after: str | None = None
    ) -> AsyncIterator[list[JobWire]]:
        """Yield pages, newest first, until the end or a page that brings nothing new; `mark` filters by metadata.

        The guard is against servers that ignore `after`: they would be read for ever.
        """
        jobs = self._connection.sdk.fine_tuning.jobs.with_raw_response
        metadata = {METADATA_MARK: mark} if mark is not None else openai.omit
        seen: set[str] = set()
        while True:
            cursor = openai.omit if after is None else after
            content = await self._connection.read(lambda c=cursor: jobs.list(after=c, limit=limit, metadata=metadata))
            page = self._connection.decode(content, Page, "a list of jobs")
            found = [job for job in items(page.data, JobWire) if job.is_job and job.id not in seen]
            if not found:
                return
            yield found
            if page.has_more is False:
                return
            seen.update(job.id for job in found)
            after = found[-1].id

    async def poll(self, remote_ids: Sequence[str], *, met: list[RemoteJob] | None = None) -> dict[str, RemoteJob]:
        """Read many jobs by pages while pages bring any, the rest one by one.

        A job that a round has no request left for is returned with status "unknown" and raw status `UNREAD`: only an
        id that was asked for by name and not found is left out. `met`: see FineTuner.poll.
        """
        wanted = set(remote_ids)
        found: dict[str, RemoteJob] = {}
        failure: ProviderError | None = None
        pages = 0
        try:
            if len(wanted) > 1 or (wanted and met is not None):
                pages = await self._by_pages(wanted, found, met)
            single = min(_MAX_SINGLE, _ROUND - pages)
            failure = await self._one_by_one(sorted(wanted - found.keys()), found, single)
        except ProviderError as error:
            failure = error
        if failure is not None and not any(job.raw_status != UNREAD for job in found.values()):
            raise failure
        if failure is not None:
            found.update({remote_id: _unread(remote_id) for remote_id in wanted - found.keys()})
        return found

    async def _one_by_one(self, rest: Sequence[str], found: dict[str, RemoteJob], limit: int) -> ProviderError | None:
        """Fill `found` with at most `limit` single reads, chosen by chance; return the last failure."""
        chosen = rest if len(rest) <= limit else random.sample(rest, limit)
        found.update({remote_id: _unread(remote_id) for remote_id in set(rest) - set(chosen)})
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(remote_id: str) -> ProviderError | None:
            async with gate:
                try:
                    wire = await self.retrieve(remote_id)
                except ProviderError as error:
                    found[remote_id] = _unread(remote_id)
                    return error
            if wire is not None:
                found[remote_id] = job_of(wire)
            return None

        failures = [error for error in await asyncio.gather(*map(one, chosen)) if error is not None]
        return failures[-1] if failures else None

    async def _by_pages(self, wanted: set[str], found: dict[str, RemoteJob], met: list[RemoteJob] | None) -> int:
        """Fill `found`, from where the last round had to stop and then from the top; return the pages read."""
        start, self._resume_after = self._resume_after, None
        pages = await self._walk(start, _MAX_PAGES, wanted, found, met)
        if start is not None and pages < _MAX_PAGES and found.keys() < wanted:
            pages += await self._walk(None, _MAX_PAGES - pages, wanted, found, met)
        return pages

    async def _walk(
        self,
        after: str | None,
        limit: int,
        wanted: set[str],
        found: dict[str, RemoteJob],
        met: list[RemoteJob] | None,
    ) -> int:
        """Read pages behind `after`; stop when single reads of what is left cost less than pages that bring none."""
        pages = barren = 0
        async for page in self.pages(after=after):
            hits = {job.id: job_of(job) for job in page if job.id in wanted}
            found.update(hits)
            if met is not None:
                met += [job_of(job) for job in page if job.id not in wanted and METADATA_MARK in job.pairs]
            pages += 1
            barren = 0 if hits else barren + 1
            left = len(wanted) - len(found)
            if left == 0 or (left <= _MAX_SINGLE and barren >= min(left, _BARREN_PAGES)):
                self._resume_after = None
                break
            self._resume_after = page[-1].id  # also for when the next page fails
            if pages >= limit:
                break
        else:
            self._resume_after = None
        return pages

    async def find(self, mark: str, *, since: float, metadata_filter: bool) -> list[RemoteJob]:
        """Return the jobs that bear `mark`, oldest first, those that were not cancelled before those that were."""
        hits: dict[str, JobWire] = {}
        if metadata_filter:
            await self._collect(mark, since, hits, filtered=True)
        if not hits:
            await self._collect(mark, since, hits, filtered=False)
        jobs = [replace(job_of(wire), mark=mark) for wire in hits.values()]
        return sorted(jobs, key=lambda job: (job.status == "cancelled", job.created_at or 0.0))

    async def _collect(self, mark: str, since: float, hits: dict[str, JobWire], *, filtered: bool) -> None:
        pages = 0
        async for page in self.pages(mark=mark if filtered else None):
            hits.update({job.id: job for job in page if job.bears(mark)})
            pages += 1
            oldest = min((job_of(job).created_at or since for job in page), default=since)
            if pages >= _FIND_PAGES or oldest < since - _FIND_MARGIN_S:
                return


def _unread(remote_id: str) -> RemoteJob:
    return RemoteJob(id=remote_id, status="unknown", raw_status=UNREAD)
