"""Recorded live calls, replayed frame by frame with their own timing against a session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from dialogue.agent import load_agent
from dialogue.agent_tables import DtmfConfig
from dialogue.model import Finished
from relay_server import facts as f
from relay_server import messages as m
from shared import records as r
from tests.relay_line import Line, history

FOLDER = Path(__file__).parent / "fixtures" / "conversationrelay"
GREETING = "This is the spike. Say something, or press a key."


def recorded(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


def replay(name: str) -> Line:
    """Plays what Twilio sent; our reply is the recorded one, when it was sent."""
    agent = load_agent(None)
    english = msgspec.structs.replace(agent.language("en-US"), greeting=GREETING)
    keys = DtmfConfig(max_digits=1)
    line = Line(setup=False, agent=msgspec.structs.replace(agent, languages=[english], dtmf=keys))
    began_s = line.now_s
    for step in recorded(name):
        fact = told(step, line)
        if fact is not None:
            line.feed(fact, max(0.0, began_s + step["ms"] / 1000 - line.now_s))
    return line


def told(step: dict[str, Any], line: Line) -> f.Fact | None:
    frame = step["frame"]
    match step["dir"]:
        case "in":
            found = m.decode_frame(json.dumps(frame))
            assert not isinstance(found, m.Unreadable)
            return found
        case "out" if frame["last"]:
            line.feed(f.ReplyText(line.asked[-1].generation, frame["token"]), 0.0)
            return f.ReplyFinished(line.asked[-1].generation, Finished())
        case "out":
            return f.ReplyText(line.asked[-1].generation, frame["token"])
        case "close":
            return f.SocketClosed(frame["code"] == 1000)
    return None


def test_a_key_during_the_greeting_cuts_it_and_its_answer_survives_the_interrupt() -> None:
    line = replay("keypress-during-greeting.jsonl")
    assert [(turn.caller_text, turn.reply_text, turn.heard_text, turn.outcome) for turn in line.turns] == [
        ("9", "Key 9.", "Key 9.", "completed"),
        ("8", "Key 8.", "Key 8.", "completed"),
    ]
    assert [content for _, content in history(line.asked[-1])] == ["This", "[dtmf] 9", "Key 9.", "[dtmf] 8"]
    assert line.records(r.CallEnded)[0].reason == "completed"


def test_the_recorded_timing_gives_the_waterfall() -> None:
    first, second = replay("keypress-during-greeting.jsonl").turns
    assert first.latency["first_speech_ms"] == 393.0
    assert second.latency["first_speech_ms"] == 449.0
    assert second.latency["heard_ms"] == 1133.0
    assert second.speech["agent_ms"] > 600


def test_twelve_sentences_sent_at_once_and_interrupted_in_the_second() -> None:
    """Recorded: `Sentence 2 of`, 684 ms, the fragment reported as played just before."""
    line = Line()
    line.played(line.agent.language("en-US").greeting)
    line.say("read them all")
    line.reply(*(f"Sentence {number} of twelve. " for number in range(1, 13)))
    line.event("agentSpeaking", "on", 0.35)
    line.played("Sentence 1 of twelve.")
    line.event("clientSpeaking", "on")
    line.played(" Sentence 2 of")
    line.interrupt("Sentence 2 of")
    line.event("agentSpeaking", "off")
    asked = line.say("stop")
    assert asked is not None
    assert history(asked)[-2:] == [("assistant", "Sentence 1 of twelve. Sentence 2 of"), ("user", "stop")]
