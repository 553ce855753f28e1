"""Our own writes in the journal of conversation events, in the form of Twilio's post events."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec
from aiohttp import web

from conversations_api.bulk_runner import Wrote
from conversations_api.bulk_store import Order
from conversations_api.identifiers import SID
from conversations_api.parts import EVENTS, INDEX
from conversations_api.resources import Resource, Verb
from conversations_api.views import View
from shared.journal import JournalError
from shared.problem import Problem
from shared.records import AuditRecord, ConversationEvent
from shared.service import AUDIT
from shared.telemetry import get_logger

HAPPENED = {"create": "Added", "update": "Updated", "delete": "Removed"}
log = get_logger("conversations.recording")


def written_event(
    resource: Resource, verb: Verb, written: View | None, ids: Mapping[str, str], service_sid: str | None
) -> ConversationEvent:
    """Our own write in the form of Twilio's post event of the same name; its payload is our answer.

    `ids` are those of the path. Where a conversation was deleted by its unique name, the sids stay empty: Twilio's
    own event names them.
    """
    payload = msgspec.to_builtins(written) if written is not None else {}
    sids = {name: value if SID.fullmatch(value) else "" for name, value in ids.items()}
    sid = written.sid if written is not None else sids[resource.sid_name]
    conversation = sid if resource.name == "conversation" else sids.get("conversationSid", "")
    return ConversationEvent(
        event_type=f"on{resource.name[0].upper()}{resource.name[1:]}{HAPPENED[verb]}",
        source="api",
        service_sid=payload.get("chatServiceSid") or service_sid or "",
        conversation_sid=payload.get("conversationSid") or conversation,
        sid=sid,
        payload=payload,
    )


async def record(app: web.Application, event: ConversationEvent) -> None:
    """Journals the event. Twilio has done the write, so a journal that fails is logged and does not undo it."""
    try:
        await app[EVENTS].commit(event)
        app[INDEX].tell()
    except JournalError as error:
        log.error("own write not journalled", event_type=event.event_type, sid=event.sid, reason=str(error))


def bulk_recorder(app: web.Application) -> Wrote:
    """Records what a bulk job wrote, as a single write is recorded: in the journal, and in the audit."""

    async def wrote(
        order: Order, sid: str, resource: Resource, verb: Verb, written: View | None, problem: Problem | None
    ) -> None:
        outcome = f"refused {problem.status} {problem.code}" if problem else "ok"
        line = AuditRecord(
            actor=order.created_by, role=order.role, action=f"{resource.name}.{verb}", target=sid, outcome=outcome
        )
        with contextlib.suppress(JournalError):
            app[AUDIT].append(line)
        if problem is None:
            ids = {"conversationSid": sid}
            await record(app, written_event(resource, verb, written, ids, order.service_sid))

    return wrote
