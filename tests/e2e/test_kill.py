"""What the README promises of `up`: killed in the middle of training, it goes on where it was."""

import json
from collections.abc import Callable

from tests.e2e.stack import REPOSITORY, Stack, finished, upload
from tests.waiting import until

BANK = REPOSITORY / "examples" / "bank_intents"


def test_sigkill_in_the_middle_of_training_loses_nothing(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("killed")
    stack.start()
    client = stack.client()
    job = client.fine_tuning.jobs.create(
        model="tunewright-tiny",
        training_file=upload(client, BANK / "train.jsonl"),
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 8}}},
        seed=3,
        # Slows the clock of the run, not its numbers, so that there is a middle to be killed in.
        extra_body={"tunewright": {"provider_options": {"min_step_seconds": 0.1}}},
    )
    until(lambda: _step(stack) >= 40, "step 40 is reached", lambda: stack.log()[-3000:])
    stack.kill()
    stack.start()
    done = finished(client, job.id)
    assert done.status == "succeeded", done.error
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
    steps = [event.data["step"] for event in events if event.type == "metrics"]
    assert sorted(steps) == list(range(1, 121))
    assert stack.log().count(" started as process ") == 2


def _step(stack: Stack) -> int:
    runs = list((stack.folder / "data" / "local" / "runs").glob("*/state.json"))
    return int(json.loads(runs[0].read_text()).get("step") or 0) if runs else 0
