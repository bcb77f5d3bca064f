"""Large files in parts: taken up at the last part by whoever comes next, and never sent twice."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import openai
import pytest

from service.core import clock
from service.core.remote import SentParts
from tests.api.conftest import served, settings_for
from tests.conftest import RedisServer
from tests.providers.conftest import Make, limited, upload_of
from tests.providers.upstream import DROP, HTML, Answer, Upstream, error
from workers.providers import openai_parts
from workers.providers.openai import OpenAIFineTuner
from workers.providers.protocol import ProviderError, Upload

CONTENT = bytes(range(256)) * 1_000
PART = 60_000
PARTS = -(-len(CONTENT) // PART)
SENT = r"/uploads/.+/parts"


class Killed(BaseException):
    """The worker dies."""


@dataclass
class Journal:
    """What is noted outlives the worker; `dies_at` counts the notes until one is its last act."""

    sent: SentParts | None = None
    dies_at: int = -1
    notes: list[SentParts | None] = field(default_factory=list[SentParts | None])

    async def read(self) -> SentParts | None:
        return self.sent

    async def write(self, sent: SentParts | None) -> None:
        self.sent = sent
        self.notes.append(sent)
        if len(self.notes) == self.dies_at:
            raise Killed


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_parts, "PART_BYTES", PART)


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def upload(tmp_path: Path, journal: Journal) -> Upload:
    return msgspec.structs.replace(upload_of(tmp_path / "a", CONTENT), journal=journal)


def worker(make: Make) -> OpenAIFineTuner:
    """Another process: nothing is known but what was noted."""
    return limited(make(), 1_000)


async def fails(make: Make, upload: Upload) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await worker(make).upload(upload)
    return caught.value


def assert_once(upstream: Upstream, file_id: str, journal: Journal, *, uploads: int = 1) -> None:
    assert list(upstream.contents) == [file_id]
    assert upstream.contents[file_id] == CONTENT
    assert len(upstream.uploads) == uploads
    assert journal.sent is None


async def test_each_step_is_noted_before_the_next(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal
) -> None:
    assert_once(upstream, await worker(make).upload(upload), journal)
    *notes, intent, end = journal.notes
    assert [len(note.part_ids) for note in notes if note] == list(range(PARTS + 1))
    assert [note.completing_since for note in notes if note] == [None] * (PARTS + 1)
    assert intent is not None
    assert intent.completing_since is not None
    assert end is None
    assert len(upstream.sent("POST", SENT)) == PARTS


@pytest.mark.parametrize("note", range(1, PARTS + 4))
async def test_a_worker_that_dies_anywhere_is_followed_by_one_that_goes_on(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal, note: int
) -> None:
    journal.dies_at = note
    with pytest.raises(Killed):
        await worker(make).upload(upload)
    assert_once(upstream, await worker(make).upload(upload), journal)
    assert len(upstream.sent("POST", SENT)) == PARTS
    assert len(upstream.sent("POST", r"/uploads/.+/complete")) == 1
    assert upstream.sent("POST", r"/uploads/.+/cancel") == []


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("answer", [DROP, HTML, error(500, "x"), error(429, "slow down")])
async def test_a_part_whose_answer_is_lost_is_sent_again_alone(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal, answer: Answer, executed: bool
) -> None:
    journal.dies_at = 3  # two parts are there
    with pytest.raises(Killed):
        await worker(make).upload(upload)
    upstream.fail("POST", SENT, answer, executed=executed)
    assert (await fails(make, upload)).retryable
    assert_once(upstream, await worker(make).upload(upload), journal)
    assert len(upstream.sent("POST", SENT)) == PARTS + 1


async def test_a_finished_upload_whose_answer_is_lost_is_found_by_its_name(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal
) -> None:
    upstream.fail("POST", r"/uploads/.+/complete", DROP, executed=True)
    assert (await fails(make, upload)).reason == "unclear"
    assert_once(upstream, await worker(make).upload(upload), journal)
    assert len(upstream.sent("POST", SENT)) == PARTS


async def test_a_list_that_lags_makes_no_second_file(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal
) -> None:
    upstream.fail("POST", r"/uploads/.+/complete", DROP, executed=True)
    upstream.list_lags = True
    await fails(make, upload)
    for _ in range(2):
        again = await fails(make, upload)
        assert (again.reason, again.retryable, again.retry_after_s) == ("unavailable", True, 10.0)
    upstream.list_lags = False
    assert_once(upstream, await worker(make).upload(upload), journal)


async def test_a_file_that_is_never_listed_is_sent_again_in_the_end(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.fail("POST", r"/uploads/.+/complete", DROP, executed=True)
    upstream.list_lags = True
    await fails(make, upload)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + 300)
    await worker(make).upload(upload)
    assert (len(upstream.uploads), len(upstream.files)) == (2, 2)


@pytest.mark.parametrize("gone", ["forgotten", "over", "old"])
async def test_an_upload_that_the_target_takes_no_more_is_begun_anew(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.dies_at = 2
    with pytest.raises(Killed):
        await worker(make).upload(upload)
    if gone == "old":
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + 3_400)
    elif gone == "over":
        upstream.uploads["upload_0"]["done"] = b""
    else:
        upstream.fail("POST", SENT, error(404, "No such upload"))
    file_id = await worker(make).upload(upload)
    assert_once(upstream, file_id, journal, uploads=2)


async def test_a_final_refusal_leaves_nothing_open(
    upstream: Upstream, make: Make, upload: Upload, journal: Journal
) -> None:
    upstream.fail("POST", r"/uploads/.+/complete", error(400, "md5 mismatch", param="md5"))
    refused = await fails(make, upload)
    assert (refused.reason, refused.retryable) == ("refused", False)
    assert journal.sent is None
    assert len(upstream.sent("POST", r"/uploads/.+/cancel")) == 1


async def test_without_a_journal_what_broke_off_is_cancelled(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a", CONTENT)
    upstream.fail("POST", SENT, error(500, "x"))
    assert (await fails(make, upload)).retryable
    assert len(upstream.sent("POST", r"/uploads/.+/cancel")) == 1
    assert upstream.contents[await worker(make).upload(upload)] == CONTENT


async def test_a_second_tunewright_takes_the_parts(
    redis_server: RedisServer, redis_url: str, make: Make, upload: Upload, journal: Journal, tmp_path: Path
) -> None:
    with served(settings_for(redis_url, tmp_path / "far")) as api, api.sdk() as client:

        def here() -> OpenAIFineTuner:
            return limited(make(preset="tunewright", base_url=f"{api.base}/v1", request_timeout_s=20.0), 1_000)

        journal.dies_at = 4
        with pytest.raises(Killed):
            await here().upload(upload)
        file_id = await here().upload(upload)
        assert client.files.content(file_id).read() == CONTENT
        assert await here().upload(upload) == file_id
        client.files.delete(file_id)
        journal.dies_at, journal.notes = PARTS + 3, []  # the file is made, and the worker dies without a note of it
        with pytest.raises(Killed):
            await here().upload(upload)
        (made,) = client.files.list().data
        assert await here().upload(upload) == made.id
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file_id)
