"""What Twilio Conversations does with services, conversations, roles and webhooks beyond storing their fields.

Each rule changes a document or raises a Refusal.
"""

from __future__ import annotations

from datetime import timedelta

from sandbox.resources import Change, Event, get_place, set_place
from sandbox.sids import date_text, derived_sid, is_sid, parse_date, parse_duration
from sandbox.store import Document
from sandbox.twilio_product import twilio_error
from sandbox.world import World

WEBHOOKS_PER_CONVERSATION = 5
TIMERS = (("inactive", "PT1M"), ("closed", "PT10M"))
TIMER_JOB = "conversation.timer"
ROLES = {
    "channel user": (
        "conversation",
        ("sendMessage", "sendMediaMessage", "leaveConversation", "editOwnMessage", "deleteOwnMessage"),
    ),
    "channel admin": (
        "conversation",
        ("sendMessage", "addParticipant", "removeParticipant", "editConversationName", "deleteConversation"),
    ),
    "service user": ("service", ("createConversation", "joinConversation", "editOwnUserInfo")),
    "service admin": (
        "service",
        ("createConversation", "addParticipant", "deleteConversation", "editAnyUserInfo"),
    ),
}
CLOSED = "Conversation is closed. A closed conversation cannot be changed"


# ---- services ----


def make_default_roles(change: Change) -> None:
    """A new service has four roles of its own."""
    if not change.creating:
        return
    service_sid = change.document["sid"]
    for name, (kind, permissions) in ROLES.items():
        role: Document = {
            "sid": default_role(service_sid, name),
            "account_sid": change.account_sid,
            "friendly_name": name,
            "type": kind,
            "permissions": list(permissions),
            "date_created": change.document["date_created"],
            "date_updated": change.document["date_created"],
            "_service_sid": service_sid,
        }
        change.store.add("Roles", service_sid, role["sid"], role)


def default_role(service_sid: str, name: str) -> str:
    return derived_sid("RL", service_sid, name)


# ---- conversations ----


def closed_is_final(change: Change) -> None:
    if change.before is not None and change.before["state"] == "closed":
        raise twilio_error(400, 50377, CLOSED)


def default_messaging_service(change: Change) -> None:
    given = change.document["messaging_service_sid"]
    if given is None:
        change.document["messaging_service_sid"] = derived_sid("MG", change.service_sid)
    elif not is_sid(given, "MG"):
        raise twilio_error(400, 20001, "Invalid parameter MessagingServiceSid: must be MG and 32 hex digits")


def timers(change: Change) -> None:
    """Checks the durations, and starts the timers anew when one was given or the state was set."""
    document = change.document
    given = [place for place in change.given if place.startswith("_timers.")]
    if change.creating and given and "state" not in change.given and change.world.limit.timers_need_state:
        raise twilio_error(400, 50382, "Timers cannot be set without a State")
    for state, shortest in TIMERS:
        check_duration(get_place(document, f"_timers.{state}"), f"Timers.{state.title()}", shortest)
    if given or change.creating or "state" in change.given:
        start_timers(change.world, document)


def check_duration(text: str | None, param: str, shortest: str) -> None:
    """Passes for no duration and for one that is long enough. Raises Refusal."""
    if not text:
        return
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise twilio_error(400, 20001, f"Invalid parameter {param}: {error}") from error
    if length < parse_duration(shortest):
        raise twilio_error(400, 20001, f"{param} must be at least {shortest}")


def start_timers(world: World, document: Document) -> None:
    """Counts the document's timers from now, and plans the job of the first one. Its state must be the new one."""
    document["timers"] = {}
    if document["state"] in ("active", "inactive"):
        now = world.clock.now()
        for state, _ in TIMERS:
            length = get_place(document, f"_timers.{state}")
            if length and not (state == "inactive" and document["state"] == "inactive"):
                document["timers"][f"date_{state}"] = date_text(now + parse_duration(length))
    plan_timer(world, document)


def plan_timer(world: World, document: Document) -> None:
    """Plans the next timer of a conversation, or none."""
    moments = [parse_date(text) for text in document["timers"].values()]
    if not moments:
        world.agenda.drop(TIMER_JOB, document["sid"])
        return
    payload = {"service_sid": document["_service_sid"], "sid": document["sid"]}
    # The moments are shown in whole seconds; the job must not come before them.
    world.agenda.put_at(TIMER_JOB, document["sid"], min(moments) + timedelta(milliseconds=1), payload)


def report_state(change: Change) -> None:
    before, after = change.before, change.document
    if before is not None and before["state"] != after["state"]:
        change.events.append(state_event(change.world, after, before["state"], "API"))


def state_event(world: World, document: Document, state_before: str, reason: str) -> Event:
    """`reason` is API, TIMER or EVENT; only what the API did has to be asked for."""
    fields = {
        "ConversationSid": document["sid"],
        "MessagingServiceSid": document["messaging_service_sid"] or "",
        "Reason": reason,
        "StateFrom": state_before,
        "StateTo": document["state"],
        "StateUpdated": world.clock.now_text(),
    }
    return Event("onConversationStateUpdated", fields, unasked=reason != "API")


def conversation_is_open(change: Change) -> None:
    if change.parent is not None and change.parent["state"] == "closed":
        raise twilio_error(400, 50377, CLOSED)


def forget_timers(change: Change) -> None:
    change.world.agenda.drop(TIMER_JOB, change.document["sid"])


# ---- webhooks ----


def at_most_five_webhooks(change: Change) -> None:
    full = change.store.count("Webhooks", change.scope) >= WEBHOOKS_PER_CONVERSATION
    if change.creating and full:
        raise twilio_error(400, 50361, "A conversation can have at most 5 webhooks")
    needs = {"webhook": "url", "studio": "flow_sid", "trigger": "url"}[change.document["target"]]
    if not get_place(change.document, f"configuration.{needs}"):
        name = needs.title().replace("_", "")
        raise twilio_error(400, 20001, f"Missing required parameter Configuration.{name} in the post body")
    method = get_place(change.document, "configuration.method")
    if method is not None:
        set_place(change.document, "configuration.method", method.upper())


# ---- push credentials ----


def sandbox_is_text(change: Change) -> None:
    """Twilio shows a credential's `sandbox` as text."""
    value = change.document["sandbox"]
    if isinstance(value, bool):
        change.document["sandbox"] = str(value).lower()
