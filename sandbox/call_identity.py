"""Who calls whom, in which language, and how Twilio writes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.relay_session import SessionEnd
from sandbox.twiml_reader import Relay

INBOUND, OUTBOUND = "inbound", "outbound-api"


class UndeclaredLanguage(Exception):
    """The application does not declare the caller's language."""

    def __init__(self, wanted: str, declared: Sequence[str]) -> None:
        super().__init__(f"the agent does not speak {wanted}; it declares {', '.join(declared)}")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Who calls whom (E.164)."""

    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """What stays the same through a call. `direction` is inbound, or outbound-api for one placed by REST."""

    account_sid: str
    call_sid: str
    numbers: Numbers
    direction: str = INBOUND

    def fields(self) -> dict[str, str]:
        """The form fields of every webhook of the call."""
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.call_sid,
            "Caller": self.numbers.caller,
            "Called": self.numbers.called,
            "Direction": self.direction,
            "From": self.numbers.caller,
            "To": self.numbers.called,
        }

    def setup(self, session_sid: str, relay: Relay, *, first: bool) -> dict[str, object]:
        """The fields of the `setup` frame; a later session of the call is already in progress."""
        ringing = first and self.direction == INBOUND
        return {
            "sessionId": session_sid,
            "accountSid": self.account_sid,
            "callSid": self.call_sid,
            "parentCallSid": "",
            "from": self.numbers.caller,
            "to": self.numbers.called,
            "forwardedFrom": "",
            "callerName": "",
            "direction": self.direction,
            "callType": "PSTN",
            "callStatus": "RINGING" if ringing else "IN_PROGRESS",
            "customParameters": relay.parameters,
        }


def action_fields(end: SessionEnd, session_sid: str, session_s: float) -> dict[str, str]:
    """The form fields that tell the `action` address how a session ended."""
    fields = {
        "CallStatus": "completed" if end.status == "completed" else "in-progress",
        "SessionId": session_sid,
        "SessionStatus": end.status,
        "SessionDuration": str(round(session_s)),
    }
    if end.handoff_data is not None:
        fields["HandoffData"] = end.handoff_data
    if end.error_code is not None:
        fields |= {"ErrorCode": str(end.error_code), "ErrorMessage": end.error_message or ""}
    return fields


def match_language(wanted: str | None, relay: Relay) -> str:
    """The declared code for a caller's language, by its primary part. Raises UndeclaredLanguage."""
    if not wanted or "multi" in relay.declared:
        return wanted or relay.transcription_language
    for code in relay.declared:
        if code.lower() == wanted.lower():
            return code
    for code in relay.declared:
        if code.lower().partition("-")[0] == wanted.lower().partition("-")[0]:
            return code
    raise UndeclaredLanguage(wanted, relay.declared)
