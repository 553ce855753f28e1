"""Recorded calls: read, turned into a script, compared, pseudonymised, and replayed against today's code."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crosschannel.replays.caller_side import script_of
from crosschannel.replays.compare import compare, similarity
from crosschannel.replays.pseudonyms import Pseudonyms
from crosschannel.replays.recording import NoRecording, RecordedTurn, Recording, read_recording, recording_of
from crosschannel.replays.screen import side_by_side
from dialogue.agent import load_agent
from sandbox.scenarios.grammar import Moment
from shared.records import CallEnded, CallResumed, CallStarted, ToolUse, Turn
from tests.sandbox_kit import ACCOUNT_SID, AUTH_TOKEN, OPENAI_KEY, open_sandbox

RECORDED = Path(__file__).parent / "fixtures" / "replay" / "lost_and_resumed.json"
ROOT = Path(__file__).resolve().parent.parent
SID = "CA" + "1" * 32


def turn(text: str, reply: str = "Yes.", **more: Any) -> RecordedTurn:
    return RecordedTurn(
        input=more.pop("input", "speech"), caller_text=text, reply_text=reply, language="en-US", **more
    )


def recording(*turns: RecordedTurn, **more: Any) -> Recording:
    known = {"call_sid": SID, "caller": "+15555550101", "called": "+15555550100", "language": "en-US"}
    return Recording(turns=list(turns), **{"reason": "completed", **known, **more})


# ---- out of the journal ----


def test_a_call_is_read_out_of_its_records_with_the_last_word_on_each_turn() -> None:
    tool = ToolUse(tool_call_id="t", name="order_status", arguments="{}")
    common = {"call_sid": SID, "input": "speech", "caller_text": "where"}
    found = recording_of(
        iter(
            [
                CallStarted(
                    call_sid=SID,
                    session_id="VX",
                    caller="+1",
                    called="+2",
                    direction="inbound",
                    language="en-US",
                    agent="a",
                ),
                Turn(turn=1, outcome="open", **common),
                Turn(
                    turn=1,
                    outcome="completed",
                    reply_text="Here.",
                    tools=[tool],
                    latency={"first_text_ms": 9},
                    **common,
                ),
                CallResumed(call_sid=SID, session_id="VX2", resumes=1),
                Turn(turn=2, outcome="open", **common),
                Turn(turn=2, outcome="failed", **common),
                CallEnded(call_sid=SID, reason="handoff", duration_s=3, turns=2),
                CallEnded(call_sid="CA0", reason="lost", duration_s=3, turns=2),
            ]
        ),
        SID,
    )
    assert found is not None
    first, second = found.turns
    assert (first.reply_text, first.tools, first.first_text_ms, first.lost_before) == ("Here.", [tool], 9, False)
    assert (second.outcome, second.lost_before) == ("failed", True)
    assert (found.reason, found.caller) == ("handoff", "+1")


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoRecording, match="neither a file nor a call"):
        read_recording(SID, tmp_path)
    (tmp_path / "x.json").write_text('{"call_sid": 1}')
    with pytest.raises(NoRecording, match="is no recording"):
        read_recording(str(tmp_path / "x.json"), tmp_path)
    (tmp_path / "x.json").write_bytes(msgspec.json.encode(recording(v=2)))
    with pytest.raises(NoRecording, match="version 2"):
        read_recording(str(tmp_path / "x.json"), tmp_path)


# ---- the caller's side ----


def test_a_reply_that_was_cut_is_talked_over_at_the_same_words() -> None:
    cut = turn("hours?", "One. Two goes on.", heard_text="One. Two goes", interrupted=True)
    over = script_of(recording(cut, turn("stop"))).turns[1]
    assert (over.user, over.interrupt) == ("stop", Moment(sentence=2, after_ms=round(9 / 14 * 1000)))


def test_keys_losses_and_ends_are_played_again() -> None:
    played = script_of(
        recording(
            turn("42", input="dtmf"),
            turn("hello", lost_before=True),
            turn("said by an operator", input="operator"),
            turn("****", input="dtmf"),
            reason="agent_ended",
        )
    )
    assert [one.act for one in played.turns] == ["dtmf", "drop", "user"]
    assert played.turns[0].dtmf == "42#"
    assert script_of(recording(turn("hi"))).turns[-1].hangup is True
    left = turn("hi", "A long reply, it was.", heard_text="A long")
    assert isinstance(script_of(recording(left)).turns[-1].hangup, Moment)


# ---- then and now ----


def test_the_same_call_has_not_changed() -> None:
    one = recording(turn("hi", "Good day!", first_text_ms=100))
    other = recording(turn("hi", "good day", first_text_ms=900))
    assert compare(one, other, 1.0).same


@pytest.mark.parametrize(
    ("now", "word"),
    [
        ({"reply": "Something else entirely"}, "words in common"),
        ({"tools": [ToolUse(tool_call_id="x", name="end_call")]}, "tools: none then, end_call() now"),
        ({"interrupted": True}, "interrupted now"),
        ({"outcome": "failed"}, "outcome"),
    ],
)
def test_what_counts_is_named(now: dict[str, Any], word: str) -> None:
    found = compare(
        recording(turn("hi", "Good day!")), recording(turn("hi", **{"reply": "Good day!", **now})), 0.6
    )
    assert not found.same
    assert word in found.turns[0].changes[0]
    assert word in side_by_side(found, 100, colours=False)


def test_languages_missing_turns_and_ends_count() -> None:
    one = recording(turn("hi"), turn("and"))
    other = recording(msgspec.structs.replace(turn("hi"), language="pt-BR"), reason="failed")
    found = compare(one, other, 0.6)
    assert "language" in found.turns[0].changes[0]
    assert "did not come about" in found.turns[1].changes[0]
    assert "failed and not by completed" in found.changes[0]


def test_arguments_are_compared_as_values_and_similarity_by_words() -> None:
    tools = [
        ToolUse(tool_call_id=n, name="t", arguments=text)
        for n, text in (("a", '{"a":1,"b":2}'), ("b", '{"b": 2, "a": 1}'))
    ]
    assert compare(recording(turn("x", tools=tools[:1])), recording(turn("x", tools=tools[1:])), 0.6).same
    assert similarity("It is on its way.", "it is on its WAY") == 1
    assert similarity("", "") == 1
    assert (
        0.5 < similarity("It comes tomorrow morning", "It comes next week") < 0.6 or similarity("a b", "c d") == 0
    )


# ---- sharing ----


def test_an_export_has_no_people_in_it_and_is_consistent() -> None:
    texts = [text for text in msgspec.json.encode(load_agent(None)).decode().split('"') if text]
    secret = recording(
        turn(
            "Hi, my name is Emily Carter, call me at +1 555 555 0101 or emily.carter@example.com.", "Hello, Emily!"
        ),
        turn(
            "Order 1001, for Emily.",
            "Order 1001 is on its way, Emily. This is Luna of Harbour Books.",
            tools=[
                ToolUse(
                    tool_call_id="c",
                    name="order_status",
                    arguments='{"order_number":"1001"}',
                    result='{"to":"Carter"}',
                )
            ],
        ),
    )
    shared = Pseudonyms(texts).recording(secret)
    text = msgspec.json.encode(shared).decode()
    for secret_word in ("Emily", "Carter", "0101", "555 555", "1001", "emily.carter", SID):
        assert secret_word not in text, secret_word
    name = shared.turns[0].reply_text.removeprefix("Hello, ").removesuffix("!")
    assert shared.turns[1].caller_text.endswith(f"for {name}.")
    number = shared.turns[1].caller_text.split()[1].rstrip(",")
    assert json.loads(shared.turns[1].tools[0].arguments) == {"order_number": number}
    assert "Luna of Harbour Books" in shared.turns[1].reply_text
    assert shared.turns[1].tools[0].name == "order_status"
    kept = Pseudonyms(texts, keep_numbers=True).recording(secret)
    assert "1001" in kept.turns[1].caller_text
    assert "0101" not in kept.turns[0].caller_text


# ---- the command ----


def replay(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """In an empty folder with nothing running: it starts a sandbox and a relay of its own."""
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("TWILIO_", "OPENAI_", "SEGMENT_", "DATA_"))}
    env = {**clean, "PYTHONPATH": str(ROOT), "SANDBOX_PORT": "1", **more}
    command = [sys.executable, "-m", "crosschannel", "replay", *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=110)


@pytest.mark.timeout(120)
def test_a_recorded_call_is_a_regression_test(tmp_path: Path) -> None:
    mine = tmp_path / "call.json"
    shutil.copy(RECORDED, mine)
    same = replay(tmp_path, str(mine))
    assert same.returncode == 0, same.stdout + same.stderr
    assert "Nothing that counts has changed" in same.stdout

    recorded = json.loads(mine.read_text())
    recorded["turns"][0]["reply_text"] = "We used to say something quite different here."
    mine.write_text(json.dumps(recorded))
    changed = replay(tmp_path, str(mine), "--json", "--update")
    assert changed.returncode == 0, "an update accepts"
    found = json.loads(changed.stdout)
    assert (found["same"], len(found["turns"][0]["changes"])) == (False, 1)
    accepted = json.loads(mine.read_text())
    assert accepted["turns"][0]["reply_text"] != recorded["turns"][0]["reply_text"]
    assert accepted["call_sid"] == recorded["call_sid"]


OTHER_ANSWERS = [{"text": "No idea, please ask somebody else."}]


@pytest.mark.timeout(120)
async def test_another_agent_file_and_model_are_asked_and_a_changed_answer_fails(tmp_path: Path) -> None:
    mine, agent = tmp_path / "call.json", tmp_path / "agents" / "default.toml"
    opening = recording(turn("When are you open?", "We are open from nine to seven."), reason="completed")
    mine.write_bytes(msgspec.json.encode(opening))
    shutil.copytree(ROOT / "dialogue" / "agents", agent.parent)
    agent.write_text(agent.read_text().replace("Harbour Books", "Mountain Books"))
    async with open_sandbox(tmp_path / "sandbox") as sandbox:
        env = {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_BASE_URL": sandbox.url,
            "OPENAI_API_KEY": OPENAI_KEY,
            "OPENAI_BASE_URL": f"{sandbox.url}/openai/v1",
            "SANDBOX_PORT": sandbox.url.rpartition(":")[2],
        }

        async def play(*options: str) -> subprocess.CompletedProcess[str]:
            await sandbox.control("POST", "model/script", OTHER_ANSWERS)
            return await asyncio.to_thread(replay, tmp_path, str(mine), *options, **env)

        changed = await play("--agent", str(agent), "--model", "other-model")
        assert (changed.returncode, "words in common" in changed.stdout) == (1, True), (
            changed.stdout + changed.stderr
        )
        seen = (await sandbox.control("GET", "requests?product=openai")).json["items"]
        asked = next(one["body"] for one in seen if one["body"])
        assert asked["model"] == "other-model"
        assert "Mountain Books" in asked["messages"][0]["content"]
        assert (await play("--update")).returncode == 0
        assert (await play()).returncode == 0, "what was accepted is what is expected now"
    accepted = json.loads(mine.read_text())["turns"][0]["reply_text"]
    assert accepted == "No idea, please ask somebody else."


def test_what_cannot_be_replayed_is_told(tmp_path: Path) -> None:
    assert replay(tmp_path, SID).returncode == 2
    update = replay(tmp_path, SID, "--update")
    assert (update.returncode, "--export" in update.stderr) == (2, True)
