"""What the demo shows, in 80 columns, on a terminal or in a log."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from service.cli.demo import plot
from service.cli.demo.example_sets import ExampleSet, Question

_WIDTH = 80
_PLOT_WIDTH, _PLOT_HEIGHT = 60, 8
_SHOWN_QUESTIONS = 3
_TRAIN, _VALID = "cyan", "bold magenta"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one set went. `base` and `tuned` count right answers."""

    chosen: ExampleSet
    model: str
    base: int
    tuned: int
    first_loss: float | None
    last_loss: float | None
    seconds: float


class Bar:
    """The progress bar of one job."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def show(self, text: str) -> None:
        """Say where the job stands."""
        self._progress.update(self._task, description=text)

    def advance(self, step: int, total: int, loss: float) -> None:
        """Show a step of training."""
        text = f"train loss {loss:.3f}"
        self._progress.update(self._task, completed=step, total=total, description=text)


class Screen:
    """Writes the demo's story; each method is one paragraph of it."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.console.width = min(self.console.width, _WIDTH)

    def say(self, text: str, style: str = "") -> None:
        """Write a line; `text` may hold markup."""
        self.console.print(text, style=style)

    def set_begins(self, chosen: ExampleSet) -> None:
        """Open the part of one set."""
        self.console.print()
        self.console.print(Rule(f"[bold]{escape(chosen.title)}[/]", align="left", style="blue"))

    def report(self, report: dict[str, Any], estimate: dict[str, Any]) -> None:
        """Sum the check and the estimate up."""
        tokens, each = report["tokens"], report["tokens"]["per_example"]
        verdict = "[green]valid[/]" if report["valid"] else "[red]not valid[/]"
        self._fact(
            "check",
            f"{verdict}: {report['examples']} examples, {report['error_count']} errors, "
            f"{report['warning_count']} warnings",
        )
        self._fact(
            "tokens",
            f"{tokens['total']:,} ({tokens['encoding']}), {tokens['trained']:,} trained; "
            f"{each['min']} to {each['max']} an example",
        )
        if estimate:
            cost = "price unknown" if estimate["usd"] is None else f"${estimate['usd']:.2f}"
            self._fact("estimate", f"{estimate['epochs']} epochs, {estimate['billable_tokens']:,} tokens, {cost}")
            if estimate["seconds"] is not None:
                low, high = estimate["seconds_low"], estimate["seconds_high"]
                self._fact("time", f"{estimate['seconds']} s ({low} to {high}), by {estimate['time_basis']}")

    def posted(self, job_id: str, numbers: dict[str, Any]) -> None:
        """Name the job and its hyperparameters."""
        self._fact("job", job_id)
        self._fact("settings", ", ".join(f"{name} {value}" for name, value in numbers.items()))

    @contextmanager
    def bar(self) -> Generator[Bar]:
        """Show a bar while the job runs."""
        columns = (TextColumn("  [dim]training[/]   "), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.description}"), console=self.console) as progress:
            yield Bar(progress, progress.add_task("waiting", total=None))

    def losses(self, train: Sequence[tuple[float, float]], valid: Sequence[tuple[float, float]]) -> None:
        """Plot the loss over the steps."""
        if not train:
            return
        drawn = plot.smooth(train, 2 * _PLOT_WIDTH)
        top = max(y for _, y in (*drawn, *valid))
        lines = [plot.Line(points=drawn, style=_TRAIN)]
        lines += [plot.Line(points=valid, style=_VALID)] if valid else []
        self.console.print()
        for number, row in enumerate(plot.draw(lines, _PLOT_WIDTH, _PLOT_HEIGHT, top)):
            label = f"{top:.2f}" if number == 0 else "0" if number == _PLOT_HEIGHT - 1 else ""
            text = Text(f"  {label:>8} │", style="dim")
            for cell in row:
                text.append(cell.text, style=cell.style)
            self.console.print(text)
        steps = f"step {train[-1][0]:.0f}"
        self.console.print(Text(f"           └{'─' * (_PLOT_WIDTH - len(steps) - 1)} {steps}", style="dim"))
        valid_text = f"   [{_VALID}]━[/] validation {valid[0][1]:.2f} → {valid[-1][1]:.2f}" if valid else ""
        self.say(f"            [{_TRAIN}]━[/] training loss {train[0][1]:.2f} → {train[-1][1]:.2f}{valid_text}")

    def checkpoints(self, found: list[FineTuningJobCheckpoint]) -> None:
        """List the checkpoints, oldest first."""
        self.console.print()
        for checkpoint in reversed(found):
            loss = checkpoint.metrics.full_valid_loss
            shown = "" if loss is None else f"  validation loss {loss:.3f}"
            self._fact("checkpoint", f"step {checkpoint.step_number:<5}{shown}")

    def answers(self, chosen: ExampleSet, base: list[str], tuned: list[str]) -> None:
        """Show some held-out questions with both models' answers."""
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
        for name, width in (("  held-out question", 34), ("base model", 18), ("tuned model", 22)):
            table.add_column(name, width=width, no_wrap=True, overflow="ellipsis")
        for number in range(min(_SHOWN_QUESTIONS, len(tuned))):
            question = chosen.questions[number]
            table.add_row(
                "  " + escape(_asked(question)),
                _marked(base[number], question.answer),
                _marked(tuned[number], question.answer),
            )
        self.console.print()
        self.console.print(table)

    def webhooks(self, verified: list[tuple[str, str]]) -> None:
        """List the webhooks that came and were verified."""
        self.console.print()
        self.console.print(Rule("[bold]Webhooks received, signatures verified[/]", align="left", style="blue"))
        for kind, job_id in verified:
            self.say(f"  [green]✓[/] {kind:<28} {job_id}")

    def final(self, outcomes: list[Outcome]) -> None:
        """Close with the table of base versus tuned."""
        table = Table(header_style="bold", border_style="dim", expand=True)
        table.add_column("set", ratio=3)
        for name in ("guessing", "base", "tuned", "train loss", "time"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in outcomes:
            chance = one.chosen.chance
            losses = "–" if one.first_loss is None else f"{one.first_loss:.2f} → {one.last_loss:.2f}"
            table.add_row(
                one.chosen.name.replace("_", " "),
                "–" if chance is None else f"{chance:.1%}",
                _share(one.base, one),
                f"[bold]{_share(one.tuned, one)}[/]",
                losses,
                f"{one.seconds:.1f} s",
            )
        self.console.print()
        self.console.print(table)

    def _fact(self, name: str, text: str) -> None:
        self.console.print(f"  [dim]{name:<10}[/]  {text}", soft_wrap=True)


def _asked(question: Question) -> str:
    text = str(question.messages[-1]["content"])
    return " ".join(text.rpartition("Question:")[2].split())


def _marked(answer: str, right: str) -> str:
    shown = escape(" ".join(answer.split()) or "(nothing)")
    return f"[green]✓ {shown}[/]" if answer == right else f"[red]✗[/] [dim]{shown}[/]"


def _share(right: int, outcome: Outcome) -> str:
    return f"{right / max(1, len(outcome.chosen.questions)):.1%}"
