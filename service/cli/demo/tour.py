"""The main job on one set, as a client sees it: upload, check, estimate, job, progress, checkpoints, answers."""

import time
from typing import Any, cast

import msgspec
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from service.cli.demo.client import DemoClient
from service.cli.demo.example_sets import ExampleSet
from service.cli.demo.screen import Bar, Outcome, Screen

SEED = 7


class JobFailed(Exception):
    """The job did not succeed; the message is its error."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The hyperparameters that the demo asks for."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float


class Curves(msgspec.Struct):
    """Losses by step, as the events tell them; `valid` once per epoch, over the whole validation split."""

    train: list[tuple[float, float]] = []
    valid: list[tuple[float, float]] = []

    def take(self, data: dict[str, Any]) -> None:
        """Take in the data of a metrics event."""
        self.train.append((data["step"], data["train_loss"]))
        if (loss := data.get("full_valid_loss")) is not None:
            self.valid.append((data["step"], loss))


def run(client: DemoClient, screen: Screen, chosen: ExampleSet, model: str, numbers: Numbers) -> Outcome:
    """Tune `model` on the set and compare it with its base; raise JobFailed."""
    started = time.monotonic()
    screen.set_begins(chosen)
    job = _post(client, screen, chosen, model, numbers)
    curves, done = _follow(client, screen, job)
    tuned = str(done.fine_tuned_model)
    screen.losses(curves.train, curves.valid)
    screen.checkpoints(client.checkpoints(job.id))
    screen.say(f"  [dim]model[/]       [bold]{tuned}[/]")
    seconds = time.monotonic() - started
    base_answers, tuned_answers = client.answers(model, chosen), client.answers(tuned, chosen)
    screen.answers(chosen, base_answers, tuned_answers)
    return Outcome(
        chosen=chosen,
        model=tuned,
        base=_right(base_answers, chosen),
        tuned=_right(tuned_answers, chosen),
        first_loss=curves.train[0][1] if curves.train else None,
        last_loss=curves.train[-1][1] if curves.train else None,
        seconds=seconds,
    )


def _post(client: DemoClient, screen: Screen, chosen: ExampleSet, model: str, numbers: Numbers) -> FineTuningJob:
    training, validation = client.upload(chosen.train), client.upload(chosen.validation)
    hyperparameters = msgspec.structs.asdict(numbers)
    body: dict[str, Any] = {
        "model": model,
        "training_file": training,
        "validation_file": validation,
        "suffix": chosen.name.replace("_", "-")[:18],
        "seed": SEED,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "metadata": {"made_by": "tunewright demo"},
    }
    screen.report(client.report(training, validation, model), client.estimate(body))
    job = client.create(body)
    screen.posted(job.id, hyperparameters)
    return job


def _follow(client: DemoClient, screen: Screen, job: FineTuningJob) -> tuple[Curves, FineTuningJob]:
    curves = Curves()
    with screen.bar() as bar:
        for event in client.follow(job.id):
            _show(event, bar, curves)
    done = client.job(job.id)
    if done.status != "succeeded":
        raise JobFailed(f"The job {job.id} is {done.status}: {done.error.message if done.error else 'no reason given'}")
    return curves, done


def _show(event: FineTuningJobEvent, bar: Bar, curves: Curves) -> None:
    data = cast("dict[str, Any]", event.data or {})
    if event.type == "metrics" and "train_loss" in data:
        curves.take(data)
        bar.advance(int(data["step"]), int(data["total_steps"]), float(data["train_loss"]))
    elif not curves.train:
        bar.show(event.message[:24].lower())


def _right(answers: list[str], chosen: ExampleSet) -> int:
    return sum(answer == question.answer for answer, question in zip(answers, chosen.questions, strict=True))
