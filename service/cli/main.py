"""The `tunewright` command. A subcommand's module is imported when it is called: some bring heavy packages."""

import importlib
from typing import Any

import click

_COMMANDS = {
    "up": ("service.cli.up", "Start everything in the foreground: Redis, API and workers."),
    "demo": ("service.cli.demo.command", "Tune a model on two example sets through the public API, and show it."),
    "check": ("service.cli.check", "Check a training file; exit status 1 if it would be refused."),
    "data": ("service.cli.data.command", "Prepare datasets: split, dedupe, clean, redact, convert and more."),
    "keys": ("service.cli.keys", "Make, list and revoke API keys."),
    "doctor": ("service.cli.doctor.command", "Look for what would lose work or stop it, and say what to do."),
    "fsck": ("service.cli.fsck", "Check the records, read-only; exit status 1 if they are not as they must be."),
}
"""Name → module with an attribute `command`, and the line that help shows."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tunewright")
def cli(**_options: Any) -> None:
    """Self-hosted, OpenAI-compatible fine-tuning."""


if __name__ == "__main__":
    cli()
