"""Getting a dataset to the target once, whole or in parts, and deleting it."""

import tracemalloc
from pathlib import Path

import msgspec
import pytest

from tests.providers.conftest import Make, limited, upload_of
from tests.providers.upstream import DROP, Answer, Upstream, error
from workers.providers.protocol import ProviderError, Upload


async def test_equal_bytes_are_one_file(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a", b'{"a":1}\n' * 100)
    provider = make()
    first = await provider.upload(upload)
    assert await provider.upload(upload) == first
    assert await make().upload(upload) == first
    assert list(upstream.contents.values()) == [b'{"a":1}\n' * 100]
    assert upstream.files[first]["filename"] == f"tunewright-{upload.sha256[:24]}.jsonl"


async def test_after_a_lost_answer_the_file_is_found(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a", b"{}\n")
    upstream.fail("POST", "/files", DROP, executed=True)
    with pytest.raises(ProviderError) as caught:
        await make().upload(upload)
    assert (caught.value.reason, caught.value.retryable) == ("unclear", True)
    assert await make().upload(upload) == "file-1"
    assert len(upstream.files) == 1


async def test_a_file_that_the_target_cut_is_deleted(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a", b"{}\n" * 10)
    upstream.fail("POST", "/files", Answer(body={"id": "file-1", "bytes": 7}), executed=True)
    with pytest.raises(ProviderError, match="kept 7 of 30 bytes"):
        await make().upload(upload)
    assert upstream.files == {}


async def test_a_broken_file_of_the_same_name_is_not_taken(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a", b"{}\n")
    upstream.add_file(f"tunewright-{upload.sha256[:24]}.jsonl", b"{}\n")["status"] = "error"
    assert await make().upload(upload) == "file-2"


async def test_too_large_for_a_target_without_parts(make: Make, tmp_path: Path) -> None:
    provider = limited(make(preset="nebius"), 10)
    with pytest.raises(ProviderError) as caught:
        await provider.upload(upload_of(tmp_path / "a", b"x" * 11))
    assert (caught.value.reason, caught.value.retryable) == ("refused", False)


async def test_an_upload_is_streamed(upstream: Upstream, make: Make, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 60_000_000)
    upload = Upload(path=tmp_path / "big", filename="b", sha256="0" * 64, bytes=60_000_000)
    upstream.discards_bodies = True
    provider = make(request_timeout_s=30.0)
    await provider.models()
    tracemalloc.start()
    try:
        await provider.upload(upload)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


async def test_deletion_of_what_is_gone_is_no_error(upstream: Upstream, make: Make) -> None:
    await make().delete_file("file-gone")
    upstream.fail("DELETE", r"/files/.+", error(500, "x"))
    with pytest.raises(ProviderError):
        await make().delete_file("file-1")


async def test_a_dataset_that_is_not_here(make: Make, tmp_path: Path) -> None:
    gone = msgspec.structs.replace(upload_of(tmp_path / "a", b"{}"), path=tmp_path / "gone")
    with pytest.raises(ProviderError) as caught:
        await make().upload(gone)
    assert caught.value.retryable
