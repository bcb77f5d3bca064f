"""What this process counts of its own requests; everything else is counted in Redis (`service/store/counters.py`)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BUCKETS_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
_METHODS = frozenset({"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"})
_DURATION = "tunewright_http_request_duration_seconds"
_SIZE = "tunewright_http_request_size_bytes"


class HttpMetrics:
    """Durations and sizes by route template and class of status: a closed set of labels, whatever is asked for."""

    def __init__(self) -> None:
        self._durations: dict[tuple[str, ...], _Histogram] = defaultdict(lambda: _Histogram(BUCKETS_S))
        self._sizes: dict[tuple[str, ...], _Histogram] = defaultdict(lambda: _Histogram(BUCKETS_BYTES))
        self.in_flight = 0
        self.auth_failures = 0

    def observe(self, method: str, route: str, status: int, seconds: float, size: int | None) -> None:
        """Count one answered request; `size` is its Content-Length, None where it has none."""
        self._durations[method if method in _METHODS else "other", route, f"{status // 100}xx"].add(seconds)
        if size is not None:
            self._sizes[(route,)].add(size)

    def lines(self) -> Iterator[str]:
        """Yield the metrics in Prometheus's text form."""
        yield f"# HELP {_DURATION} Time from the request's head to the end of the answer."
        yield f"# TYPE {_DURATION} histogram"
        for (method, route, status), histogram in sorted(self._durations.items()):
            labels = f'method="{method}",route="{route}",status_class="{status}"'
            yield from histogram.lines(_DURATION, labels)
        yield f"# HELP {_SIZE} Content-Length of requests that have one."
        yield f"# TYPE {_SIZE} histogram"
        for (route,), histogram in sorted(self._sizes.items()):
            yield from histogram.lines(_SIZE, f'route="{route}"')
        yield "# HELP tunewright_http_requests_in_flight Requests that are being answered."
        yield "# TYPE tunewright_http_requests_in_flight gauge"
        yield f"tunewright_http_requests_in_flight {self.in_flight}"
        yield "# HELP tunewright_auth_failures_total Requests without a good API key."
        yield "# TYPE tunewright_auth_failures_total counter"
        yield f"tunewright_auth_failures_total {self.auth_failures}"


class _Histogram:
    """Counts by bucket; each slice holds its own, and they are summed when shown."""

    __slots__ = ("_bounds", "_slices", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._slices = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._slices[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str) -> Iterator[str]:
        total = 0
        for bound, number in zip([*self._bounds, "+Inf"], self._slices, strict=True):
            total += number
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self._sum}"
        yield f"{name}_count{{{labels}}} {total}"
