"""The log of `up`: one form for what all processes write, whatever their own form is."""

import logging

import pytest

from service.cli import log_lines, probe


@pytest.fixture(autouse=True)
def _without_handlers():
    yield
    logging.getLogger("tunewright.up").handlers.clear()


def written(capsys, role, *raw):
    log_lines.configure(logging.DEBUG)
    log = log_lines.LineLog(role)
    for line in raw:
        log.write(line)
    return [line[9:] for line in capsys.readouterr().err.splitlines()]


REDIS = b"7:M 22 Nov 2026 17:37:19.123 "


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"INFO workers.ticker 3 due\n", "api       INFO    workers.ticker 3 due"),
        (b"ERROR:    uvicorn\n", "api       ERROR   uvicorn"),
        (REDIS + b"* Ready to accept\n", "api       DEBUG   Ready to accept"),
        (REDIS + b"# WARNING Memory\n", "api       WARNING Memory"),
        (REDIS + b"# It is now ready to exit, bye bye...\n", "api       DEBUG   It is now ready to exit, bye bye..."),
        (b"plain \xff words\n", "api       INFO    plain \N{REPLACEMENT CHARACTER} words"),
    ],
)  # fmt: skip
def test_a_line_keeps_its_level_and_loses_its_own_prefix(capsys, raw, shown):
    assert written(capsys, "api", raw) == [shown]


def test_a_traceback_has_the_level_of_the_line_before_and_blank_lines_go(capsys):
    lines = written(capsys, "worker-1", b"ERROR it broke\n", b"Traceback (most recent call last):\n", b"\n")
    assert lines == ["worker-1  ERROR   it broke", "worker-1  ERROR   Traceback (most recent call last):"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1/v1"),
        ("0.0.0.0", "http://127.0.0.1:1/v1"),
        ("::", "http://[::1]:1/v1"),
        ("fd00::1", "http://[fd00::1]:1/v1"),
        ("box.example", "http://box.example:1/v1"),
    ],
)
def test_the_address_shown_can_be_used_on_this_machine(host, url):
    assert probe.base_url(host, 1) == url
