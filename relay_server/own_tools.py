"""Tools that act on the call itself: they are done at once, in the session."""

from __future__ import annotations

from dialogue.model import ToolCall
from dialogue.tools import (
    END_CALL,
    EXPECT_KEYS,
    HAND_TO_PERSONA,
    LOOK_UP_CUSTOMER,
    SWITCH_LANGUAGE,
    TRANSFER,
    read_arguments,
    wanted_entry,
    wanted_language,
    wanted_persona,
)
from relay_server.call_state import CallState, Leave
from relay_server.keypad import Keypad
from shared.records import CallError

REASON_CHARACTERS = 200


def act(call: CallState, keypad: Keypad, tool: ToolCall) -> bool:
    """Carries the tool out; False for one that is run outside the session. Raises ToolError."""
    arguments = read_arguments(tool.arguments)
    if tool.name == END_CALL:
        call.leave = Leave.END
    elif tool.name == TRANSFER:
        call.leave = Leave.HANDOFF
        call.leave_reason = str(arguments.get("reason", ""))[:REASON_CHARACTERS]
    elif tool.name == SWITCH_LANGUAGE:
        call.switch_language(wanted_language(call.agent, arguments), "tool")
    elif tool.name == HAND_TO_PERSONA:
        call.hand_to(wanted_persona(call.agent, arguments).name)
    elif tool.name == EXPECT_KEYS:
        keypad.expect(wanted_entry(call.agent, arguments))
    else:
        if tool.name == LOOK_UP_CUSTOMER and arguments:  # only the server says who is on the line
            call.write(CallError(call_sid=call.call_sid, code="policy_identity", detail=tool.name))
        return False
    return True
