"""Reads the table `[check]` of a `tunewright.toml`."""

import tomllib
from pathlib import Path

import msgspec

from service.core.dataset.policy import Policy

_DEFAULT = Path("tunewright.toml")


class PolicyInvalid(Exception):
    """A policy can't be read, or says what makes no sense."""


def read_policy(path: Path | None) -> Policy:
    """Return the policy of `path`, of `tunewright.toml` here if none is given, or one that changes nothing.

    Its benchmarks lie beside it where their paths are not absolute. Raises PolicyInvalid, naming the file and what is
    wrong in it.
    """
    path = path or (_DEFAULT if _DEFAULT.is_file() else None)
    if path is None:
        return Policy()
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("check", {})
        policy = msgspec.convert(table, Policy)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PolicyInvalid(f"{path}: {error}") from error
    return msgspec.structs.replace(policy, benchmarks=tuple(str(path.parent / each) for each in policy.benchmarks))
