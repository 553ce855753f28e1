"""Conversations seen from elsewhere: by participant, by user, and made together with participants."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web
from multidict import MultiDict

from sandbox.account_table import FIFTY, USERS
from sandbox.conversations import PREFIX, ConversationsApi, Place, present, wants_webhooks
from sandbox.conversations_events import ConversationEvents
from sandbox.conversations_table import CONVERSATIONS, PARTICIPANTS
from sandbox.forms import read_form
from sandbox.product import Handler, Refusal, json_answer
from sandbox.resources import Field
from sandbox.rules_conversations import state_event
from sandbox.rules_participants import memberships
from sandbox.store import Document
from sandbox.twilio_product import Listing, Page, not_found, read_page, twilio_error
from sandbox.world import World

LEVELS = (PREFIX, f"{PREFIX}/Services/{{service}}")
MOST_PARTICIPANTS = 10
READY_JOB = "conversation.ready"
READY_AFTER = timedelta(milliseconds=300)
USER_FIELDS = (
    Field("NotificationLevel", "_notification_level", "choice", choices=("default", "muted")),
    Field("LastReadTimestamp", "last_read_timestamp"),
    Field("LastReadMessageIndex", "last_read_message_index", "integer"),
)


class ConversationJoins:
    """Routes that join participants with their conversations."""

    def __init__(self, world: World, api: ConversationsApi, events: ConversationEvents) -> None:
        self._world = world
        self._store = world.store
        self._api = api
        self._events = events
        world.agenda.on(READY_JOB, self._ready)

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route, at account level and under a service."""
        for level in LEVELS:
            of_user = f"{level}/Users/{{{USERS.key}}}/Conversations"
            yield "GET", f"{level}/ParticipantConversations", self.list_of_participant
            yield "POST", f"{level}/ConversationWithParticipants", self.create_with_participants
            yield "GET", of_user, self.list_of_user
            yield "GET", f"{of_user}/{{conversation}}", self.fetch_of_user
            yield "POST", f"{of_user}/{{conversation}}", self.update_of_user
            yield "DELETE", f"{of_user}/{{conversation}}", self.leave

    # ---- by participant ----

    async def list_of_participant(self, request: web.Request) -> web.Response:
        place = self._api.place(CONVERSATIONS, request)
        identity, address = request.query.get("Identity"), request.query.get("Address")
        if (not identity) == (not address):
            raise twilio_error(400, 20001, "Exactly one of Identity and Address is required")
        page = self._memberships(request, place, identity=identity or None, address=address or "")
        shown = [self._participant_conversation(p, place) for p in page.documents]
        return json_answer({"conversations": shown, "meta": page.meta})

    def _participant_conversation(self, participant: Document, place: Place) -> dict[str, Any]:
        conversation = self._conversation_of(participant)
        url = f"{place.url}/{conversation['sid']}"
        user = self._store.get("Users", place.service_sid, participant["identity"] or "")
        about = {
            name: conversation[name]
            for name in ("sid", "unique_name", "friendly_name", "attributes", "date_created", "date_updated")
        }
        return {
            "account_sid": participant["account_sid"],
            "chat_service_sid": place.service_sid,
            "participant_sid": participant["sid"],
            "participant_user_sid": user["sid"] if user else None,
            "participant_identity": participant["identity"],
            "participant_messaging_binding": participant["messaging_binding"],
            **{f"conversation_{name}": value for name, value in about.items()},
            "conversation_created_by": "system",
            "conversation_state": conversation["state"],
            "conversation_timers": conversation["timers"],
            "links": {"participant": f"{url}/Participants/{participant['sid']}", "conversation": url},
        }

    # ---- by user ----

    async def list_of_user(self, request: web.Request) -> web.Response:
        user, place = self._user(request)
        page = self._memberships(request, place, identity=user["identity"], address="")
        shown = [self._user_conversation(user, p, place) for p in page.documents]
        return json_answer({"conversations": shown, "meta": page.meta})

    async def fetch_of_user(self, request: web.Request) -> web.Response:
        user, participant, place = self._membership(request)
        return json_answer(self._user_conversation(user, participant, place))

    async def update_of_user(self, request: web.Request) -> web.Response:
        given = read_form(USER_FIELDS, await request.post(), creating=False)
        user, participant, place = self._membership(request)
        self._api.count(participant["conversation_sid"])
        changed = {**copy.deepcopy(participant), **given, "date_updated": self._world.clock.now_text()}
        self._store.replace(
            "Participants", participant["conversation_sid"], participant["sid"], changed, participant["identity"]
        )
        return json_answer(self._user_conversation(user, changed, place))

    async def leave(self, request: web.Request) -> web.Response:
        _, participant, place = self._membership(request)
        self._api.count(participant["conversation_sid"])
        inside = replace(place, scope=participant["conversation_sid"], parent=self._conversation_of(participant))
        self._api.remove(PARTICIPANTS, inside, participant, asked=wants_webhooks(request))
        return web.Response(status=204)

    def _user(self, request: web.Request) -> tuple[Document, Place]:
        place = self._api.place(CONVERSATIONS, request)
        user = self._store.get("Users", place.service_sid, request.match_info[USERS.key])
        if user is None:
            raise not_found(request)
        return user, place

    def _membership(self, request: web.Request) -> tuple[Document, Document, Place]:
        user, place = self._user(request)
        conversation = self._store.get("Conversations", place.service_sid, request.match_info["conversation"])
        found = self._store.get("Participants", conversation["sid"], user["identity"]) if conversation else None
        if found is None:
            raise not_found(request)
        return user, found, place

    def _user_conversation(self, user: Document, participant: Document, place: Place) -> dict[str, Any]:
        conversation = self._conversation_of(participant)
        read = participant["last_read_message_index"]
        messages = int(conversation.get("_next_index", 0))
        root = place.url.removesuffix("/Conversations")
        url = f"{root}/Users/{user['sid']}/Conversations/{conversation['sid']}"
        links = {
            "participant": f"{place.url}/{conversation['sid']}/Participants/{participant['sid']}",
            "conversation": f"{place.url}/{conversation['sid']}",
        }
        return {
            "account_sid": user["account_sid"],
            "chat_service_sid": place.service_sid,
            "conversation_sid": conversation["sid"],
            "unread_messages_count": None if read is None else max(messages - 1 - read, 0),
            "last_read_message_index": read,
            "participant_sid": participant["sid"],
            "user_sid": user["sid"],
            "friendly_name": conversation["friendly_name"],
            "conversation_state": conversation["state"],
            "timers": conversation["timers"],
            "attributes": conversation["attributes"],
            "date_created": conversation["date_created"],
            "date_updated": conversation["date_updated"],
            "created_by": "system",
            "notification_level": participant.get("_notification_level", "default"),
            "unique_name": conversation["unique_name"],
            "url": url,
            "links": links,
        }

    # ---- together ----

    async def create_with_participants(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = read_form(CONVERSATIONS.fields, form, creating=True)
        people = [_participant_fields(str(text)) for text in form.getall("Participant", [])]
        if len(people) > MOST_PARTICIPANTS:
            raise twilio_error(400, 50426, f"At most {MOST_PARTICIPANTS} participants can be added at once")
        place = self._api.place(CONVERSATIONS, request)
        self._api.count(place.service_sid)
        conversation = self._make(place, {**given, "state": "initializing"}, people, wants_webhooks(request))
        payload = {"service_sid": place.service_sid, "sid": conversation["sid"]}
        state = given.get("state", "active")
        self._world.agenda.put(READY_JOB, conversation["sid"], READY_AFTER, {**payload, "state": state})
        return json_answer(present(CONVERSATIONS, conversation, place), 202)

    def _make(self, place: Place, given: dict[str, Any], people: list[dict[str, Any]], asked: bool) -> Document:
        """All of it or nothing: a participant that cannot be added takes the conversation away again."""
        conversation = self._api.make(CONVERSATIONS, place, given, asked=asked)
        url = f"{place.url}/{conversation['sid']}/Participants"
        inside = Place(place.service_sid, conversation["sid"], conversation, url, place.through_service)
        try:
            for person in people:
                self._api.make(PARTICIPANTS, inside, person, asked=asked)
        except Refusal as refusal:
            self._api.remove(CONVERSATIONS, place, conversation, asked=asked)
            raise _mixed(refusal) from refusal
        return conversation

    def _ready(self, payload: dict[str, Any]) -> None:
        """The conversation leaves `initializing`."""
        conversation = self._store.get("Conversations", payload["service_sid"], payload["sid"])
        if conversation is None or conversation["state"] != "initializing":
            return
        conversation["state"] = payload["state"]
        name = conversation["unique_name"]
        self._store.replace("Conversations", payload["service_sid"], conversation["sid"], conversation, name)
        event = state_event(self._world, conversation, "initializing", "EVENT")
        self._events.send(payload["service_sid"], [event])

    # ---- inside ----

    def _memberships(self, request: web.Request, place: Place, *, identity: str | None, address: str) -> Page:
        conditions = memberships(place.service_sid, identity=identity, address=address)
        listing = Listing("Participants", None, "conversations", conditions, limits=FIFTY)
        return read_page(self._store, listing, request)

    def _conversation_of(self, participant: Document) -> Document:
        found = self._store.get("Conversations", participant["_service_sid"], participant["conversation_sid"])
        if found is None:
            raise LookupError(f"participant {participant['sid']} is in no conversation")
        return found


def _participant_fields(text: str) -> dict[str, Any]:
    """One `Participant` parameter, JSON such as {"identity": …} or {"messaging_binding": {…}}, by place."""
    try:
        given = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise twilio_error(400, 20001, f"Invalid parameter Participant: {error}") from error
    flat: MultiDict[str] = MultiDict()
    for name, value in given.items():
        inner = value if isinstance(value, dict) and name == "messaging_binding" else {None: value}
        for key, text_value in inner.items():
            path = name if key is None else f"{name}.{key}"
            field = ".".join(part.title().replace("_", "") for part in path.split("."))
            flat.add(
                field, text_value if isinstance(text_value, str) else msgspec.json.encode(text_value).decode()
            )
    return read_form(PARTICIPANTS.fields, flat, creating=True)


def _mixed(refusal: Refusal) -> Refusal:
    """The code of the whole request for one participant's: 50425 for a pair in use, else 50427."""
    code = 50425 if refusal.body.get("code") == 50416 else 50427
    status = 409 if code == 50425 else 400
    return twilio_error(status, code, f"The conversation was not created: {refusal.body.get('message')}")
