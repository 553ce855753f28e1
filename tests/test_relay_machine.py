"""The session under any order of facts: what must hold whatever Twilio, the model and the caller do."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dialogue.agent import load_agent
from dialogue.model import Finished, ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.call_state import State
from relay_server.session import Session
from shared import records as r
from tests.agent_kit import agent_file

TABLES = """
[limits]
max_turns = 8
max_tokens = 200
max_tool_calls = 6
[conversation]
chunking = "sentence"
[dtmf]
menu = { 0 = "transfer", 1 = { intent = "hours" }, 2 = { language = "pt-BR" }, 3 = { text = "We are open." } }
[[dtmf.entries]]
name = "pin"
description = "the PIN"
length = 3
sensitive = true
[[dtmf.entries]]
name = "order"
description = "the order"
[[personas]]
name = "events"
description = "events"
instructions = "You know the programme."
"""

AGENT = load_agent(None)
with TemporaryDirectory() as folder:
    FEATURES = load_agent(agent_file(Path(folder), TABLES))
WORDS = st.sampled_from(["Yes. ", "We are ", "open ", "at nine", ". ", "\n", "**", "word" * 30])
TIMERS = ["first_text", "stall", "keys", "ending", "silence", "partial", "bridge", "time"]
TOOLS = st.sampled_from(
    ["order_status", "switch_language", "end_call", "transfer_to_person", "look_up_customer", "hand_to_persona"]
)
ARGUMENTS = st.sampled_from(
    ['{"order_number":"1001"}', '{"language":"pt-BR"}', '{"language":"xx"}', "{", "[]", "{}"]
)


class CallMachine(RuleBasedStateMachine):
    """Plays Twilio and the model against one session and watches what it commands."""

    agent = AGENT

    @initialize()
    def dial(self) -> None:
        self.session = Session(self.agent, "model-x")
        self.now_s = 0.0
        self.open_cycle = False  # text was sent and not yet closed by `last`
        self.sent = ""  # what Twilio was given to speak since it last dropped its queue
        self.generation = 0
        self.cancelled: set[int] = set()
        self.tools: list[ToolCall] = []
        self.turns: dict[int, r.Turn] = {}
        self.ends = 0
        self.gone = False
        self.tell(m.Setup(session_id="VX1", call_sid="CA1", from_="+15555550111"))
        self.sent = self.agent.language("en-US").greeting

    def tell(self, fact: f.Fact, after_s: float = 0.05) -> None:
        self.now_s += after_s
        for command in self.session.feed(fact, self.now_s):
            self.see(command)

    def see(self, command: f.Command) -> None:
        match command:
            case f.Send(frame=m.TextOut() as frame):
                assert self.ends == 0, "nothing is spoken after end"
                assert command.generation not in self.cancelled, "text of a cancelled request left"
                assert frame.token or self.open_cycle, "a cycle that was never opened is closed"
                self.open_cycle = not frame.last
                self.sent += frame.token
            case f.Send(frame=m.EndOut()):
                self.ends += 1
            case f.StartModel():
                assert command.generation > self.generation
                assert not self.session.taken_over_by, "the model is asked while an operator has the call"
                assert not self.open_cycle, "a new reply starts inside an open talk cycle"
                self.generation = command.generation
                self.check_history(command)
            case f.CancelModel():
                self.cancelled.add(command.generation)
            case f.RunTool():
                self.tools.append(command.call)
            case f.Write(record=r.SilencePrompt()):
                assert not self.session.taken_over_by, "an operator's caller is asked whether they are there"
            case f.Write(record=r.Turn() as turn):
                self.check_record(turn)
                self.turns[turn.turn] = turn
            case _:
                pass

    def check_record(self, turn: r.Turn) -> None:
        """A turn is open, then final, then settled, which is its last record; no record loses text."""
        before = self.turns.get(turn.turn)
        if before is None:
            return
        assert turn.caller_text.startswith(before.caller_text)
        assert before.heard_source in {"", "playing"}, "a settled turn is written again"
        if before.outcome != "open":
            assert turn.outcome != "open"
            assert turn.reply_text == before.reply_text
            assert turn.heard_source, "a final turn is written twice"
            if turn.heard_source == before.heard_source == "playing":
                assert turn.heard_text != before.heard_text, "nothing new was heard"
            if before.heard_source == "":
                assert turn.heard_text.startswith(before.heard_text)

    def check_history(self, asked: f.StartModel) -> None:
        """The model remembers of each turn what was heard, and every tool call has its result."""
        calls = {call["id"] for message in asked.messages for call in message.get("tool_calls", ())}
        results = {message["tool_call_id"] for message in asked.messages if message["role"] == "tool"}
        assert calls == results
        said = [message["content"] for message in asked.messages if message["role"] == "assistant"]
        for turn in self.turns.values():
            if turn.interrupted and turn.heard_text and not turn.tools:
                assert turn.heard_text in said

    # ---- what may happen ----

    @rule(text=st.sampled_from(["hello", "em português, por favor", "", "x" * 9000]), last=st.booleans())
    def caller_speaks(self, text: str, last: bool) -> None:
        self.tell(m.Prompt(voice_prompt=text, lang="en-US", last=last))

    @rule(digit=st.sampled_from("01234#*"))
    def caller_presses_a_key(self, digit: str) -> None:
        self.tell(m.Dtmf(digit=digit))

    @rule(part=st.floats(0, 1), known=st.booleans())
    def caller_interrupts(self, part: float, known: bool) -> None:
        heard = self.sent[: int(len(self.sent) * part)][-20:] if known else "never said"
        self.tell(m.Interrupt(utterance_until_interrupt=heard))
        self.sent = ""

    @rule(part=st.floats(0, 1))
    def twilio_plays(self, part: float) -> None:
        count = int(len(self.sent) * part)
        played, self.sent = self.sent[:count], self.sent[count:]
        self.tell(m.Info(name="tokensPlayed", value=played))

    @rule(
        name=st.sampled_from(["agentSpeaking", "clientSpeaking", "roundTripDelayMs"]),
        value=st.sampled_from(["on", "off", "start", 7, []]),
    )
    def twilio_reports_the_speaker(self, name: str, value: object) -> None:
        self.tell(m.Info(name=name, value=value))

    @rule(calling=st.booleans())
    def model_begins(self, calling: bool) -> None:
        self.tell(f.ReplyBegan(self.generation, calling))

    @rule(text=WORDS, behind=st.integers(0, 1))
    def model_writes(self, text: str, behind: int) -> None:
        self.tell(f.ReplyText(self.generation - behind, text))

    @rule(names=st.lists(TOOLS, max_size=2), arguments=ARGUMENTS, behind=st.integers(0, 1))
    def model_finishes(self, names: list[str], arguments: str, behind: int) -> None:
        calls = tuple(ToolCall(f"t{self.generation}_{n}", name, arguments) for n, name in enumerate(names))
        self.tell(f.ReplyFinished(self.generation - behind, Finished(calls)))

    @rule(code=st.sampled_from(["timeout", "cut", "rate_limited"]), behind=st.integers(0, 1))
    def model_fails(self, code: str, behind: int) -> None:
        self.tell(f.ReplyFailed(self.generation - behind, code))

    @rule(outcome=st.sampled_from(["ok", "error", "unknown"]))
    def a_tool_answers(self, outcome: str) -> None:
        if self.tools:
            call = self.tools.pop(0)
            self.tell(f.ToolFinished(call.id, "{}", "ok" if outcome == "ok" else "unknown", 1.0))

    @rule(name=st.sampled_from(TIMERS), after_s=st.sampled_from([0.1, 4, 10]))
    def time_passes(self, name: str, after_s: float) -> None:
        self.tell(f.TimerFired(name), after_s)

    @rule(text=st.sampled_from(["I am Ana. ", "One moment"]), sound=st.booleans(), digits=st.booleans())
    def an_operator_speaks(self, text: str, sound: bool, digits: bool) -> None:
        if sound:
            self.tell(f.OperatorSpoke("ana", play="https://a.example/x.mp3", play_s=5.0))
        else:
            self.tell(f.OperatorSpoke("ana", text="" if digits else text, digits="12#" if digits else ""))

    @rule()
    def an_operator_whispers(self) -> None:
        self.tell(f.OperatorWhispered("ana", "be kind"))

    @rule()
    def an_operator_takes_over(self) -> None:
        self.tell(f.OperatorTookOver("ana"))

    @rule()
    def an_operator_gives_back(self) -> None:
        self.tell(f.OperatorReleased("ana"))

    @rule(end=st.integers(0, 9))
    def an_operator_ends_or_transfers(self, end: int) -> None:
        if end == 0:  # seldom: nothing happens behind it
            self.tell(f.EndRequested("ana"))
        elif end == 1:
            self.tell(f.OperatorTransferred("ana", to="+15555550133"))

    @rule()
    def the_process_stops(self) -> None:
        self.tell(f.Shutdown())

    @rule(clean=st.booleans())
    def the_socket_closes(self, clean: bool) -> None:
        if not self.gone:
            self.gone = True
            self.tell(f.SocketClosed(clean))
            left_open = [turn for turn in self.turns.values() if turn.outcome == "open"]
            assert all(not clean and len(turn.heard_text) <= turn.answer_start for turn in left_open)

    # ---- what must hold ----

    @invariant()
    def a_talk_cycle_is_open_only_while_answering(self) -> None:
        if hasattr(self, "session") and not self.gone:
            assert not self.open_cycle or self.session.state is State.ANSWERING

    @invariant()
    def what_was_heard_was_said(self) -> None:
        for turn in getattr(self, "turns", {}).values():
            assert turn.reply_text.startswith(turn.heard_text) or turn.tools

    @invariant()
    def end_is_sent_once(self) -> None:
        assert getattr(self, "ends", 0) <= 1


class FeatureMachine(CallMachine):
    """The same with an agent file that uses everything: menu keys, entries, personas, tight limits."""

    agent = FEATURES

    @rule(persona=st.sampled_from(["events", "shop", "nobody"]))
    def model_hands_over(self, persona: str) -> None:
        call = ToolCall(f"p{self.generation}", "hand_to_persona", f'{{"persona":"{persona}"}}')
        self.tell(f.ReplyFinished(self.generation, Finished((call,))))

    @rule(entry=st.sampled_from(["pin", "order"]))
    def model_expects_keys(self, entry: str) -> None:
        call = ToolCall(f"k{self.generation}", "expect_keys", f'{{"entry":"{entry}"}}')
        self.tell(f.ReplyFinished(self.generation, Finished((call,), {"total_tokens": 30})))

    @invariant()
    def nothing_keyed_in_secretly_is_written(self) -> None:
        for turn in getattr(self, "turns", {}).values():
            assert not turn.caller_text.startswith("pin: ") or "****" in turn.caller_text


CallMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
FeatureMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestCall = CallMachine.TestCase
TestFeatures = FeatureMachine.TestCase
