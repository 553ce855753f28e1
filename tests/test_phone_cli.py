"""`crosschannel call` as it is typed, in a process of its own."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from crosschannel.call_screen import TextScreen
from sandbox.phone_events import CallEnded
from tests.conftest import EventuallyAsync
from tests.phone_kit import ACCOUNT_SID, AUTH_TOKEN, Frame, TinyRelay, open_phone
from tests.sandbox_kit import open_sandbox

QUICK = ("--speed", "20")


@dataclass
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


class CommandLine:
    """Runs `crosschannel call` against a tiny relay; `environ` may be changed before."""

    def __init__(self, relay: TinyRelay, data_dir: Path, nobody: str) -> None:
        self.relay = relay
        self.environ = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "OPENAI_API_KEY": "sk-phone-test",
            "RELAY_PUBLIC_URL": relay.url,
            "RELAY_URL": relay.url,
            "SANDBOX_URL": nobody,
        }

    async def run(self, *arguments: str, typed: str | None = None) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "crosschannel", "call", *arguments),
            env=self.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(typed.encode() if typed is not None else None), 30)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def call(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[CommandLine]:
    relay = TinyRelay(greeting="Good day!", attributes='dtmfDetection="true"', inner='<Language code="es-US"/>')
    async with open_phone(relay):
        yield CommandLine(relay, tmp_path, f"http://127.0.0.1:{free_port()}")


async def test_a_scripted_call_is_shown_and_summed_up(call: CommandLine) -> None:
    ran = await call.run(*QUICK, "--say", "hello", "--say", "and bye")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("Connected in en-US, call CA")
    assert lines[1] == "agent   Good day!"
    assert lines[2] == "caller  hello"
    assert lines[3].startswith("agent   You said: hello.  (")
    assert lines[4] == "caller  and bye"
    assert "The caller hung up." in lines
    assert lines[-1].startswith("2 of 2 turns answered; first text after ")
    assert "\x1b" not in ran.out


async def test_without_a_sandbox_the_call_goes_on_and_says_so_in_one_line(call: CommandLine) -> None:
    ran = await call.run(*QUICK, "--say", "hello")
    assert (ran.code, ran.err) == (0, "")
    assert len([line for line in ran.out.splitlines() if "No sandbox answers" in line]) == 1


async def test_a_finished_call_becomes_a_transcript_in_the_sandbox(call: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    async with open_sandbox(folder, TWILIO_ACCOUNT_SID=ACCOUNT_SID, TWILIO_AUTH_TOKEN=AUTH_TOKEN) as sandbox:
        call.environ["SANDBOX_URL"] = sandbox.url
        ran = await call.run(*QUICK, "--json", "--lang", "es-ES", "--say", "hola")
        assert ran.code == 0, ran.err
        assert ran.json["transcript_sid"].startswith("GT")
        assert ran.json["call"]["language"] == "es-US"


async def test_json_is_one_object_with_turns_and_latencies(call: CommandLine) -> None:
    ran = await call.run(*QUICK, "--json", "--say", "one", "--dtmf", "12", "--say", "two", "--timeout", "1")
    result = ran.json
    assert ran.code == 1  # nobody answers the keys
    assert [(t["caller"], t["agent"], t["answered"]) for t in result["turns"]] == [
        ("one", "You said: one.", True),
        ("12", "", False),
        ("two", "You said: two.", True),
    ]
    assert 0 < result["latency"]["p50_ms"] <= result["latency"]["p95_ms"]
    assert result["all_answered"] is False
    assert result["call"]["ended_by"] == "caller"
    assert [frame["digit"] for frame in call.relay.of_type("dtmf")] == ["1", "2"]


async def test_a_turn_that_nobody_answers_is_exit_code_1(call: CommandLine) -> None:
    async def mute(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        return None

    call.relay.behave = mute
    ran = await call.run(*QUICK, "--say", "hello?", "--timeout", "0.5")
    assert ran.code == 1
    assert "0 of 1 turns answered" in ran.out


async def test_turns_left_over_by_the_agents_hang_up_are_not_answered(call: CommandLine) -> None:
    async def leave(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await relay.speak(socket, "Goodbye.")
            await socket.send_json({"type": "end"})

    call.relay.behave = leave
    ran = await call.run(*QUICK, "--json", "--say", "bye", "--say", "one more thing")
    assert ran.code == 1
    assert [turn["answered"] for turn in ran.json["turns"]] == [True, False]
    assert ran.json["call"]["ended_by"] == "agent"


async def test_an_undeclared_language_is_exit_code_2(call: CommandLine) -> None:
    ran = await call.run("--lang", "fr-FR", "--say", "bonjour")
    assert ran.code == 2
    assert "it declares en-US, es-US" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    "arguments", [("--dtmf", "A"), ("--say", " "), ("--speed", "0"), ("--speed", "fast"), ("--nonsense",)]
)
async def test_bad_arguments_are_exit_code_2(call: CommandLine, arguments: tuple[str, ...]) -> None:
    assert (await call.run(*arguments)).code == 2


async def test_nobody_at_home_is_exit_code_3_and_says_what_to_do(
    call: CommandLine, free_port: Callable[[], int]
) -> None:
    call.environ["RELAY_URL"] = call.environ["RELAY_PUBLIC_URL"] = f"http://127.0.0.1:{free_port()}"
    ran = await call.run("--say", "hello")
    assert ran.code == 3
    assert "make up" in ran.err
    assert "Traceback" not in ran.err


async def test_the_callers_number_is_the_languages_customer_or_the_given_one(call: CommandLine) -> None:
    await call.run(*QUICK, "--lang", "es", "--say", "hola")
    await call.run(*QUICK, "--from", "+15555550177", "--say", "hello")
    assert [frame["from"] for frame in call.relay.of_type("setup")] == ["+34555010101", "+15555550177"]


async def test_an_interactive_call_takes_what_is_typed(call: CommandLine) -> None:
    typed = "/help\n/silence 1\nhello there\n/silence 1\n/dtmf 7\n/nonsense\n/silence x\n/drop\n"
    call.relay.answers = [call.relay.twiml()]
    ran = await call.run("--speed", "20", typed=typed + "back again\n/silence 1\n/hangup\nnever said\n")
    assert ran.code == 0, ran.err
    for expected in ("/dtmf 1#", "hello there", "You said: hello there.", "There is no /nonsense", "back again"):
        assert expected in ran.out, ran.out
    assert [frame["digit"] for frame in call.relay.of_type("dtmf")] == ["7"]
    assert [frame["voicePrompt"] for frame in call.relay.of_type("prompt")] == ["hello there", "back again"]


async def test_commands_with_wrong_values_are_explained_and_do_nothing(call: CommandLine) -> None:
    typed = "/silence nan\n/silence inf\n/silence -1\n/silence x\n/dtmf\n/dtmf abc\n/dtmf 1 #\n/silence 1\n"
    ran = await call.run("--speed", "20", typed=typed)
    assert ran.code == 0, ran.err
    assert ran.out.count("Silence has a number of seconds") == 4
    assert ran.out.count("Phones have the keys") == 2
    assert [frame["digit"] for frame in call.relay.of_type("dtmf")] == ["1", "#"]


async def test_ctrl_c_hangs_up_and_the_call_is_reported(
    call: CommandLine, tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    async with open_sandbox(
        tmp_path / "sandbox", TWILIO_ACCOUNT_SID=ACCOUNT_SID, TWILIO_AUTH_TOKEN=AUTH_TOKEN
    ) as sandbox:
        call.environ["SANDBOX_URL"] = sandbox.url
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "crosschannel", "call", *QUICK),
            env=call.environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # As in a terminal: the test runner's workers ignore SIGINT, and a child would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        await eventually_async(lambda: bool(call.relay.of_type("setup")), 20.0)
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 45)
        assert process.returncode == 130
        assert b"The caller hung up." in out
        authorization = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        listed = await sandbox.request("GET", "/intelligence/v2/Transcripts", headers=authorization)
        assert len(listed.json["transcripts"]) == 1


def test_the_reason_of_a_failed_call_ends_with_one_full_stop() -> None:
    output = io.StringIO()
    TextScreen(output, echo=True).happened(CallEnded("failed", "Nothing answers there."))
    assert output.getvalue() == "The call failed: Nothing answers there.\n"


async def test_the_end_of_the_input_hangs_up(call: CommandLine) -> None:
    ran = await call.run(*QUICK, typed="hello\n")
    assert ran.code == 0
    assert "The caller hung up." in ran.out


async def test_colours_are_for_terminals_only(call: CommandLine, eventually_async: EventuallyAsync) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crosschannel", "call", *QUICK, "--say", "hello"),
        env=call.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    seen = bytearray()

    def finished() -> bool:
        try:
            seen.extend(os.read(ours, 65536))
        except BlockingIOError:
            return False
        except OSError:  # the terminal is gone
            return True
        return False

    await eventually_async(finished, 20.0)
    assert await process.wait() == 0
    os.close(ours)
    assert b"\x1b[" in seen
    assert b"You said: hello." in seen
