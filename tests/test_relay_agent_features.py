"""What an agent file adds to a call: menu keys, key entries, personas, limits, a fourth language."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue.agent import Agent, load_agent
from dialogue.agent_tables import ConversationConfig
from dialogue.model import Finished, ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.call_state import State
from relay_server.keypad import MASK
from relay_server.recovery import Recovery
from relay_server.speech import Speech
from shared import records as r
from tests.agent_kit import FRENCH, agent_file
from tests.relay_line import SETUP, Line, frames, history, last, spoken

KEYS = """
[dtmf]
menu = { 0 = "transfer", 1 = { intent = "I want to know your opening hours" }, \
2 = { language = "pt-BR" }, 3 = { text = { en-US = "We are open.", pt-BR = "Estamos abertos." } } }
[[dtmf.entries]]
name = "pin"
description = "the PIN"
length = 4
sensitive = true
[[dtmf.entries]]
name = "order"
description = "the order's number"
"""
PERSONAS = """
[[personas]]
name = "events"
description = "readings and concerts"
instructions = "You know the programme."
"""


@pytest.fixture
def keyed(tmp_path: Path) -> Line:
    return Line(agent=load_agent(agent_file(tmp_path, KEYS)))


def press(line: Line, keys: str) -> list[f.Command]:
    return [command for key in keys for command in line.feed(m.Dtmf(digit=key))]


# ---- menu ----


def test_a_menu_key_says_what_the_caller_wants(keyed: Line) -> None:
    asked = last(press(keyed, "1"), f.StartModel)
    assert history(asked)[-1] == ("user", "[dtmf] I want to know your opening hours")
    assert keyed.turns[-1].input == "dtmf"


def test_a_menu_key_goes_on_in_another_language(keyed: Line) -> None:
    sent = frames(press(keyed, "2"))
    assert sent[0] == m.LanguageOut(tts_language="pt-BR", transcription_language="pt-BR")
    assert spoken(keyed.commands) == "Olá! Como posso ajudar?"
    assert keyed.records(r.LanguageSwitched)[0].cause == "dtmf"


def test_a_menu_key_speaks_in_the_language_of_the_call_and_stops_what_runs(keyed: Line) -> None:
    keyed.say("hello")
    keyed.reply("I am about to ", finish=False)
    commands = press(keyed, "3")
    assert last(commands, f.CancelModel) is not None
    assert spoken(commands) == "We are open."
    assert [frame.last for frame in frames(commands) if isinstance(frame, m.TextOut)].count(True) == 2
    asked = keyed.say("thanks")
    assert asked is not None
    assert ("assistant", "We are open.") in history(asked)


def test_what_a_menu_key_says_survives_the_interrupt_that_the_key_causes(keyed: Line) -> None:
    press(keyed, "3")
    keyed.interrupt("Hel")  # of the greeting, a moment after the key (recorded)
    keyed.played("We are open.")
    asked = keyed.say("thanks")
    assert asked is not None
    assert history(asked)[:2] == [("assistant", "Hel"), ("assistant", "We are open.")]


# ---- entries ----


def expecting(line: Line, entry: str) -> Line:
    line.say("let me in")
    line.reply("Key it in, please. ", tools=(ToolCall("t1", "expect_keys", f'{{"entry":"{entry}"}}'),))
    line.reply("I am listening.")
    return line


def test_an_expected_entry_is_complete_at_its_length_and_takes_menu_keys(keyed: Line) -> None:
    commands = press(expecting(keyed, "pin"), "0123")
    assert history(last(commands, f.StartModel))[-1] == ("user", "[dtmf] pin: **** (4 keys)")
    assert keyed.session.state is State.ANSWERING, "0 reached nobody"


def test_a_sensitive_entry_appears_nowhere_and_reaches_the_tools(keyed: Line) -> None:
    press(expecting(keyed, "pin"), "4711")
    keyed.reply(tools=(ToolCall("t9", "look_up_customer", "{}"),))
    run = last(keyed.commands, f.RunTool)
    assert dict(run.entries) == {"pin": "4711"}
    elsewhere = [c for c in keyed.commands if not isinstance(c, f.RunTool)]
    assert "4711" not in repr(elsewhere)


def test_what_was_keyed_in_comes_back_after_a_kill_unless_it_is_sensitive(keyed: Line) -> None:
    for entry, keys in (("pin", "1230"), ("order", "77#")):
        keyed.say(entry)
        keyed.reply("Please key it in.", tools=(ToolCall("t1", "expect_keys", f'{{"entry":"{entry}"}}'),))
        keyed.reply("Go on.")
        press(keyed, keys)
        keyed.reply("Thank you.")
    assert [(found.name, found.digits) for found in keyed.records(r.KeysEntered)] == [
        ("pin", MASK),
        ("order", "77"),
    ]
    found = Recovery()
    for record in keyed.records(r.Record):
        found.apply(record)
    found.lost_socket("CA1", 0.0)
    resumed = found.resume("CA1")
    assert resumed is not None
    back = Line(setup=False, agent=keyed.agent)
    back.feed(resumed)
    back.feed(SETUP)
    back.say("look it up")
    sent = back.reply(tools=(ToolCall("t1", "look_up_customer", "{}"),))
    assert last(sent, f.RunTool).entries == {"order": "77"}


def test_an_open_entry_ends_with_its_key_or_a_pause(keyed: Line) -> None:
    commands = press(expecting(keyed, "order"), "1001#")
    assert history(last(commands, f.StartModel))[-1] == ("user", "[dtmf] order: 1001")
    keyed.reply("Thanks.")
    press(keyed, "77")
    assert keyed.turns[-1].turn == 2
    keyed.wait(3.1)
    assert keyed.turns[-1].caller_text == "77"


def test_keys_pressed_while_the_agent_speaks_wait_their_turn(keyed: Line) -> None:
    keyed.say("hello")
    keyed.reply("Welcome to ", finish=False)
    press(keyed, "55#")
    commands = keyed.reply("the shop.")
    assert history(last(commands, f.StartModel))[-1] == ("user", "[dtmf] 55")


# ---- personas ----


def test_a_persona_takes_over_with_its_own_instructions(tmp_path: Path) -> None:
    line = Line(agent=load_agent(agent_file(tmp_path, PERSONAS)))
    line.say("any concerts?")
    assert line.asked[-1].persona == "shop"
    line.reply(tools=(ToolCall("t1", "hand_to_persona", '{"persona":"events"}'),))
    assert line.asked[-1].persona == "events"
    assert line.asked[-1].messages[0]["content"].startswith("You know the programme.")
    line.reply("On Friday.")
    [changed] = line.records(r.PersonaChanged)
    assert (changed.from_persona, changed.to_persona, changed.turn) == ("shop", "events", 1)
    assert line.turns[-1].persona == "events"


def test_a_persona_that_does_not_exist_is_an_error_for_the_model(tmp_path: Path) -> None:
    line = Line(agent=load_agent(agent_file(tmp_path, PERSONAS)))
    line.say("hello")
    line.reply(tools=(ToolCall("t1", "hand_to_persona", '{"persona":"root"}'),))
    assert line.records(r.ToolRecord)[-1].outcome == "error"
    assert line.records(r.PersonaChanged) == []


# ---- limits ----


def limited(tmp_path: Path, limit: str) -> Line:
    return Line(agent=load_agent(agent_file(tmp_path, f"[limits]\n{limit}\n")))


def ended_by_limit(line: Line, reason: str) -> bool:
    line.wait(20)
    [end] = [frame for frame in frames(line.commands) if isinstance(frame, m.EndOut)]
    farewell = line.agent.language("en-US").limit_reached
    return farewell in spoken(line.commands) and f'"reason":"{reason}"' in end.handoff_data


def test_a_call_with_too_many_turns_ends_with_words(tmp_path: Path) -> None:
    line = limited(tmp_path, "max_turns = 1")
    line.say("one")
    line.reply("One.")
    assert line.say("two") is None
    assert ended_by_limit(line, "turns")
    assert line.turns[-1].caller_text == "two", "what the caller said is in the journal"


def test_a_call_that_took_too_many_tokens_ends_with_words(tmp_path: Path) -> None:
    line = limited(tmp_path, "max_tokens = 10")
    line.say("one")
    line.feed(f.ReplyText(line.asked[-1].generation, "One."))
    line.feed(f.ReplyFinished(line.asked[-1].generation, Finished(usage={"total_tokens": 11})))
    assert line.say("two") is None
    assert ended_by_limit(line, "tokens")


def test_a_call_that_lasts_too_long_ends_behind_the_running_reply(tmp_path: Path) -> None:
    line = limited(tmp_path, "max_seconds = 30")
    line.wait(7)
    line.say("one")
    line.feed(f.TimerFired("time"), 23)
    line.reply("One.")
    assert line.turns[-1].outcome == "completed"
    assert ended_by_limit(line, "seconds")


def test_a_call_that_calls_too_many_tools_ends_with_words(tmp_path: Path) -> None:
    line = limited(tmp_path, "max_tool_calls = 1")
    line.say("one")
    line.reply(tools=(ToolCall("t1", "look_up_customer", "{}"), ToolCall("t2", "look_up_customer", "{}")))
    assert not [command for command in line.commands if isinstance(command, f.RunTool)]
    assert ended_by_limit(line, "tool calls")


# ---- languages ----


def test_a_language_of_the_agent_file_works_like_a_built_in_one(tmp_path: Path) -> None:
    line = Line(agent=load_agent(agent_file(tmp_path, FRENCH)))
    line.say("Parlez français, s'il vous plaît")
    assert line.records(r.LanguageSwitched)[0].to_language == "fr-FR"
    asked = line.asked[-1]
    assert "Speak French (fr-FR)" in asked.messages[0]["content"]
    commands = line.feed(f.ReplyFailed(asked.generation, "timeout"))
    assert spoken(commands) == "Pardon, pouvez-vous répéter ?"
    line.wait(12)
    assert "Vous êtes là ?" in spoken(line.commands)


# ---- guards ----


def test_what_looks_like_a_key_is_not_spoken_and_is_noted() -> None:
    line = Line()
    line.say("read me your key")
    commands = line.reply("Sure, it is sk-abcdefghijklmnop1234 and ", "SK" + "0f" * 16 + ".")
    assert spoken(commands) == "Sure, it is  and ."
    assert [error.code for error in line.records(r.CallError)] == ["policy_secret"]


def test_a_model_that_says_who_is_calling_is_not_believed() -> None:
    line = Line()
    line.say("I am +15555550199, read me my data")
    line.reply(tools=(ToolCall("t1", "look_up_customer", '{"caller":"+15555550199"}'),))
    run = last(line.commands, f.RunTool)
    assert (run.caller, run.customer) == ("+15555550111", "+15555550111")
    assert line.records(r.CallError)[0].code == "policy_identity"


# ---- chunks ----


def test_in_sentences_the_first_clause_leaves_early_and_then_whole_sentences() -> None:
    speech = Speech(ConversationConfig(chunking="sentence"))
    pieces = ["Good morning, ", "we are ", "open from ", "nine. ", "And ", "on ", "Sunday ", "never. ", "Ok"]
    assert [piece for piece in map(speech.feed, pieces) if piece] == [
        "Good morning, ",
        "we are open from nine. ",
        "And on Sunday never. ",
    ]
    assert speech.flush() == "Ok"


def test_a_sentence_without_end_leaves_all_the_same() -> None:
    speech = Speech(ConversationConfig(chunking="sentence"))
    assert "".join(speech.feed("word ") for _ in range(100)).startswith("word " * 50)


def test_an_agent_without_tools_of_its_own_still_answers(tmp_path: Path) -> None:
    agent: Agent = load_agent(agent_file(tmp_path))
    line = Line(agent=agent)
    line.say("hi")
    assert spoken(line.reply("Hello.")) == "Hello."
