"""What one check found, and the words for it."""

from typing import Literal

import msgspec

Status = Literal["ok", "warning", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`detail` says what is, `remedy` what to do about it (None where all is well)."""

    name: str
    status: Status
    detail: str
    remedy: str | None = None


def ok(name: str, detail: str) -> Finding:
    """Return that all is well."""
    return Finding(name=name, status="ok", detail=detail)


def warning(name: str, detail: str, remedy: str) -> Finding:
    """Return something that works now and may not later."""
    return Finding(name=name, status="warning", detail=detail, remedy=remedy)


def failed(name: str, detail: str, remedy: str) -> Finding:
    """Return something that loses work or stops it."""
    return Finding(name=name, status="failed", detail=detail, remedy=remedy)


def skipped(name: str, detail: str) -> Finding:
    """Return that there was nothing to look at."""
    return Finding(name=name, status="skipped", detail=detail)
