"""Without its token vocabularies nothing pretends to count (reliability §3, V4)."""

import socket
from pathlib import Path

import pytest

from service.check import vocab
from service.settings import load
from workers import worker


@pytest.mark.parametrize("fault", ["missing", "cut", "changed"])
def test_v4_without_its_vocabulary_a_worker_does_not_start_and_asks_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fault: str
) -> None:
    """Offline, with an empty cache: the refusal is at once, and names the file."""
    shipped = Path(vocab.__file__).parent
    for path in shipped.glob("*.xz"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= fault == "changed"
        if fault != "missing":
            (tmp_path / path.name).write_bytes(content[:-1] if fault == "cut" else content)
    monkeypatch.setattr(vocab.resources, "files", lambda _: tmp_path)
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("it asked the network"))
    settings = load(environ={}, redis_url="redis://127.0.0.1:1")
    for refused in (vocab.check_shipped, lambda: vocab.read_tokens("o200k_base"), lambda: worker.main(settings)):
        with pytest.raises(vocab.VocabularyDamaged, match="vocabulary"):
            refused()
