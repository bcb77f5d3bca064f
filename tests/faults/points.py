"""Named crash points: places in the product where a test process is to die. The product knows nothing of them."""

import functools
import importlib
import inspect
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Mode = Literal["self", "group", "parent"]
"""SIGKILL to the process; to its whole tree; or to its parent, after which the orphan freezes and goes on late."""

MODES: tuple[Mode, ...] = ("self", "group", "parent")
Where = Callable[[dict[str, Any]], bool]


def always(_arguments: dict[str, Any]) -> bool:
    return True


def to_step(step: str, status: str | None = None, *, tries: int | None = None) -> Where:
    """The change that brings a job to `step` (and `status`, and a number of tries)."""

    def where(arguments: dict[str, Any]) -> bool:
        old, job = arguments["old"], arguments["change"].job
        is_new = (old.step, old.status, old.remote.tries) != (job.step, job.status, job.remote.tries)
        right = job.step == step and status in (None, job.status) and tries in (None, job.remote.tries)
        return is_new and right

    return where


def of_kind(kind: str) -> Where:
    """A claim or settling of a due member of `kind`."""
    return lambda arguments: str(getattr(arguments.get("claim"), "member", arguments.get("member"))).startswith(kind)


@dataclass(frozen=True)
class Point:
    """Before or after the first call of `target` (`module:Class.method`) in `role` that `where` picks."""

    name: str
    role: str
    target: str
    when: Literal["before", "after"]
    where: Where = always
    cancels: bool = False


_ADVANCE = "service.store.jobs:JobStore.advance"
_DUE = "service.store.due:DueStore"
_OPENAI = "workers.providers.openai:OpenAIFineTuner"
_SENT = "workers.providers.openai_connection:Connection.write"
_QUEUE = "service.store.deliveries:DeliveryQueue"


def _around(name: str, role: str, target: str, where: Where = always, *, cancels: bool = False) -> tuple[Point, Point]:
    return (
        Point(f"before {name}", role, target, "before", where, cancels),
        Point(f"after {name}", role, target, "after", where, cancels),
    )


POINTS: tuple[Point, ...] = (
    Point("after the claim of a dataset", "worker", f"{_DUE}.claim", "after", of_kind("dataset")),
    Point("after the check began", "worker", "service.store.trials:TrialStore.begin", "after"),
    *_around("the check's end is noted", "worker", "service.store.trials:TrialStore.end"),
    *_around("the report", "worker", "service.store.reports:ReportStore.keep"),
    *_around("the verdict", "worker", "service.store.files:FileStore.finish_check"),
    Point("before the dataset's claim is settled", "worker", f"{_DUE}.settle", "before", of_kind("dataset")),
    Point("after the claim of a job", "worker", f"{_DUE}.claim", "after", of_kind("job")),
    *_around("checked", "worker", _ADVANCE, to_step("pricing")),
    *_around("priced", "worker", _ADVANCE, to_step("uploading")),
    *_around("the upload", "worker", f"{_OPENAI}.upload"),
    *_around("uploaded", "worker", _ADVANCE, to_step("creating", tries=0)),
    *_around("the intent", "worker", _ADVANCE, to_step("creating", tries=1)),
    *_around("the create call", "worker", "workers.providers.openai_jobs:Jobs.job", lambda a: a.get("write") is True),
    Point("after the create", "worker", f"{_OPENAI}.create", "after"),
    *_around("adopted", "worker", _ADVANCE, to_step("waiting")),
    Point("after the poll's request", "worker", f"{_OPENAI}.poll", "after"),
    Point("after reading events", "worker", f"{_OPENAI}.events", "after"),
    *_around("the end was seen", "worker", _ADVANCE, lambda a: a["change"].job.remote.status == "succeeded"),
    Point("before the poll's claim is settled", "worker", f"{_DUE}.settle", "before", of_kind("poll")),
    Point("after reading the results", "worker", f"{_OPENAI}.results", "after"),
    *_around("the end", "worker", _ADVANCE, to_step("done")),
    *_around("the cancel call", "worker", f"{_OPENAI}.cancel", cancels=True),
    *_around("cancelled", "worker", _ADVANCE, to_step("done", "cancelled"), cancels=True),
    *_around("the ticker's take", "ticker", f"{_DUE}.take"),
    *_around("the ticker's messages", "ticker", "rq:Queue.enqueue_many"),
    Point("after the deliverer's claim", "deliver", f"{_QUEUE}.claim", "after"),
    *_around("the fan-out", "deliver", f"{_QUEUE}.fan_out"),
    *_around("the webhook", "deliver", "workers.webhook_client:WebhookClient.post"),
    *_around("the delivery's outcome", "deliver", f"{_QUEUE}.finish"),
)
"""In the order in which a job passes them."""

_CLAIM = "service.store.idempotency:IdempotencyStore.claim"
_CREATE = "service.store.jobs:JobStore.create"

API_POINTS: tuple[Point, ...] = (
    Point("before the key is claimed", "api", _CLAIM, "before"),
    Point("after the key is claimed", "api", _CLAIM, "after"),
    Point("before the accept", "api", _CREATE, "before"),
    Point("after the accept was prepared", "api", "service.store.events:EventStore.append", "after"),
    Point("after the accept", "api", _CREATE, "after"),
)

_UPLOADS = "service.store.uploads:UploadStore"

UPLOAD_POINTS: tuple[Point, ...] = (
    Point("before the part's bytes", "api", "service.store.blob_folder:FolderWriter.commit", "before"),
    *_around("the part", "api", f"{_UPLOADS}.add_part"),
    Point("after the joined bytes", "api", "service.store.blob_refs:BlobRefs.commit", "after"),
    Point("after the completion", "api", f"{_UPLOADS}.complete", "after"),
)
"""In the order in which an upload in parts passes them."""

BY_NAME = {point.name: point for point in (*POINTS, *API_POINTS, *UPLOAD_POINTS)}


def arm(point: Point, mode: Mode, flag: Path, *, parent: int, frozen_s: float) -> None:
    """Have this process strike at `point`, unless one that was armed with the same `flag` did so before."""
    module_name, _, path = point.target.partition(":")
    owner: Any = importlib.import_module(module_name)
    *classes, method = path.split(".")
    for name in classes:
        owner = getattr(owner, name)
    original = getattr(owner, method)
    signature = inspect.signature(original)

    def strike(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if point.where(signature.bind(*args, **kwargs).arguments):
            _strike(mode, flag, parent, frozen_s)

    @functools.wraps(original)
    async def in_loop(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before":
            strike(args, kwargs)
        result = await original(*args, **kwargs)
        if point.when == "after":
            strike(args, kwargs)
        return result

    @functools.wraps(original)
    def in_thread(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before":
            strike(args, kwargs)
        result = original(*args, **kwargs)
        if point.when == "after":
            strike(args, kwargs)
        return result

    setattr(owner, method, in_loop if inspect.iscoroutinefunction(original) else in_thread)


def _strike(mode: Mode, flag: Path, parent: int, frozen_s: float) -> None:
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    if mode == "self":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "group":
        os.killpg(0, signal.SIGKILL)
    os.kill(parent, signal.SIGKILL)
    time.sleep(frozen_s)  # stops the event loop too: the lease runs out, as it would under SIGSTOP
