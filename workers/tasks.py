"""The one function that an RQ message may name, and the message class that refuses all others."""

from collections.abc import Callable
from typing import Any, cast

from rq.job import Job as Message
from rq.serializers import JSONSerializer

QUEUE = "tunewright"
ENTRY_POINT = "workers.tasks.look"
SERIALIZER = JSONSerializer


class Refused(Exception):
    """A message names something else than `look`, or wants callbacks: it is not ours and is not run."""


class LookMessage(Message):
    """An RQ message that can only say "look at X".

    The JSON serializer alone would run any importable function that a message names (reliability §1.8).
    """

    def perform(self) -> Any:
        """Run the message; raises Refused for any function but ours."""
        callbacks = (self._success_callback_name, self._failure_callback_name, self._stopped_callback_name)
        if self.func_name != ENTRY_POINT or any(callbacks) or self.kwargs or len(cast("list[object]", self.args)) != 1:
            raise Refused("not a message of Tunewright")
        return super().perform()


_looks: list[Callable[[str], None]] = []


def bind(look_at: Callable[[str], None]) -> None:
    """Make `look_at` what messages call in this process; RQ finds its function by name and can't be handed one."""
    _looks[:] = [look_at]


def look(member: str) -> None:
    """Look at a due member. Called by RQ."""
    if not _looks:
        raise Refused("no worker is bound to this process")
    _looks[0](member)
