"""Logs without numbers, addresses and secrets, one JSON line per event."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import redact

LOG = """
import logging, sys
from shared.telemetry import configure_logging, get_logger
configure_logging("relay_server", debug=sys.argv[2] == "debug")
log = get_logger("test")
exec(sys.argv[1])
"""


def logged(code: str, level: str = "info") -> list[dict[str, Any]]:
    """The events that a process writes which runs `code` with a `log`; every line must be one JSON object."""
    done = subprocess.run(
        [sys.executable, "-c", LOG, code, level], capture_output=True, timeout=30, check=False, text=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.removesuffix("\n").split("\n")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call from +15555550123 to +34911123456", "call from +***23 to +***56"),
        ("whatsapp:+15555550123", "whatsapp:+***23"),
        ("/api/customers/+15555550123/calls", "/api/customers/+***23/calls"),
        ("From=%2B15555550123&To=%2b34911123456", "From=+***23&To=+***56"),
        ("[+15555550123]", "[+***23]"),
        ("ada.lovelace+x@mail.example.com wrote", "***@*** wrote"),
        ("Authorization: Bearer abcdef0123456789.x-y_z=", "Authorization: Bearer ***"),
        ("authorization: basic QUMxMjM6dG9rZW4=", "authorization: basic ***"),
        ("key sk-proj-0123456789abcdef was refused", "key sk-*** was refused"),
        ("GET /sign-in?token=0123456789abcdef&x=1", "GET /sign-in?token=***&x=1"),
        ("GET /webhook?a=1&bodySHA256=0123abcd", "GET /webhook?a=1&bodySHA256=***"),
    ],
)
def test_numbers_addresses_and_secrets_are_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00+00:00",
        "1+1=2",
        "CA0123456789abcdef0123456789abcdef",
        "task-force-0123456789",
        "12345678901",
        "día 😀",
    ],
)
def test_what_is_none_of_these_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\x1b", "\x00", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\t"]
)
def test_control_characters_are_made_visible(character: str) -> None:
    shown = redact(f"Ada{character}[31m forged")
    assert character not in shown
    assert shown == f"Ada\\x{ord(character):02x}[31m forged"


@given(st.text())
def test_whatever_the_text_is_it_stays_one_printable_line(text: str) -> None:
    assert len(redact(text).splitlines()) <= 1
    assert "\x1b" not in redact(text)


def test_every_part_of_an_event_is_redacted_and_it_stays_one_json_line() -> None:
    [event] = logged(
        "class Caller:\n"
        "    def __repr__(self): return 'Caller(+15555550123)'\n"
        "log.info('name\\nforged \\u2028 line', caller='+15555550123', count=3, ratio=0.5, good=True, none=None,"
        " nested={'to': ['+15555550123', {'mail': 'ada@example.com'}], '+15555550124': ('sk-0123456789abcdef',)},"
        " caller_object=Caller(), error=ValueError('bad +15555550123'), raw=b'+15555550123')"
    )
    text = json.dumps(event)
    for secret in ("5555550123", "5555550124", "ada@", "0123456789abcdef"):
        assert secret not in text
    assert event["event"] == "name\\x0aforged \\x2028 line"
    assert event["nested"] == {"to": ["+***23", {"mail": "***@***"}], "+***24": ["sk-***"]}
    assert event["caller_object"] == "Caller(+***23)"
    assert (event["count"], event["ratio"], event["good"], event["none"]) == (3, 0.5, True, None)
    assert (event["service"], event["level"]) == ("relay_server", "info")
    assert event["timestamp"].endswith("Z")


def test_a_traceback_is_part_of_the_one_line_and_redacted() -> None:
    [event] = logged(
        "try: raise RuntimeError('no +15555550123\\n\\x1b[31mforged')\n"
        "except RuntimeError: log.exception('failed', call_sid='CA1')"
    )
    assert event["exception"].startswith("Traceback (most recent call last):\n")
    assert "RuntimeError: no +***23" in event["exception"]
    assert "\x1b" not in event["exception"]


def test_logs_of_libraries_are_redacted_in_the_same_way() -> None:
    events = logged(
        "other = logging.getLogger('library')\n"
        "other.warning('call from %s\\nforged', '+15555550123')\n"
        "try: raise OSError('Bearer 0123456789abcdef')\n"
        "except OSError: other.exception('lost')\n"
        "logging.getLogger('aiohttp.access').info('GET /sign-in?token=0123')"
    )
    assert [event["event"] for event in events] == ["call from +***23\\x0aforged", "lost"]
    assert events[1]["exception"].endswith("OSError: Bearer ***")
    assert {event["service"] for event in events} == {"relay_server"}


def test_debug_lines_are_there_only_when_asked_for() -> None:
    assert [event["event"] for event in logged("log.debug('detail'); log.info('opened')")] == ["opened"]
    assert [event["event"] for event in logged("log.debug('detail')", "debug")] == ["detail"]


def test_a_lone_surrogate_does_not_lose_the_line() -> None:
    [event] = logged("log.info('half \\ud83d of a pair')")
    assert event["event"].startswith("half ")


def test_on_a_terminal_a_traceback_shows_no_local_variables() -> None:
    code = (
        "def f(token): raise RuntimeError('no +15555550123')\n"
        "try: f('local-' + 'secret')\n"
        "except RuntimeError: log.exception('x')"
    )
    program = (
        "import os, pty, sys\n"
        "def read(fd):\n"
        "    data = os.read(fd, 65536)\n"
        "    sys.stdout.buffer.write(data)\n"
        "    return b''\n"
        "status = pty.spawn([sys.executable, '-c', sys.argv[1], sys.argv[2], 'info'], read)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, LOG, code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert b"Traceback" in done.stdout
    assert b"no +***23" in done.stdout
    assert b"local-secret" not in done.stdout
