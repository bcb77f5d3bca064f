"""`tunewright demo`: from two example sets to tuned models that answer, in under a minute."""

import io
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import msgspec
import openai
from rich.markup import escape

from service.cli.demo import example_sets, local_service, tour
from service.cli.demo.client import MODEL, DemoClient
from service.cli.demo.example_sets import ExampleSet
from service.cli.demo.screen import Outcome, Screen
from service.cli.roles import Receiver

_WEBHOOKS_WAIT_S = 15.0
_POLL_S = 0.05
_DATA_DIR = Path(".tunewright")
_EXPECTED = (local_service.NotStarted, example_sets.SetMissing, tour.JobFailed, openai.OpenAIError)


class WebhookMissing(Exception):
    """A webhook did not come, or was forged."""


class _Received(msgspec.Struct):
    headers: dict[str, str]
    body: str


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A set of your own instead: a folder with the 3 splits.")
@click.option("--model", default=MODEL, show_default=True, help="The base model.")
@click.option("--base-url", help="A running service; without it one is started, and stopped at the end.")
@click.option("--api-key", envvar="OPENAI_API_KEY", default="none-needed-here", help="For --base-url.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=_DATA_DIR, show_default=True)
@click.option("--epochs", type=click.IntRange(1, 50), default=4, show_default=True)
@click.option("--batch-size", type=click.IntRange(1, 256), default=8, show_default=True)
@click.option("--learning-rate-multiplier", type=float, default=1.0, show_default=True)
def command(
    *,
    data: Path | None,
    model: str,
    base_url: str | None,
    api_key: str,
    data_dir: Path,
    epochs: int,
    batch_size: int,
    learning_rate_multiplier: float,
) -> None:
    """Tune a model on two example sets through the public API, with the `openai` SDK, and show it."""
    numbers = tour.Numbers(n_epochs=epochs, batch_size=batch_size, learning_rate_multiplier=learning_rate_multiplier)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without the plot's characters is no reason to fail
    screen = Screen()
    started = time.monotonic()
    try:
        sets = [example_sets.read(data)] if data else example_sets.shipped()
        with _service(screen, base_url, data_dir) as (url, receiver), closing(DemoClient(url, api_key)) as client:
            outcomes = _show(client, screen, sets, (model, numbers), receiver)
    except (*_EXPECTED, WebhookMissing) as error:
        screen.say(f"\n[red]{escape(str(error))}[/]")
        sys.exit(1)
    _close(screen, outcomes, time.monotonic() - started, data_dir if base_url is None else None)


@contextmanager
def _service(screen: Screen, base_url: str | None, data_dir: Path) -> Generator[tuple[str, Receiver | None]]:
    if base_url is not None:
        yield base_url, None
        return
    screen.say("Starting Tunewright: Redis, API, workers, a webhook receiver …", "dim")
    with local_service.running(data_dir) as service:
        screen.say(f"It answers at [bold]{service.base_url}[/]; its log is {service.log}.", "dim")
        yield service.base_url, service.receiver
        screen.say("\nStopping everything …", "dim")


def _show(
    client: DemoClient,
    screen: Screen,
    sets: list[ExampleSet],
    choice: tuple[str, tour.Numbers],
    receiver: Receiver | None,
) -> list[Outcome]:
    if receiver is None:
        return [tour.run(client, screen, chosen, *choice) for chosen in sets]
    endpoint_id, secret = client.subscribe(receiver.url)
    receiver.secret_file.parent.mkdir(parents=True, exist_ok=True)
    receiver.secret_file.touch(mode=0o600)
    receiver.secret_file.write_text(secret)
    receiver.ledger.unlink(missing_ok=True)
    outcomes = [tour.run(client, screen, chosen, *choice) for chosen in sets]
    screen.webhooks(_webhooks(client, receiver, secret, len(sets)))
    client.unsubscribe(endpoint_id)
    return outcomes


def _webhooks(client: DemoClient, receiver: Receiver, secret: str, jobs: int) -> list[tuple[str, str]]:
    """Return what came, verified by the SDK, once `jobs` jobs were announced as succeeded."""
    deadline = time.monotonic() + _WEBHOOKS_WAIT_S
    while True:
        lines = receiver.ledger.read_bytes().splitlines() if receiver.ledger.exists() else []
        received = [msgspec.json.decode(line, type=_Received) for line in lines]
        verified = [client.verify(one.body, one.headers, secret) for one in received]
        if sum(kind == "fine_tuning.job.succeeded" for kind, _ in verified) >= jobs:
            return verified
        if time.monotonic() > deadline:
            raise WebhookMissing(f"Webhooks of {jobs} finished jobs were due; these came: {verified}")
        threading.Event().wait(_POLL_S)


def _close(screen: Screen, outcomes: list[Outcome], seconds: float, data_dir: Path | None) -> None:
    screen.final(outcomes)
    if any(one.chosen.name == "reasoning_puzzles" for one in outcomes):
        screen.say(
            "The puzzles need reasoning. [bold]tunewright-tiny[/] is a small numpy network that learns labels and "
            "forms; it stays near guessing there, whatever its training loss says. That is the honest result."
        )
    screen.say(f"\nAll of it took {seconds:.0f} s.", "dim")
    if data_dir is not None:
        again = "make run" if data_dir == _DATA_DIR else f"tunewright up --data-dir {data_dir}"
        screen.say(f"The models are kept: `{again}`, then chat with [bold]{outcomes[0].model}[/].", "dim")
