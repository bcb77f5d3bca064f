"""The pipeline: one module per step, and the table of what a due member's kind means."""

from collections.abc import Mapping

from workers.context import Step
from workers.steps import alarms, collect, dataset, derive, job, model, poll, report, staging, watch

STEPS: Mapping[str, Step] = {
    "job": job.look,
    "dataset": dataset.look,
    "derive": derive.look,
    "report": report.look,
    "poll": poll.look,
    "model": model.look,
    "upload": staging.look,
    "collect": collect.look,
    "alarms": alarms.look,
    "watch": watch.look,
}
