"""Hostile files through the API's front door: each is taken or refused by name, never answered with a 500."""

import gzip

import pytest

from service.store.encodings import zstd
from tests.api.conftest import Api
from tests.check.hostile import FILES, PLAIN, Hostile

TAKEN = [file for file in FILES if file.whole or file.name.startswith(("lists-", "many-", "control-0"))]


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_hostile_files_are_kept_as_they_are_or_refused(api: Api, encoding: str) -> None:
    for file in TAKEN:
        data = file.data()
        packed = {"identity": bytes, "gzip": gzip.compress, "zstd": zstd.compress}[encoding](data)
        answer = api.http.post("/v1/datasets", content=packed, headers={"content-encoding": encoding})
        assert answer.status_code in (200, 400), (file.name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["bytes"] == len(data), file.name
        else:
            assert refused(file, answer.json()["error"]["code"]), (file.name, answer.text)
    assert api.http.post("/v1/datasets", content=PLAIN).status_code == 200
    assert api.http.get("/health/ready").status_code == 200


def refused(file: Hostile, code: str) -> bool:
    return file.name in ("empty", "blank-lines-alone", "file-nul") and code in ("empty_file", "compression_ratio")


@pytest.mark.parametrize("name", ["file-gzip-bomb", "file-zstd-bomb", "file-gzip-cut", "file-noise", "file-gzip"])
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_packed_files_sent_as_an_encoding(api: Api, name: str, encoding: str) -> None:
    data = next(file for file in FILES if file.name == name).data()
    answer = api.http.post("/v1/datasets", content=data, headers={"content-encoding": encoding})
    fits = name.startswith(f"file-{encoding}") and not name.endswith("cut")
    assert answer.status_code == (200 if fits else 400)
    if not fits:
        assert answer.json()["error"]["code"] in ("invalid_encoding", "compression_ratio")
