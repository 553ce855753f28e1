"""`POST /api/conversations/with-participants`: a conversation and its people, all or nothing."""

from __future__ import annotations

from aiohttp import web
from msgspec.structs import asdict

from conversations_api.bodies import ConversationWithParticipants, ConversationWrite
from conversations_api.identifiers import path_sid
from conversations_api.parts import TWILIO
from conversations_api.queries import InService, parse_query
from conversations_api.reading import read_body
from conversations_api.recording import record, written_event
from conversations_api.refusals import unreadable
from conversations_api.resources import CONVERSATION
from conversations_api.routes import Route
from conversations_api.upstream import Call
from conversations_api.views import Conversation
from conversations_api.wire import Unreadable, form_pairs, nested_json, view
from shared.operators import Role
from shared.problem import Problem
from shared.service import audit, json_response

ACTION = "conversation.create_with_participants"


async def _create(request: web.Request) -> web.Response:
    """202: Twilio adds the people in the background; until then the state is `initializing`."""
    query = parse_query(request.query, InService)
    service_sid = query.service_sid if isinstance(query.service_sid, str) else None
    service = f"/Services/{path_sid(service_sid, 'IS', 'serviceSid')}" if service_sid else ""
    body = await read_body(request, ConversationWithParticipants)
    call = Call("POST", f"v1{service}/ConversationWithParticipants", form=_form(body), fires_webhooks=True)
    try:
        made = view(await request.app[TWILIO].send(call), Conversation)
    except Unreadable as error:
        raise unreadable("POST") from error
    except Problem as problem:
        audit(request, ACTION, outcome=f"refused {problem.status} {problem.code}")
        raise
    audit(request, ACTION, made.sid)
    await record(request.app, written_event(CONVERSATION, "create", made, {}, service_sid))
    return json_response(made, status=202)


def _form(body: ConversationWithParticipants) -> list[tuple[str, str]]:
    fields = asdict(body)
    people = fields.pop("participants")
    pairs = form_pairs(ConversationWrite(**fields))
    return [*pairs, *(("Participant", nested_json(person)) for person in people)]


ROUTES = (
    Route(
        "POST",
        "/api/conversations/with-participants",
        _create,
        Role.AGENT,
        "Create a conversation together with its participants",
        "conversations",
        status=202,
        answer=Conversation,
        query=InService,
        body=ConversationWithParticipants,
    ),
)
