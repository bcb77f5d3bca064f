"""Errors as classes: each carries its HTTP status and the four members of OpenAI's error envelope."""


class TunewrightError(Exception):
    """An error that a client is told about.

    `message` says what is wrong and what to do; `param` names the offending member (dotted path) or is None.
    """

    status = 500
    type = "server_error"
    code: str | None = None

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code if code is not None else type(self).code
        self.retry_after_s = retry_after_s


class InvalidRequest(TunewrightError):
    """400: a member is missing, unknown or wrong."""

    status = 400
    type = "invalid_request_error"


class Unauthenticated(TunewrightError):
    """401: no key, or one that is not ours."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class Forbidden(TunewrightError):
    """403: the key is good but may not do this."""

    status = 403
    type = "invalid_request_error"
    code = "insufficient_permissions"


class NotFound(TunewrightError):
    """404: no such object or route."""

    status = 404
    type = "invalid_request_error"


class MethodNotAllowed(TunewrightError):
    """405: the route exists, the method does not."""

    status = 405
    type = "invalid_request_error"


class Conflict(TunewrightError):
    """409: the record changed meanwhile, or an equal request is still in progress."""

    status = 409
    type = "invalid_request_error"


class TooLarge(TunewrightError):
    """413: the body is over a stated limit."""

    status = 413
    type = "invalid_request_error"


class UnsupportedMedia(TunewrightError):
    """415: the content type or encoding is not one that the route reads."""

    status = 415
    type = "invalid_request_error"


class IdempotencyMismatch(TunewrightError):
    """422: the Idempotency-Key was used before with another request."""

    status = 422
    type = "idempotency_error"
    code = "idempotency_key_reused"


class RateLimited(TunewrightError):
    """429: the provider that holds the model takes no more calls now, or the account is out of money."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class UpstreamFailed(TunewrightError):
    """502: the provider that holds the model did not answer properly."""

    status = 502
    type = "server_error"
    code = "provider_unreachable"


class Unavailable(TunewrightError):
    """503: the store cannot take or give data now; nothing was changed; try again."""

    status = 503
    type = "server_error"
    code = "service_unavailable"

    def __init__(self, message: str, *, retry_after_s: float = 2.0, code: str | None = None) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
