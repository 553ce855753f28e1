"""Our own writes in the journal of conversation events, in the form of Twilio's post events."""

from __future__ import annotations

import msgspec
from aiohttp import web

from conversations_api.identifiers import SID
from conversations_api.parts import EVENTS, INDEX
from conversations_api.resources import Resource, Verb
from conversations_api.views import View
from shared.journal import JournalError
from shared.records import ConversationEvent
from shared.telemetry import get_logger

HAPPENED = {"create": "Added", "update": "Updated", "delete": "Removed"}
log = get_logger("conversations.recording")


def written_event(
    request: web.Request, resource: Resource, verb: Verb, written: View | None, service_sid: str | None
) -> ConversationEvent:
    """Our own write in the form of Twilio's post event of the same name; its payload is our answer.

    Where a conversation was deleted by its unique name, the sids stay empty: Twilio's own event names them.
    """
    payload = msgspec.to_builtins(written) if written is not None else {}
    ids = {name: value if SID.fullmatch(value) else "" for name, value in request.match_info.items()}
    sid = written.sid if written is not None else ids[resource.sid_name]
    conversation = sid if resource.name == "conversation" else ids.get("conversationSid", "")
    return ConversationEvent(
        event_type=f"on{resource.name[0].upper()}{resource.name[1:]}{HAPPENED[verb]}",
        source="api",
        service_sid=payload.get("chatServiceSid") or service_sid or "",
        conversation_sid=payload.get("conversationSid") or conversation,
        sid=sid,
        payload=payload,
    )


async def record(request: web.Request, event: ConversationEvent) -> None:
    """Journals the event. Twilio has done the write, so a journal that fails is logged and does not undo it."""
    try:
        await request.app[EVENTS].commit(event)
        request.app[INDEX].tell()
    except JournalError as error:
        log.error("own write not journalled", event_type=event.event_type, sid=event.sid, reason=str(error))
