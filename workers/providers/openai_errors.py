"""Every way in which a call to an OpenAI-shaped endpoint fails, sorted into ProviderError."""

import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx2
import openai

from service.core import clock
from workers.providers.protocol import ProviderError, Reason

_MESSAGE_CHARACTERS = 400
_LONGEST_PAUSE_S = 86_400.0
_KEY_LIKE = re.compile(
    r"(?i)\bbearer\s+\S+|(?<![A-Za-z0-9])(?:(?:sk|rk|pk|ek|sess)[-_][\w*.\-]{4,}|(?:tw|key|api)[-_]\w{16,})"
)
_NOT_READY = re.compile(r"(?i)not (?:yet )?ready|still (?:being )?process|import is not completed|not been processed")
_CONCURRENT = re.compile(r"(?i)concurren|at once|simultaneous|active (?:fine[- ]?tun\w* )?jobs|jobs? (?:are )?running")
_QUOTA = re.compile(r"(?i)quota|billing|credit|spend|payment|insufficient_funds")
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class Refusal:
    """The four members of an error body, whatever form it came in: OpenAI's, `{"detail"}`, text, HTML."""

    def __init__(self, body: object, secrets: Sequence[str]) -> None:
        error = _members(body)
        inner = error.get("error", error.get("detail", error))
        words: object = body if not error else inner
        if isinstance(inner, dict):
            error = _members(cast("object", inner))
            words = error.get("message", error.get("detail"))
        self.code = _text(error.get("code"))
        self.type = _text(error.get("type"))
        self.param = _text(error.get("param"))
        self.message = shorten(words, secrets) if isinstance(words, str) and not _is_markup(words) else ""


def shorten(text: str, secrets: Sequence[str]) -> str:
    """Return `text` on one line, at most 400 characters, with keys and what looks like one masked."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return " ".join(_KEY_LIKE.sub("***", text).split())[:_MESSAGE_CHARACTERS]


def from_exception(error: Exception, *, name: str, write: bool, secrets: Sequence[str]) -> ProviderError:
    """Sort what the SDK or its HTTP client raised; `write` says that the call was to change something."""
    if isinstance(error, openai.APIStatusError):
        return from_status(
            error.status_code, error.response.headers, error.body, name=name, write=write, secrets=secrets
        )
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    if isinstance(cause, _NEVER_SENT):
        return ProviderError("unavailable", f"Provider {name} can't be reached.", retryable=True)
    if isinstance(cause, httpx2.TimeoutException) or isinstance(error, openai.APITimeoutError):
        return _lost(f"Provider {name} did not answer in time.", write)
    if isinstance(error, OSError | openai.APIConnectionError | httpx2.HTTPError):
        return _lost(f"The connection to provider {name} broke.", write)
    return _lost(f"Provider {name} gave an answer that can't be read ({type(error).__name__}).", write)


def from_status(
    status: int, headers: Mapping[str, str], body: object, *, name: str, write: bool, secrets: Sequence[str]
) -> ProviderError:
    """Sort an HTTP refusal by status, code and words (reference/openai-api.md §10.1)."""
    refusal = Refusal(body, secrets)
    said = refusal.message or f"HTTP {status}"
    reason = _reason(status, refusal, write)
    pause = retry_after_s(headers)
    not_ready = status in {400, 404, 409, 422} and _NOT_READY.search(said) is not None
    if not_ready:
        reason = "not_ready"
        pause = pause or 10.0
    return ProviderError(
        reason,
        f"Provider {name}: {said}",
        retryable=reason in {"unavailable", "unclear", "rate_limited", "daily_limit", "concurrent_limit", "not_ready"},
        retry_after_s=pause,
        executed=reason == "unclear",
        code=refusal.code,
        param=refusal.param,
    )


def bad_answer(name: str, what: str, *, write: bool) -> ProviderError:
    """Return the error for a success whose body is not the object that was asked for."""
    if write:
        return ProviderError("unclear", f"Provider {name} answered without {what}.", retryable=True, executed=True)
    return ProviderError("bad_answer", f"Provider {name} answered without {what}.", retryable=True)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause that the server asks for (`retry-after-ms`, seconds or date), at most a day; None if none."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            seconds = float(milliseconds) / 1000
        elif (value := headers.get("retry-after")) is None:
            return None
        elif value.strip().replace(".", "", 1).isdigit():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - clock.now()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE_S)


def _reason(status: int, refusal: Refusal, write: bool) -> Reason:
    if status == 429:
        return _limit(refusal)
    if status in {408, 409} or status >= 500:
        if status == 501:
            return "unsupported"
        return "unclear" if write else "unavailable"
    if status == 403:
        return "closed" if refusal.code == "training_not_available" else "refused"
    fixed: dict[int, Reason] = {
        401: "unauthorized",
        402: "quota",
        404: "not_found",
        405: "unsupported",
        410: "not_found",
    }
    return fixed.get(status, "refused")


def _limit(refusal: Refusal) -> Reason:
    names = f"{refusal.code or ''} {refusal.type or ''}"
    if "daily" in names or "per day" in refusal.message.lower():
        return "daily_limit"
    if _QUOTA.search(names):
        return "quota"
    if _CONCURRENT.search(names) or _CONCURRENT.search(refusal.message):
        return "concurrent_limit"
    return "rate_limited"


def _lost(message: str, write: bool) -> ProviderError:
    return ProviderError("unclear" if write else "unavailable", message, retryable=True, executed=write)


def _members(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value)[:100] if isinstance(value, str | int) and str(value) else None


def _is_markup(text: str) -> bool:
    return text.lstrip().startswith("<")
