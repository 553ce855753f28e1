"""Operators in a call: what they say is spoken, what they whisper is not, and the model is silent meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dialogue.agent import Language, load_agent
from dialogue.model import ToolCall
from dialogue.telephony import Price, TelephonyConfig
from relay_server import facts as f
from relay_server import messages as m
from relay_server.costs import cost_usd
from relay_server.desk import BACKLOG
from relay_server.recovery import Recovery
from relay_server.session import Session
from shared import records as r
from shared.operators import Role
from shared.service import OPERATORS
from tests.relay_kit import Relay, Reply, running_relay
from tests.relay_line import GREETING, SETUP, Line, frames, history, last, spoken

ANA = "ana"


def quiet_line() -> Line:
    line = Line()
    line.played(GREETING)
    return line


def take_over(line: Line) -> list[f.Command]:
    return line.feed(f.OperatorTookOver(ANA))


def actions(line: Line) -> list[tuple[str, str, str]]:
    return [(record.actor, record.action, record.detail) for record in line.records(r.OperatorAction)]


# ---- saying ----


def test_what_an_operator_says_is_spoken_and_is_a_turn_of_its_own() -> None:
    line = quiet_line()
    sent = line.feed(f.OperatorSpoke(ANA, text="Hello, this is Ana."))
    assert frames(sent) == [m.TextOut("Hello, this is Ana."), m.TextOut("", last=True)]
    line.played("Hello, this is Ana.")
    turn = line.turns[-1]
    assert (turn.input, turn.caller_text, turn.reply_text) == ("operator", "", "Hello, this is Ana.")
    assert (turn.heard_text, turn.heard_source, turn.model) == ("Hello, this is Ana.", "played", "")
    assert actions(line) == [(ANA, "say", "Hello, this is Ana.")]


def test_the_model_remembers_what_the_operator_said_as_far_as_it_was_heard() -> None:
    line = quiet_line()
    line.feed(f.OperatorSpoke(ANA, text="We owe you ten euros. And a book."))
    line.played("We owe you ten euros.")
    line.interrupt("")
    asked = line.say("really?")
    assert asked is not None
    assert history(asked)[-2:] == [("assistant", "We owe you ten euros."), ("user", "really?")]


def test_words_said_while_the_model_writes_come_after_its_reply() -> None:
    line = quiet_line()
    line.say("hi")
    line.reply("One moment ", finish=False)
    assert frames(line.feed(f.OperatorSpoke(ANA, text="I can help."))) == []
    assert spoken(line.reply("please.")).endswith("I can help.")


def test_no_more_sentences_wait_than_may() -> None:
    line = quiet_line()
    line.say("hi")
    for number in range(3 * BACKLOG):
        line.feed(f.OperatorSpoke(ANA, text=f"{number}."))
    assert line.session.desk.full
    assert spoken(line.reply("Yes.")).count(".") == BACKLOG + 1


def test_keys_and_sounds_go_into_the_queue_too() -> None:
    line = quiet_line()
    assert frames(line.feed(f.OperatorSpoke(ANA, digits="1w#"))) == [m.DigitsOut("1w#")]
    assert frames(line.feed(f.OperatorSpoke(ANA, play="https://a.example/x.mp3"))) == [
        m.PlayOut("https://a.example/x.mp3")
    ]
    line.played("1")  # keys are reported like text, and must not be taken for a reply
    line.say("hi")
    line.reply("One two.")
    line.played("One two.")
    assert line.turns[-1].heard_text == "One two."


def test_nobody_is_asked_whether_they_are_there_while_a_sound_plays_and_the_call_ends_behind_it() -> None:
    line = quiet_line()
    for _ in range(2):  # known speakers: the events of this call say nothing about sounds
        line.event("agentSpeaking", "on")
        line.event("agentSpeaking", "off")
    line.feed(f.OperatorSpoke(ANA, play="https://a.example/x.mp3", play_s=30.0))
    assert not line.records(r.SilencePrompt)
    line.wait(35)
    assert not line.records(r.SilencePrompt)
    line.wait(5)
    assert len(line.records(r.SilencePrompt)) == 1


def test_an_interrupt_drops_a_sound_and_a_transfer_waits_for_one() -> None:
    line = quiet_line()
    line.feed(f.OperatorSpoke(ANA, play="https://a.example/x.mp3", play_s=30.0))
    line.feed(f.OperatorTransferred(ANA, to="+15555550133"))
    line.wait(25)
    assert not [frame for frame in frames(line.commands) if isinstance(frame, m.EndOut)]
    line.interrupt("")
    assert isinstance(frames(line.commands)[-1], m.EndOut)


# ---- whispering ----


def test_a_whisper_reaches_the_model_and_not_the_caller() -> None:
    line = quiet_line()
    assert frames(line.feed(f.OperatorWhispered(ANA, "Offer a refund."))) == []
    asked = line.say("my book is torn")
    assert asked is not None
    assert asked.messages[-1]["role"] == "system"
    assert "Offer a refund." in asked.messages[-1]["content"]
    assert line.turns[-1].caller_text == "my book is torn"


def test_old_whispers_are_forgotten() -> None:
    line = quiet_line()
    for number in range(30):
        line.feed(f.OperatorWhispered(ANA, f"note {number}"))
    asked = line.say("hi")
    assert asked is not None
    notes = [message["content"] for message in asked.messages if "colleague" in str(message["content"])]
    assert len(notes) == 10
    assert notes[-1].endswith("note 29")


# ---- taking over ----


def test_the_model_is_silent_while_an_operator_has_the_call() -> None:
    line = quiet_line()
    take_over(line)
    assert line.say("hello?") is None
    assert (line.turns[-1].caller_text, line.turns[-1].outcome) == ("hello?", "completed")
    assert line.session.taken_over_by == ANA


def test_taking_over_stops_the_model_in_the_middle_of_its_reply() -> None:
    line = quiet_line()
    asked = line.say("hi")
    assert asked is not None
    line.reply("Well, let me ", finish=False)
    done = take_over(line)
    assert f.CancelModel(asked.generation, drop=True) in done
    assert frames(done) == [m.TextOut("", last=True)]
    assert frames(line.feed(f.ReplyText(asked.generation, "think. "))) == []
    assert line.turns[-1].outcome == "interrupted"


def test_words_that_waited_for_the_model_go_to_the_operator() -> None:
    line = quiet_line()
    line.say("hi")
    line.reply("One moment ", finish=False)
    line.say("and my name is Ben")
    done = take_over(line)
    assert last(done, f.StartModel) is None
    assert line.turns[-1].caller_text == "and my name is Ben"


def test_released_the_model_answers_what_nobody_has_answered() -> None:
    line = quiet_line()
    take_over(line)
    line.feed(f.OperatorSpoke(ANA, text="One second."))
    line.say("when do you open?")
    asked = last(line.feed(f.OperatorReleased(ANA)), f.StartModel)
    assert asked is not None
    assert asked.messages[-1] == {"role": "user", "content": "when do you open?"}
    assert spoken(line.reply("At nine.")) == "At nine."
    assert line.turns[-1].input == "operator"


def test_released_the_model_answers_what_the_takeover_cut_before_a_word_of_it_was_said() -> None:
    line = quiet_line()
    line.say("where is my order?")
    take_over(line)
    line.feed(f.OperatorReleased(ANA))
    assert history(line.asked[-1])[-1] == ("user", "where is my order?")
    assert len(line.asked) == 2


def test_a_tool_that_answers_after_its_turn_was_cancelled_is_kept_and_not_taken_for_another_one() -> None:
    line = quiet_line()
    line.say("cancel my order")
    first = last(line.reply(tools=(ToolCall("call_0", "look_up_customer", "{}"),)), f.RunTool)
    take_over(line)
    line.feed(f.OperatorSpoke(ANA, text="Let me see."))
    line.feed(f.OperatorReleased(ANA))
    line.say("and another")
    second = last(line.reply(tools=(ToolCall("call_0", "look_up_customer", "{}"),)), f.RunTool)
    assert (first.key, second.key) == ("CA1:1:call_0", "CA1:3:call_0")
    asked = len(line.asked)
    line.feed(f.ToolFinished("call_0", '{"cancelled":1}', "ok", 9.0, first.key))
    assert len(line.asked) == asked, "the result of the first call was taken for the second's"
    line.feed(f.ToolFinished("call_0", '{"cancelled":2}', "ok", 9.0, second.key))
    results = [message["content"] for message in line.asked[-1].messages if message["role"] == "tool"]
    assert results == ['{"cancelled":1}', '{"cancelled":2}']
    finished = [(tool.key, tool.state) for tool in line.records(r.ToolRecord)]
    assert (first.key, "finished") in finished


def test_released_after_the_operators_own_words_the_model_waits_for_the_caller() -> None:
    line = quiet_line()
    take_over(line)
    line.say("when do you open?")
    line.feed(f.OperatorSpoke(ANA, text="At nine."))
    assert last(line.feed(f.OperatorReleased(ANA)), f.StartModel) is None
    asked = line.say("thanks")
    assert asked is not None
    assert ("user", "when do you open?") in history(asked)
    assert actions(line)[-1] == (ANA, "release", "")


def test_the_callers_language_is_followed_for_the_operator_too() -> None:
    line = quiet_line()
    take_over(line)
    line.say("em português, por favor")
    assert m.LanguageOut("pt-BR", "pt-BR") in frames(line.commands)


def test_a_call_that_comes_back_is_still_in_the_operators_hands() -> None:
    line = quiet_line()
    line.feed(f.OperatorWhispered(ANA, "Be brief."))
    take_over(line)
    known = Recovery()
    for record in line.records(r.Record):
        known.apply(record)
    known.lost_socket("CA1", 0.0)
    resumed = known.resume("CA1")
    assert resumed is not None
    back = Line(setup=False)
    back.feed(resumed)
    back.feed(SETUP)
    assert back.say("hello?") is None
    back.feed(f.OperatorReleased(ANA))
    assert "Be brief." in str(back.asked[-1].messages)


# ---- sending on ----


def test_a_transfer_names_the_number_in_the_data_that_twilio_brings_back() -> None:
    line = quiet_line()
    line.feed(f.OperatorTransferred(ANA, "+15555550123", "billing"))
    line.played("I will put you through to a colleague now. One moment, please.")
    line.feed(m.Info(name="agentSpeaking", value="off"))
    end = frames(line.commands)[-1]
    assert isinstance(end, m.EndOut)
    data = json.loads(end.handoff_data)
    assert (data["reasonCode"], data["to"], data["reason"]) == ("live-agent-handoff", "+15555550123", "billing")
    assert line.feed(f.OperatorSpoke(ANA, text="too late")) == []


# ---- behind the agent file ----


def test_settings_and_hints_of_the_agent_file_are_sent_to_twilio() -> None:
    agent = load_agent(None)
    languages: list[Language] = [msgspec.structs.replace(one, hints="Luna") for one in agent.languages]
    telephony = TelephonyConfig(config={"partialPrompts": True}, live_hints=True)
    line = Line(setup=False)
    line.session = Session(msgspec.structs.replace(agent, languages=languages, telephony=telephony), "model-x")
    assert frames(line.feed(SETUP)) == [m.ConfigOut({"partialPrompts": True})]
    line.played(GREETING)
    line.say("em português, por favor")
    assert frames(line.commands)[-1] == m.HintsOut("Luna")


# ---- costs ----


def turn(model: str = "a", usage: dict[str, int] | None = None, **more: Any) -> r.Turn:
    return r.Turn(call_sid="CA1", turn=1, input="speech", caller_text="", model=model, usage=usage or {}, **more)


PRICES = {"a": Price(input_per_million=1.0, output_per_million=10.0)}
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 100}


@pytest.mark.parametrize(
    ("turns", "cost"),
    [
        ([turn(usage=TOKENS), turn(usage=TOKENS)], 0.004),
        ([turn(usage=TOKENS), turn("b", TOKENS)], None),
        ([turn(usage=TOKENS), turn(outcome="completed")], None),
        ([turn(usage=TOKENS), turn(outcome="interrupted")], 0.002),
        ([turn("", outcome="completed")], 0.0),
        ([], 0.0),
    ],
)
def test_an_unknown_price_is_unknown_and_never_nothing(turns: list[r.Turn], cost: float | None) -> None:
    assert cost_usd(turns, PRICES) == cost


# ---- over real sockets ----


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port(), OPENAI_MODEL="gpt-5-mini") as found:
        yield found


def as_role(relay: Relay, name: str, role: Role) -> dict[str, str]:
    assert relay.app is not None
    return {"Authorization": f"Bearer {relay.app[OPERATORS].add(name, role)}"}


async def act(
    relay: Relay, action: str, headers: dict[str, str] | None = None, call_sid: str = "CA1", **body: Any
) -> tuple[int, dict[str, Any]]:
    url = f"{relay.url}/api/calls/{call_sid}/{action}"
    async with relay.http.post(url, json=body, headers=headers or relay.operator) as response:
        return response.status, await response.json()


async def test_an_operator_speaks_takes_over_and_gives_back(relay: Relay, eventually_async: Any) -> None:
    relay.model.replies.append(Reply(("word ",) * 100, pause_s=0.05))
    async with relay.call() as caller:
        await caller.prompt("tell me a story")
        await caller.frame()
        assert (await act(relay, "takeover"))[0] == 202
        await caller.reply()
        await eventually_async(lambda: relay.model.let_go_s)  # the model's connection is closed
        await caller.prompt("who is there?")
        assert await act(relay, "say", text="It is me, Ana.") == (
            202,
            {"callSid": "CA1", "call_sid": "CA1", "state": "live"},
        )
        assert await caller.reply() == "It is me, Ana."
        assert len(relay.model.asked) == 1
        async with relay.http.get(relay.url + "/api/calls", headers=relay.operator) as response:
            assert (await response.json())["items"][0]["taken_over_by"] == "owner"
        assert (await act(relay, "release"))[0] == 202
        assert await caller.ask("good") == "Hello."
        assert (await act(relay, "end"))[1]["state"] == "ending"
        assert (await caller.frame())["type"] == "end"
    done = ["call_takeover", "call_say", "call_release", "call_end"]

    def audited() -> bool:  # a voice turn never waits for the disk, and neither does this
        return [record["action"] for record in relay.records("audit.relay_server")] == done

    await eventually_async(audited)


async def test_one_operator_speaks_at_a_time_and_a_supervisor_may_step_in(relay: Relay) -> None:
    ana, ben = as_role(relay, "ana", Role.AGENT), as_role(relay, "ben", Role.AGENT)
    sue, vera = as_role(relay, "sue", Role.SUPERVISOR), as_role(relay, "vera", Role.VIEWER)
    async with relay.call() as caller:
        await caller.ask("hi")
        assert (await act(relay, "takeover", ana))[0] == 202
        for action, body in (("takeover", {}), ("say", {"text": "x"}), ("release", {})):
            status, problem = await act(relay, action, ben, **body)
            assert (status, problem["code"]) == (409, 40901)
        assert (await act(relay, "takeover", sue))[0] == 202
        assert (await act(relay, "end", ana))[0] == 403
        for action in ("say", "whisper", "takeover", "release", "transfer", "end"):
            assert (await act(relay, action, vera))[0] == 403


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("say", {}, 400),
        ("say", {"text": "  "}, 400),
        ("say", {"text": "x" * 1001}, 400),
        ("say", {"text": "x", "digits": "1"}, 400),
        ("say", {"text": "x", "lang": "fr"}, 400),
        ("say", {"digits": "12A"}, 400),
        ("say", {"play": "http://a.example/x.mp3"}, 400),
        ("say", {"play": "file:///etc/passwd"}, 400),
        ("whisper", {"text": ""}, 400),
        ("whisper", {}, 400),
        ("transfer", {"to": "911"}, 400),
        ("transfer", {"to": "+19005550100"}, 403),
        ("release", {}, 409),
    ],
)
async def test_what_cannot_be_done_is_refused_and_nothing_is_said(
    relay: Relay, action: str, body: dict[str, Any], status: int
) -> None:
    async with relay.call() as caller:
        await caller.ask("hi")
        assert (await act(relay, action, **body))[0] == status
        assert await caller.ask("still here?") == "Hello."


@pytest.mark.parametrize("sid", ["CA9", "..%2f..%2fetc", "CA1%00", "x" * 5000, "CA1%2Fend"])
async def test_a_call_that_is_not_there_is_404(relay: Relay, sid: str) -> None:
    """Case 27: a SID is looked up among the live calls and never becomes part of a path or an address."""
    async with relay.call() as caller:
        await caller.ask("hi")
        assert (await act(relay, "takeover", call_sid=sid))[0] == 404
        assert await caller.ask("still here?") == "Hello."


async def test_the_end_of_a_call_says_what_it_cost(relay: Relay, eventually_async: Any) -> None:
    async with relay.call() as caller:
        await caller.ask("hi")
        await caller.ask("hi again")
        await caller.socket.close()
    await eventually_async(lambda: relay.latest().get("type") == "call_ended")
    ended = relay.records()[-1]
    assert ended["usage"] == {"prompt_tokens": 14, "completion_tokens": 6, "total_tokens": 20}
    assert ended["cost_usd"] == pytest.approx((14 * 0.25 + 6 * 2.0) / 1e6, abs=1e-6)
