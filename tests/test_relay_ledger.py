"""What was heard, when Twilio reports it otherwise than it was sent, and over languages, tools and repeats."""

from __future__ import annotations

import pytest

from dialogue.model import ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.ledger import Ledger
from shared import records as r
from tests.relay_line import GREETING, Line, history


def ledger(text: str) -> Ledger:
    found = Ledger()
    found.send(text, 0.0)
    return found


@pytest.mark.parametrize(
    "fragment",
    [
        "Sure, two spaces - and  a dash!",
        "Sure two spaces and a dash",
        "sure,  two spaces – and a dash",
        "\u00a0Sure,\ntwo spaces, and a dash\u2026",
    ],
)
def test_spaces_marks_and_case_do_not_matter(fragment: str) -> None:
    found = ledger("Sure,  two  spaces \u2014 and a dash! Next sentence.")
    found.played(fragment, 1.0)
    assert found.heard == len("Sure,  two  spaces \u2014 and a dash!")
    found.played(" Next sentence", 2.0)
    assert found.silent
    assert found.heard == found.sent


def test_accents_written_in_two_characters_are_the_same_letters() -> None:
    found = ledger("Você está à vontade. Sim.")
    found.played("Voce\u0302 esta\u0301 a\u0300 vontade.", 1.0)
    assert found.heard == len("Você está à vontade.")


def test_what_follows_the_last_letter_is_heard_with_it() -> None:
    found = ledger('He said "yes". \n')
    found.played('He said "yes', 1.0)
    assert found.silent


def test_a_fragment_that_is_not_found_does_not_stop_the_cursor() -> None:
    found = ledger("You owe $9.50 today. Thank you. Goodbye.")
    found.played("You owe nine dollars fifty today.", 1.0)
    found.played(" Thank you.", 2.0)
    assert found.heard == len("You owe $9.50 today. Thank you.")


def test_a_short_word_is_not_found_inside_a_later_one() -> None:
    found = ledger("Nine ninety. We cannot deliver to another island now.")
    found.played("no", 1.0)
    assert found.heard == 0


def test_a_repeated_clause_is_heard_once_each() -> None:
    found = ledger("Yes. Yes. Yes. No.")
    found.played("Yes.", 1.0)
    found.played(" Yes.", 2.0)
    assert found.heard == len("Yes. Yes.")


def test_what_was_reported_in_other_words_counts_when_the_agent_falls_silent() -> None:
    found = ledger("You owe $9.50.")
    found.played("You owe nine dollars fifty.", 1.0)
    found.fell_silent()
    assert found.silent


def test_silence_between_two_replies_is_not_taken_for_the_second_being_heard() -> None:
    found = ledger("Hello. The second reply is long and has not begun.")
    found.played("Hello.", 1.0)
    found.fell_silent()
    assert found.heard == len("Hello.")


def test_an_interrupt_in_other_words_cuts_about_where_it_was_heard() -> None:
    found = ledger("It is 9.50 for the first and then there is much more to come after that, I am afraid.")
    found.played("It is nine fifty for the first", 1.0)
    cut = found.interrupted("It is nine fifty for the first", 1.0)
    assert 15 <= cut <= 40
    assert found.silent


def test_a_late_report_of_dropped_speech_moves_nothing() -> None:
    found = ledger("One two three four five.")
    found.played("One two", 1.0)
    found.interrupted("One two", 1.0)
    found.send("A new reply.", 2.0)
    found.played("One two", 2.1)
    found.fell_silent()
    assert found.heard == len("One two three four five.")


def test_a_reply_interrupted_after_one_character_keeps_that_character() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello there, how are you?")
    line.interrupt("H")
    assert (line.turns[-1].heard_text, line.turns[-1].outcome) == ("H", "interrupted")
    asked = line.say("stop")
    assert asked is not None
    assert history(asked)[-2] == ("assistant", "H")


def test_the_heard_text_follows_over_a_language_switch() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hello")
    line.reply("Hello. ")
    line.say("Em português, por favor")
    line.reply("Claro, falamos português.")
    line.played("Hello.")
    line.played(" Claro,")
    line.played(" falamos português.")
    assert [turn.heard_text for turn in line.turns] == ["Hello. ", "Claro, falamos português."]
    assert {turn.heard_source for turn in line.turns} == {"played"}


def test_the_heard_text_follows_over_a_tool() -> None:
    line = Line()
    line.played(GREETING)
    line.say("order 1001")
    line.reply("Let me look. ", tools=(ToolCall("t1", "order_status", '{"order_number":"1001"}'),))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    line.reply("It has shipped. It comes tomorrow.")
    line.played("Let me look.")
    line.played(" It has shipped.")
    line.interrupt("It has shipped.")
    turn = line.turns[-1]
    assert (turn.heard_text, turn.interrupted) == ("Let me look. It has shipped.", True)


def test_an_interrupt_while_a_tool_runs_does_not_settle_what_is_said_after_it() -> None:
    line = Line()
    line.played(GREETING)
    line.say("order 1001")
    line.reply("Let me look that up. ", tools=(ToolCall("t1", "order_status", '{"order_number":"1001"}'),))
    line.interrupt("Let me")
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    line.reply("It has shipped.")
    assert line.turns[-1].heard_source == ""  # its second stretch has still to be heard
    line.played("It has shipped.")
    turn = line.turns[-1]
    assert (turn.heard_text, turn.heard_source, turn.interrupted) == ("Let meIt has shipped.", "interrupt", True)


def test_a_reply_heard_to_its_last_word_is_not_interrupted_by_what_follows() -> None:
    line = Line()
    line.played(GREETING)
    line.say("one")
    line.reply("First answer.\n")
    line.say("two")
    line.reply("Second answer.")
    line.played("First answer.")
    line.interrupt("")
    assert [(turn.outcome, turn.interrupted) for turn in line.turns] == [
        ("completed", False),
        ("interrupted", True),
    ]


def test_every_fragment_in_other_words_still_settles_each_turn() -> None:
    line = Line()
    line.played(GREETING)
    for number in range(5):
        line.say(f"question {number}")
        line.reply("That is $9.50, due at 17:30.")
        line.played("That is nine dollars fifty,")
        line.played(" due at half past five.")
        line.feed(m.Info(name="agentSpeaking", value="off"))
    assert [turn.heard_text for turn in line.turns] == ["That is $9.50, due at 17:30."] * 5
    assert len(line.records(r.Turn)) == 15  # open, final, settled
