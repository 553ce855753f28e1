"""The records of a call: a turn is open, final, settled; nothing lost and nothing doubled, over resume too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dialogue.agent import Agent, load_agent
from dialogue.model import Finished, ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.call_book import CallBook
from relay_server.metrics import STAGE_SECONDS, TURNS, count_record
from relay_server.recovery import Recovery
from shared import records as r
from tests.agent_kit import agent_file
from tests.relay_line import GREETING, SETUP, Line, history, last, spoken


def outcomes(line: Line) -> list[tuple[str, str]]:
    return [(turn.outcome, turn.heard_source) for turn in line.records(r.Turn)]


def recovery(line: Line) -> Recovery:
    found = Recovery()
    for record in line.records(r.Record):
        found.apply(record)
    return found


def counted(outcome: str) -> float:
    return float(TURNS.labels(outcome)._value.get())


def observed(stage: str) -> float:
    return float(STAGE_SECONDS.labels(stage)._buckets[-1].get()) + sum(
        bucket.get() for bucket in STAGE_SECONDS.labels(stage)._buckets[:-1]
    )


def count(line: Line, *more: r.CallRecord) -> None:
    """Counts a call's records as the observer does."""
    book = CallBook()
    for record in (*line.records(r.Record), *more):
        before = book.turn(record.call_sid, record.turn) if isinstance(record, r.Turn) else None
        count_record(record, before)
        book.apply(record)


def test_a_turn_has_three_records() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello.")
    line.played("Hello.")
    line.feed(f.SocketClosed(clean=True))
    assert outcomes(line) == [("open", ""), ("completed", ""), ("completed", "played")]


def test_a_reply_heard_before_it_is_whole_is_settled_all_the_same() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello there. ", finish=False)
    line.played("Hello there.")
    line.reply()
    assert outcomes(line) == [("open", ""), ("open", "playing"), ("completed", ""), ("completed", "played")]
    assert line.turns[-1].heard_text == "Hello there. "


def test_an_interrupted_reply_is_final_and_then_settled() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello there, how are you ", finish=False)
    line.interrupt("Hello")
    assert outcomes(line) == [("open", ""), ("interrupted", ""), ("interrupted", "interrupt")]
    assert [turn.heard_text for turn in line.records(r.Turn)][1:] == ["Hello", "Hello"]


def test_a_failed_turn_whose_apology_is_interrupted_stays_failed() -> None:
    line = Line()
    line.played(GREETING)
    asked = line.say("hi")
    assert asked is not None
    line.feed(f.ReplyFailed(asked.generation, "cut"))
    line.interrupt("Sorry")
    assert (line.turns[-1].outcome, line.turns[-1].interrupted) == ("failed", True)


def test_every_turn_is_counted_once() -> None:
    before = {name: counted(name) for name in ("completed", "interrupted", "failed")}
    line = Line()
    line.played(GREETING)
    line.say("one")
    line.reply("Hello there ", finish=False)
    line.interrupt("Hello")
    line.say("two")
    line.reply("Fine.")
    line.played("Fine.")
    count(line)
    assert {name: counted(name) - before[name] for name in before} == {
        "completed": 1,
        "interrupted": 1,
        "failed": 0,
    }


def test_every_stage_of_a_turn_is_observed_once_though_speech_ends_after_the_reply() -> None:
    stages = ("model_request", "first_byte", "first_text", "first_speech", "complete", "heard", "tools")
    before = {stage: observed(stage) for stage in stages}
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply(tools=(ToolCall("t1", "look_up_customer", "{}"),))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    line.reply("Hello.")
    line.event("agentSpeaking", "on")
    line.played("Hello.")
    line.event("agentSpeaking", "off")
    line.feed(f.SocketClosed(clean=True))
    count(line)
    assert {stage: observed(stage) - before[stage] for stage in stages} == dict.fromkeys(stages, 1)


def test_a_turn_that_only_the_sweeper_closes_is_counted_too() -> None:
    before = counted("interrupted")
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello there. I am ", finish=False)
    line.played("Hello there.")
    found = recovery(line)
    count(line, *found.ended("CA1", "lost", 0.0))
    assert counted("interrupted") - before == 1


def test_words_still_waiting_when_the_caller_hangs_up_are_recorded() -> None:
    line = Line()
    line.say("first")
    line.reply("One moment please ", finish=False)
    line.say("cancel my order")
    line.feed(f.SocketClosed(clean=True))
    assert [(turn.caller_text, turn.outcome) for turn in line.turns] == [
        ("first", "interrupted"),
        ("cancel my order", "superseded"),
    ]
    assert line.records(r.CallEnded)[0].turns == 2


def test_words_said_over_the_goodbye_are_recorded() -> None:
    line = Line()
    line.played(GREETING)
    line.say("bye")
    line.reply(tools=(ToolCall("t1", "end_call", "{}"),))
    line.say("oh, one more thing")
    assert [(turn.caller_text, turn.outcome) for turn in line.turns][1:] == [("oh, one more thing", "superseded")]


def test_more_words_than_may_wait_are_joined_and_not_lost() -> None:
    line = Line()
    line.say("start")
    line.reply("One moment please ", finish=False)
    for number in range(8):
        line.say(f"word{number}")
    line.feed(f.SocketClosed(clean=True))
    said = " ".join(turn.caller_text for turn in line.turns)
    assert all(f"word{number}" in said for number in range(8))


def test_a_socket_closes_once() -> None:
    line = Line()
    line.say("hi")
    line.feed(f.SocketClosed(clean=True))
    count = len(line.commands)
    line.feed(f.SocketClosed(clean=True))
    assert len(line.commands) == count


# ---- over resume ----


def test_a_turn_left_open_by_a_killed_process_is_answered_when_the_call_returns() -> None:
    line = Line()
    line.say("my name is Ana")  # here the process dies
    back = returned(line)
    assert history(back.asked[0])[-1] == ("user", "my name is Ana")
    back.reply("Hello Ana.")
    assert [(turn.turn, turn.outcome, turn.reply_text) for turn in back.turns] == [(1, "completed", "Hello Ana.")]


def test_a_turn_left_open_too_long_ago_is_closed() -> None:
    line = Line()
    line.say("my name is Ana")
    line.records(r.Turn)[0].at = r.utc_now() - timedelta(seconds=300)
    back = returned(line)
    closed = back.records(r.Turn)[0]
    assert (closed.turn, closed.outcome, closed.caller_text) == (1, "interrupted", "my name is Ana")
    assert closed.id != line.records(r.Turn)[0].id
    assert back.asked == []


def test_words_that_were_being_heard_when_the_process_died_are_remembered_and_not_said_again() -> None:
    line = Line()
    line.played(GREETING)
    line.say("tell me")
    line.reply("Sentence one. ", "Sentence two is ", finish=False)
    line.played("Sentence one.")
    back = returned(line)
    assert back.turns[0].outcome == "interrupted"
    asked = back.say("go on")
    assert asked is not None
    assert history(asked)[-2:] == [("assistant", "Sentence one."), ("user", "go on")]


def test_tools_that_had_finished_are_not_run_again_after_a_kill() -> None:
    line = Line()
    line.say("book it and look it up")
    calls = (ToolCall("t1", "order_status", '{"order_number":"1001"}'), ToolCall("t2", "order_status", "{}"))
    line.reply(tools=calls)
    line.feed(f.ToolFinished("t1", '{"status":"shipped"}', "ok", 9.0))
    back = returned(line)
    messages = back.asked[0].messages
    assert [m["content"] for m in messages if m["role"] == "tool"] == [
        '{"status":"shipped"}',
        '{"outcome":"unknown"}',
    ]
    assert not [c for c in back.commands if isinstance(c, f.RunTool)]
    back.reply("Shipped.")
    assert [(tool.tool_call_id, tool.outcome) for tool in back.turns[-1].tools] == [
        ("t1", "ok"),
        ("t2", "unknown"),
    ]


@pytest.mark.parametrize("killed", [True, False])
def test_a_turn_whose_words_before_a_tool_were_heard_goes_on_with_the_tools_result(killed: bool) -> None:
    line = Line()
    line.played(GREETING)
    line.say("where is my order?")
    line.reply("Let me look. ", tools=(ToolCall("t1", "order_status", "{}"),))
    line.played("Let me look.")
    line.feed(f.ToolFinished("t1", '{"status":"shipped"}', "ok", 9.0))
    line.reply("It has ", finish=False)  # sent, and not heard
    if not killed:
        line.feed(f.SocketClosed(clean=False))
    back = returned(line)
    said = back.asked[0].messages[-3:]
    assert [message["role"] for message in said] == ["user", "assistant", "tool"]
    assert (said[1]["content"], said[2]["content"]) == ("Let me look. ", '{"status":"shipped"}')
    back.played(back.agent.language("en-US").resumed)
    back.reply("It has shipped.")
    back.played("It has shipped.")
    turn = back.turns[-1]
    assert (turn.turn, turn.outcome, turn.heard_text) == (1, "completed", "Let me look. It has shipped.")
    assert [tool.tool_call_id for tool in turn.tools] == ["t1"]
    line.commands += back.commands
    asked = returned(line).say("thanks")  # it comes back once more
    assert asked is not None
    assert [message["content"] for message in asked.messages[-5:]] == [
        "where is my order?",
        "Let me look. ",
        '{"status":"shipped"}',
        "It has shipped.",
        "thanks",
    ]


def test_a_filler_that_was_heard_does_not_close_the_turn_of_a_call_that_comes_back() -> None:
    line = Line()
    line.played(GREETING)
    line.say("where is my order?")
    line.reply(tools=(ToolCall("t1", "order_status", "{}"),))
    filler = spoken(line.wait(3))
    line.played(filler)
    line.feed(f.SocketClosed(clean=False))
    back = returned(line)
    assert [message["role"] for message in back.asked[0].messages[-2:]] == ["assistant", "tool"]
    assert back.asked[0].messages[-1]["content"] == '{"outcome":"unknown"}'


def test_an_answer_of_which_something_was_heard_is_not_begun_again() -> None:
    line = Line()
    line.played(GREETING)
    line.say("where is my order?")
    line.reply("Let me look. ", tools=(ToolCall("t1", "order_status", "{}"),))
    line.feed(f.ToolFinished("t1", "{}", "ok", 9.0))
    line.reply("It has shipped. It is ", finish=False)
    line.played("Let me look. It has shipped.")
    line.feed(f.SocketClosed(clean=False))
    assert line.turns[-1].outcome == "interrupted"
    assert returned(line).asked == []


def test_a_line_that_breaks_before_a_word_is_said_leaves_the_question_open() -> None:
    line = Line()
    line.say("my order")
    line.feed(f.SocketClosed(clean=False))
    assert line.turns[-1].outcome == "open"
    assert history(returned(line).asked[0])[-1] == ("user", "my order")


def test_the_persona_and_the_language_come_back(tmp_path: Path) -> None:
    agent = load_agent(agent_file(tmp_path, '[[personas]]\nname = "events"\ndescription = "readings"\n'))
    line = Line(agent=agent)
    line.say("em português, por favor")
    line.reply(tools=(ToolCall("t1", "hand_to_persona", '{"persona":"events"}'),))
    back = returned(line, agent)
    assert back.asked[0].persona == "events"
    assert "(pt-BR)" in back.asked[0].messages[0]["content"]


def test_one_doubtful_word_after_a_resume_does_not_switch_a_known_language() -> None:
    weak = {"en": 0.2, "pt": 0.75, "es": 0.05}
    line = Line()
    line.say("hello there")
    line.reply("Hello.")
    back = Line(setup=False, detect=lambda _: weak)
    back.feed(recovery_of_killed(line))
    back.feed(SETUP)
    back.say("hm, total")
    assert back.session.language == "en-US"
    new = Line(detect=lambda _: weak)
    new.say("hm, total")
    assert new.session.language == "pt-BR"  # the first words of a call outweigh what was configured


def returned(line: Line, agent: Agent | None = None) -> Line:
    back = Line(setup=False, agent=agent)
    back.feed(recovery_of_killed(line))
    back.feed(SETUP)
    return back


def recovery_of_killed(line: Line) -> f.Resumed:
    found = recovery(line)
    found.lost_socket("CA1", 0.0)
    resumed = found.resume("CA1")
    assert resumed is not None
    return resumed


def test_a_finished_turn_is_not_written_again_when_the_call_returns() -> None:
    line = Line()
    line.played(GREETING)
    line.say("hi")
    line.reply("Hello there, how are you?", tools=())
    line.played("Hello there,")
    line.feed(f.SocketClosed(clean=False))
    back = Line(setup=False)
    back.feed(recovery_of_killed(line))
    back.feed(SETUP)
    back.say("again")
    back.reply("Fine.")
    back.played("Fine.")
    back.interrupt("Fine.")
    back.feed(f.SocketClosed(clean=True))
    assert {turn.turn for turn in back.records(r.Turn)} == {2}


@pytest.mark.parametrize("end", ["lost", "ended"])
def test_a_call_that_never_returns_leaves_no_turn_open(end: str) -> None:
    line = Line()
    line.say("hello?")
    found = recovery(line)
    found.lost_socket("CA1", 0.0)
    records = found.overdue(1000.0) if end == "lost" else found.ended("CA1", "completed", 12.0)
    kinds = [(type(record).__name__, getattr(record, "outcome", "")) for record in records]
    assert kinds == [("Turn", "interrupted"), ("CallEnded", "")]
    assert found.is_open("CA1")  # until the records come back through the observer
    for record in records:
        found.apply(record)
    assert found.ended("CA1", "completed", 12.0) == []


def test_the_duration_of_a_resumed_call_counts_from_its_first_socket() -> None:
    back = Line(setup=False)
    back.feed(f.Resumed((), 0, "en-US", elapsed_s=60.0))
    back.feed(SETUP)
    back.feed(f.SocketClosed(clean=True), after_s=10)
    assert back.records(r.CallEnded)[0].duration_s == pytest.approx(70, abs=0.5)


def test_a_call_that_comes_back_after_its_end_goes_on_with_its_turn_numbers() -> None:
    line = Line()
    line.played(GREETING)
    line.say("my name is Ana")
    line.reply("Hello Ana.")
    line.feed(f.Shutdown())
    line.feed(f.TimerFired("ending"), after_s=20)
    line.feed(f.SocketClosed(clean=True))
    assert line.records(r.CallEnded)[0].reason == "shutdown"
    found = recovery(line)
    assert not found.is_open("CA1")
    resumed = found.resume("CA1")
    assert resumed is not None
    assert [turn.turn for turn in resumed.turns] == [1]


def test_ended_calls_are_forgotten() -> None:
    found = Recovery()
    for number in range(2000):
        sid = f"CA{number}"
        found.apply(
            r.CallStarted(
                call_sid=sid, session_id="VX", caller="", called="", direction="", language="en-US", agent="a"
            )
        )
        found.apply(r.CallEnded(call_sid=sid, reason="completed", duration_s=1.0, turns=0))
    assert found.resume("CA0") is None
    assert found.resume("CA1999") is not None


# ---- replies, tools, keys ----


@pytest.mark.parametrize("text", [" ", "\n", " \n "])
def test_a_reply_of_nothing_but_spaces_is_apologised_for(text: str) -> None:
    line = Line()
    line.say("hi")
    assert "Sorry" in spoken(line.reply(text))


def test_silence_after_a_tool_is_apologised_for() -> None:
    line = Line()
    line.say("order 1001")
    line.reply("Let me look. ", tools=(ToolCall("t1", "order_status", '{"order_number":"1001"}'),))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    assert spoken(line.reply("")).startswith("Sorry")


def test_a_stall_is_watched_for_in_every_stretch_of_a_reply() -> None:
    line = Line()
    line.say("order 1001")
    line.reply("Let me look. ", tools=(ToolCall("t1", "order_status", '{"order_number":"1001"}'),))
    line.feed(f.ToolFinished("t1", "{}", "ok", 1.0))
    commands = line.reply("It has ", finish=False)
    assert f.SetTimer("stall", 8.0) in commands


@pytest.mark.parametrize("ids", [("x", "x"), ("", "")])
def test_tool_calls_with_the_same_id_are_both_carried_out(ids: tuple[str, str]) -> None:
    line = Line()
    line.say("both orders")
    calls = tuple(ToolCall(i, "order_status", f'{{"order_number":"{n}"}}') for n, i in enumerate(ids))
    commands = line.reply(tools=calls)
    running = [command.call for command in commands if isinstance(command, f.RunTool)]
    assert len({call.id for call in running}) == 2
    for call in running:
        commands = line.feed(f.ToolFinished(call.id, call.arguments, "ok", 1.0))
    results = [x["content"] for x in last(commands, f.StartModel).messages if x["role"] == "tool"]
    assert results == [call.arguments for call in calls]


def test_two_bad_tool_calls_with_the_same_id_do_not_break_the_call() -> None:
    line = Line()
    line.say("both")
    commands = line.reply(tools=(ToolCall("x", "order_status", "{"), ToolCall("x", "order_status", "[")))
    assert len([x for x in last(commands, f.StartModel).messages if x["role"] == "tool"]) == 2


def test_the_same_id_in_two_rounds_of_a_turn_makes_two_keys() -> None:
    line = Line()
    line.say("order")
    for _ in range(2):
        line.reply(tools=(ToolCall("call_0", "order_status", '{"order_number":"1"}'),))
        call = last(line.commands, f.RunTool).call
        line.feed(f.ToolFinished(call.id, "{}", "ok", 1.0))
    assert len({record.key for record in line.records(r.ToolRecord)}) == 2


@pytest.mark.parametrize("digit", ["", "12", "x", "\u0663", "1" * 100_000])
def test_what_is_no_key_is_ignored(digit: str) -> None:
    line = Line()
    assert line.feed(m.Dtmf(digit=digit)) == []


def test_every_key_of_a_phone_is_a_key() -> None:
    assert set("0123456789*#") >= set("0123456789*#")


def test_a_flood_of_keys_stays_bounded() -> None:
    line = Line()
    line.say("hi")
    line.reply("One moment please ", finish=False)
    for number in range(10_000):
        line.feed(m.Dtmf(digit=str(1 + number % 9)), 0.0001)
    line.feed(f.SocketClosed(clean=True))
    assert sum(len(turn.caller_text) for turn in line.turns) <= 7 * 4000


# ---- languages ----


def test_a_reply_that_still_streams_is_not_spoken_in_the_next_language() -> None:
    line = Line()
    line.say("hello")
    line.reply("We are open ", finish=False)
    commands = line.feed(m.Prompt(voice_prompt="Em português, por favor", lang="en-US"))
    assert [c for c in commands if isinstance(c, f.Send)] == []
    commands = line.reply("from nine.")
    order = [c.frame for c in commands if isinstance(c, f.Send)]
    switch = m.LanguageOut(tts_language="pt-BR", transcription_language="pt-BR")
    assert order.index(m.TextOut("", last=True)) < order.index(switch)
    assert "(pt-BR)" in last(commands, f.StartModel).messages[0]["content"]


def test_a_late_prompt_in_the_old_language_does_not_switch_back() -> None:
    line = Line()
    line.say("Em português, por favor")
    line.feed(m.Prompt(voice_prompt="thanks", lang="en-US"), 0.3)
    assert [record.to_language for record in line.records(r.LanguageSwitched)] == ["pt-BR"]
    line.reply("Claro.")
    line.feed(m.Prompt(voice_prompt="I am back in the other language now", lang="en-US"), 30)
    assert [record.to_language for record in line.records(r.LanguageSwitched)] == ["pt-BR", "en-US"]


def test_leaving_after_a_long_silence_does_not_wait_for_old_words() -> None:
    line = Line()  # this Twilio reports nothing as played
    line.say("hi")
    line.reply("x" * 400)
    commands = line.feed(f.Shutdown(), after_s=120)
    assert any(isinstance(c, f.Send) and isinstance(c.frame, m.EndOut) for c in commands)
    assert Finished() == Finished(())
