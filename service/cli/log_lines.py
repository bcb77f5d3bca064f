"""One form for the log lines of all processes: time, role, level, text."""

import logging
import re
import sys

FORMAT = "%(asctime)s %(role)-9s %(levelname)-7s %(message)s"
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_PYTHON = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL):?\s+(.*)")
_REDIS = re.compile(r"\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.\-*#]) (.*)")
_REDIS_LEVELS = {".": 10, "-": 10, "*": 10, "#": 30}
_BYE = "is now ready to exit, bye bye..."
_log = logging.getLogger("tunewright.up")


def configure(level: int) -> None:
    """Write log lines of this process and of its children to standard error, from `level` (of `logging`) on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT, "%H:%M:%S", defaults={"role": "up"}))
    _log.handlers = [handler]
    _log.propagate = False
    _log.setLevel(level)


def say(message: str, level: int = logging.INFO) -> None:
    """Log a line of `up` itself."""
    _log.log(level, message)


class LineLog:
    """The log of one child; a line without a level (of a traceback, say) has the level of the one before."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._level = logging.INFO

    def write(self, raw: bytes) -> None:
        """Log one line as the child wrote it; an empty one is dropped."""
        text = raw.decode("utf-8", "replace").rstrip()
        if not text:
            return
        if found := _PYTHON.match(text):
            self._level, text = _LEVELS[found[1]], found[2]
        elif found := _REDIS.match(text):
            self._level, text = _REDIS_LEVELS[found[1]], found[2].removeprefix("WARNING ")
            if text.endswith(_BYE):
                self._level = logging.DEBUG
        _log.log(self._level, text, extra={"role": self._role})
