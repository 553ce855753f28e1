"""What the keys of a caller lead to: a menu's action at once, or an entry that is answered like words."""

from __future__ import annotations

from collections.abc import Callable

from dialogue.agent_tables import MenuItem
from relay_server.answering import Answering
from relay_server.call_state import CallState, Leave, State
from relay_server.keypad import Keypad
from relay_server.waiting import Words

TIMER = "keys"


class Keys:
    """The keys of one call."""

    def __init__(
        self,
        call: CallState,
        answering: Answering,
        keypad: Keypad,
        take: Callable[[Words], None],
        leave: Callable[[Leave, str], None],
    ) -> None:
        self._call = call
        self._answering = answering
        self._keypad = keypad
        self._take = take
        self._leave = leave

    def pressed(self, digit: str) -> None:
        """A key was pressed."""
        action = self._keypad.press(digit, self._call.now_s, self._call.ledger.sent)
        if action == "transfer":
            self._leave(Leave.HANDOFF, f"the caller pressed {digit}")
        elif action is not None:
            self._menu(action)
        elif self._keypad.complete(digit):
            self.end_of_entry()
        else:
            self._call.timer(TIMER, self._call.agent.dtmf.inter_digit_timeout_s)

    def end_of_entry(self) -> None:
        """No further key belongs to the entry."""
        entry = self._keypad.take()
        if entry and self._call.state not in {State.ENDING, State.ENDED}:  # a late `#` enters nothing
            if entry.name:
                self._call.note_entry(entry)
            self._take(Words("dtmf", entry.text))

    def _menu(self, item: MenuItem) -> None:
        """A key with a meaning: the caller's wish in words, or something said at once in place of what runs."""
        call = self._call
        if item.intent:
            self._take(Words("dtmf", item.intent))
            return
        if call.state is State.ANSWERING:
            self._answering.cancel()
        if item.language:
            call.switch_language(call.agent.language(item.language).code, "dtmf")
            call.say_aside(call.language.greeting)
        else:
            text = item.text if isinstance(item.text, str) else item.text[call.language.code]
            call.say_aside(text)
