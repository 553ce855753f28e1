"""A silent caller, a slow tool, a final that never comes: what the session does when nothing happens."""

from __future__ import annotations

from dialogue.model import Finished, ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.call_state import State
from shared import records as r
from tests.relay_line import GREETING, Line, frames, history, spoken

LOOK_UP = ToolCall("t1", "look_up_customer", "{}")


def greeted() -> Line:
    """A call whose greeting has been played, with speaker events."""
    line = Line()
    line.event("agentSpeaking", "on")
    line.played(GREETING)
    line.event("agentSpeaking", "off")
    return line


def answer_played(line: Line, text: str) -> None:
    line.event("agentSpeaking", "on")
    line.played(text)
    line.event("agentSpeaking", "off")


def prompts(line: Line) -> list[int]:
    return [record.count for record in line.records(r.SilencePrompt)]


# ---- silence ----


def test_a_silent_caller_is_asked_three_times_and_then_the_call_ends_within_ninety_seconds() -> None:
    line = greeted()
    started_s = line.now_s
    assert spoken(line.wait(7.5)) == ""
    assert spoken(line.wait(1.0)) == "Are you still there?"
    for question in line.agent.language("en-US").still_there:
        answer_played(line, question)
        line.wait(10.5)
    assert prompts(line) == [1, 2, 3]
    answer_played(line, line.agent.language("en-US").silence_goodbye)
    assert line.session.state is State.ENDED
    assert line.now_s - started_s < 90
    assert line.agent.language("en-US").silence_goodbye in spoken(line.commands)
    [end] = [frame for frame in frames(line.commands) if isinstance(frame, m.EndOut)]
    assert '"reasonCode":"unresponsive"' in end.handoff_data
    line.feed(f.SocketClosed(clean=True))
    assert line.records(r.CallEnded)[0].reason == "silent"


def test_the_question_is_in_the_history_and_an_answer_begins_the_count_anew() -> None:
    line = greeted()
    line.wait(9)
    answer_played(line, "Are you still there?")
    asked = line.say("yes, a moment")
    assert asked is not None
    assert history(asked)[-2:] == [("assistant", "Are you still there?"), ("user", "yes, a moment")]
    line.reply("Take your time.")
    answer_played(line, "Take your time.")
    line.wait(9)
    assert prompts(line) == [1, 1]


def test_the_question_never_comes_while_the_agent_speaks() -> None:
    line = greeted()
    line.say("tell me a story")
    line.reply("Once upon a time. " * 30)
    line.event("agentSpeaking", "on")
    for _ in range(30):  # forty seconds of speech
        line.wait(1.2)
        line.played("Once upon a time. ")
    assert prompts(line) == []
    line.event("agentSpeaking", "off")
    line.wait(9)
    assert prompts(line) == [1]


def test_the_question_never_comes_while_the_caller_speaks() -> None:
    line = greeted()
    line.event("clientSpeaking", "on", 5)
    line.wait(20)
    assert prompts(line) == []
    line.event("clientSpeaking", "off")
    line.wait(7)
    assert prompts(line) == []
    line.wait(2)
    assert prompts(line) == [1]


def test_the_question_never_comes_while_a_tool_runs() -> None:
    line = greeted()
    line.say("who am I?")
    line.reply(tools=(LOOK_UP,))
    line.wait(30)
    assert prompts(line) == []


def test_a_lost_off_does_not_silence_the_timer_for_ever() -> None:
    line = Line()
    line.event("agentSpeaking", "on")  # and no "off" ever
    line.wait(25)
    assert prompts(line)[:1] == [1]


def test_without_events_the_length_of_speech_is_estimated() -> None:
    line = Line()
    line.say("hi")
    line.reply("x" * 280)  # twenty seconds, behind the greeting
    line.wait(24)
    assert prompts(line) == []
    line.wait(12)
    assert prompts(line) == [1]


def test_round_trip_reports_do_not_break_the_silence() -> None:
    line = greeted()
    for _ in range(9):
        line.wait(1)
        line.event("roundTripDelayMs", "148", 0)
    assert prompts(line) == [1]


# ---- a slow tool ----


def test_a_slow_tool_is_bridged_by_a_filler_that_may_not_be_cut() -> None:
    line = greeted()
    line.say("who am I?")
    line.reply(tools=(LOOK_UP,))
    assert frames(line.wait(0.5)) == []
    sent = frames(line.wait(1.0))
    assert sent == [m.TextOut("One moment, please."), m.TextOut("", last=True)]
    commands = line.feed(f.ToolFinished("t1", '{"known":false}', "ok", 2000.0))
    [asked] = [c for c in commands if isinstance(c, f.StartModel)]
    assert [message["role"] for message in asked.messages[-2:]] == ["assistant", "tool"]
    assert asked.messages[-2]["content"] == "One moment, please."
    line.reply("I do not know you.")
    assert line.turns[-1].reply_text == "One moment, please.I do not know you."


def test_a_fast_tool_and_words_before_it_need_no_filler() -> None:
    line = greeted()
    line.say("who am I?")
    line.reply("Let me look. ", tools=(LOOK_UP,))
    line.feed(f.ToolFinished("t1", "{}", "ok", 100.0))
    line.reply("You are Ana.")
    line.wait(3)
    assert line.turns[-1].reply_text == "Let me look. You are Ana."


def test_the_caller_hears_something_within_four_seconds_even_when_every_step_is_slow() -> None:
    line = greeted()
    line.say("who am I?")
    line.wait(3.0)
    line.reply(tools=(LOOK_UP,))  # the model took its time, and so does the tool
    assert spoken(line.wait(0.8)) == "One moment, please."


def test_a_tool_call_that_takes_long_to_write_is_bridged_too() -> None:
    line = greeted()
    line.say("who am I?")
    line.feed(f.ReplyBegan(line.asked[-1].generation, calling=True))
    assert spoken(line.wait(3.9)) == "One moment, please. "
    line.reply(tools=(LOOK_UP,))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    commands = line.reply("You are Ana.")
    assert [frame.last for frame in frames(commands) if isinstance(frame, m.TextOut)].count(True) == 1


def test_an_interrupted_filler_is_cut_like_any_speech() -> None:
    line = greeted()
    line.say("who am I?")
    line.reply(tools=(LOOK_UP,))
    line.wait(1.2)
    line.interrupt("One moment")
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    assert line.asked[-1].messages[-2]["content"] == "One moment"


# ---- partials ----


def test_a_final_that_never_comes_is_made_up_for_by_its_last_partial() -> None:
    line = greeted()
    line.feed(m.Prompt(voice_prompt="what time", lang="en-US", last=False))
    line.feed(m.Prompt(voice_prompt="what time do you open", lang="en-US", last=False))
    assert line.asked == []
    line.wait(3.1)
    assert line.turns[-1].caller_text == "what time do you open"
    line.feed(m.Prompt(voice_prompt="what time do you open", lang="en-US"))  # late
    line.reply("At nine.")
    assert len(line.turns) == 1


def test_a_late_final_that_says_more_keeps_only_what_is_new() -> None:
    line = greeted()
    line.feed(m.Prompt(voice_prompt="what time", lang="en-US", last=False))
    line.wait(3.1)
    line.feed(m.Prompt(voice_prompt="what time do you open", lang="en-US"))
    assert line.turns[-1].caller_text == "what time do you open"
    assert len(line.turns) == 1


def test_a_partial_is_waited_for_while_the_caller_still_speaks() -> None:
    line = greeted()
    line.event("clientSpeaking", "on")
    line.feed(m.Prompt(voice_prompt="well", lang="en-US", last=False))
    line.wait(8)
    assert line.asked == []
    line.feed(m.Prompt(voice_prompt="well, hello", lang="en-US"))
    line.wait(8)
    assert [turn.caller_text for turn in line.turns] == ["well, hello"]


# ---- who spoke for how long ----


def test_a_settled_turn_tells_how_long_each_spoke() -> None:
    line = Line()
    line.event("agentSpeaking", "on")
    line.played(GREETING)
    line.event("agentSpeaking", "off", 1.8)  # two seconds of greeting
    line.event("clientSpeaking", "on", 1.0)
    line.event("clientSpeaking", "off", 3.0)
    line.say("hi")
    line.reply("Hello.")
    line.event("agentSpeaking", "on", 0.88)
    line.played("Hello.")
    speech = line.turns[-1].speech
    assert (speech["caller_ms"], speech["agent_ms"]) == (3000.0, 2000.0)
    assert 1900 < speech["silence_ms"] < 2300
    assert line.turns[-1].latency["heard_ms"] >= line.turns[-1].latency["complete_ms"]


def test_without_speaker_events_nobody_is_said_to_have_spoken() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello.")
    line.played("Hello.")
    assert line.turns[-1].speech == {}


def test_an_empty_reply_behind_a_filler_is_still_apologised_for() -> None:
    line = greeted()
    line.say("who am I?")
    line.reply(tools=(LOOK_UP,))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    line.wait(3.0)
    commands = line.feed(f.ReplyFinished(line.asked[-1].generation, Finished()))
    assert line.agent.language("en-US").apology in spoken(commands)
