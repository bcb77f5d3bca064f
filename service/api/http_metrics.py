"""What this process counts of its own requests; everything else is counted in Redis (`service/store/counters.py`)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})
_NAME = "tunewright_http_request_duration_seconds"
_Labels = tuple[str, str, str]


class HttpMetrics:
    """Durations by method, route template and class of status: a closed set of labels, whatever is asked for."""

    def __init__(self) -> None:
        self._slices: dict[_Labels, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS_S) + 1))
        self._sums: dict[_Labels, float] = defaultdict(float)
        self.in_flight = 0
        self.auth_failures = 0

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        labels = (method if method in _METHODS else "other", route, f"{status // 100}xx")
        self._slices[labels][bisect_left(BUCKETS_S, seconds)] += 1
        self._sums[labels] += seconds

    def lines(self) -> Iterator[str]:
        """Yield the metrics in Prometheus's text form."""
        yield f"# HELP {_NAME} Time from the request's head to the end of the answer."
        yield f"# TYPE {_NAME} histogram"
        for (method, route, status), slices in sorted(self._slices.items()):
            labels = f'method="{method}",route="{route}",status_class="{status}"'
            total = 0
            for bound, number in zip([*BUCKETS_S, "+Inf"], slices, strict=True):
                total += number
                yield f'{_NAME}_bucket{{{labels},le="{bound}"}} {total}'
            yield f"{_NAME}_sum{{{labels}}} {self._sums[method, route, status]}"
            yield f"{_NAME}_count{{{labels}}} {total}"
        yield "# HELP tunewright_http_requests_in_flight Requests that are being answered."
        yield "# TYPE tunewright_http_requests_in_flight gauge"
        yield f"tunewright_http_requests_in_flight {self.in_flight}"
        yield "# HELP tunewright_auth_failures_total Requests without a good API key."
        yield "# TYPE tunewright_auth_failures_total counter"
        yield f"tunewright_auth_failures_total {self.auth_failures}"
