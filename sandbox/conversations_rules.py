"""What Twilio Conversations does beyond storing fields. Each rule changes a document or raises a Refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.resources import Change, get_place, set_place
from sandbox.sids import date_text, derived_sid, is_sid, new_sid, now_text, parse_duration
from sandbox.store import Condition, Document
from sandbox.twilio_product import twilio_error

WEBHOOKS_PER_CONVERSATION = 5
TIMERS = (("inactive", "PT1M"), ("closed", "PT10M"))
ROLES = {
    "channel user": ("conversation", ("sendMessage", "leaveConversation", "editOwnMessage", "deleteOwnMessage")),
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


# ---- services ----


def make_default_roles(change: Change) -> None:
    """A new service has four roles of its own."""
    if change.before is not None:
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
        raise twilio_error(400, 50377, "Conversation is closed. A closed conversation cannot be changed")


def default_messaging_service(change: Change) -> None:
    given = change.document["messaging_service_sid"]
    if given is None:
        change.document["messaging_service_sid"] = derived_sid("MG", change.service_sid)
    elif not is_sid(given, "MG"):
        raise twilio_error(400, 20001, "Invalid parameter MessagingServiceSid: must be MG and 32 hex digits")


def timers(change: Change) -> None:
    """The moments at which the conversation will become inactive or closed, from the durations given."""
    document, started_at = change.document, datetime.now(UTC)
    shown = {}
    for state, shortest in TIMERS:
        text = get_place(document, f"_timers.{state}")
        if not text:
            continue
        try:
            length = parse_duration(text)
        except ValueError as error:
            raise twilio_error(400, 20001, f"Invalid parameter Timers.{state.title()}: {error}") from error
        if length < parse_duration(shortest):
            raise twilio_error(400, 20001, f"Timers.{state.title()} must be at least {shortest}")
        shown[f"date_{state}"] = date_text(started_at + length)
    if any(place.startswith("_timers.") for place in change.given):
        document["timers"] = shown


def report_state(change: Change) -> None:
    before, after = change.before, change.document
    if before is not None and before["state"] != after["state"]:
        states = {"StateFrom": before["state"], "StateTo": after["state"], "StateUpdated": now_text()}
        detail = {"ConversationSid": after["sid"], "Reason": "API", **states}
        change.events.append(("onConversationStateUpdated", detail))


def conversation_is_open(change: Change) -> None:
    if change.parent is not None and change.parent["state"] == "closed":
        raise twilio_error(400, 50377, "Conversation is closed. A closed conversation cannot be changed")


# ---- participants ----


def one_way_to_reach(change: Change) -> None:
    """A participant is a chat identity or a messaging address with one of our numbers, not both."""
    binding = change.document["messaging_binding"] or {}
    for key in [key for key, value in binding.items() if value in ("", "null")]:
        del binding[key]
    address, proxy, projected = (binding.get(key) for key in ("address", "proxy_address", "projected_address"))
    if change.document["identity"] is None and address is None and projected is None:
        raise twilio_error(400, 50407, "Participant must have an Identity or a MessagingBinding.Address")
    if change.document["identity"] is not None and address is not None:
        raise twilio_error(400, 50407, "Participant cannot have both an Identity and a MessagingBinding.Address")
    if address is not None and proxy is None and projected is None and change.before is None:
        raise twilio_error(400, 50408, "MessagingBinding.ProxyAddress must be one of the account's numbers")
    if address is not None and address == proxy:
        raise twilio_error(400, 50409, "MessagingBinding.Address and ProxyAddress must differ")
    if binding:
        whatsapp = (address or projected or "").startswith("whatsapp:")
        change.document["messaging_binding"] = {"type": "whatsapp" if whatsapp else "sms", **binding}
    else:
        change.document["messaging_binding"] = None


def pair_is_free(change: Change) -> None:
    """An address and one of our numbers are together in at most one active conversation."""
    address = get_place(change.document, "messaging_binding.address")
    proxy = get_place(change.document, "messaging_binding.proxy_address")
    if address is None or proxy is None:
        return
    pair = (
        Condition("messaging_binding.address", "=", address),
        Condition("messaging_binding.proxy_address", "=", proxy),
    )
    for found in change.store.select("Participants", None, pair):
        other = change.store.get("Conversations", found.body["_service_sid"], found.body["conversation_sid"])
        taken = other is not None and other["state"] != "closed"
        if taken and found.body["sid"] != change.document["sid"]:
            sid = found.body["conversation_sid"]
            raise twilio_error(409, 50416, f"A binding for this participant and proxy address exists in {sid}")


def participant_role(change: Change) -> None:
    if change.document["role_sid"] is None and change.document["identity"] is not None:
        change.document["role_sid"] = default_role(change.service_sid, "channel user")


def make_user(change: Change) -> None:
    """A chat participant whose identity is new becomes a user of the service."""
    identity = change.document["identity"]
    if identity is None or change.store.get("Users", change.service_sid, identity) is not None:
        return
    user: Document = {
        "sid": new_sid("US"),
        "account_sid": change.account_sid,
        "identity": identity,
        "friendly_name": None,
        "attributes": "{}",
        "role_sid": default_role(change.service_sid, "service user"),
        "is_online": None,
        "is_notifiable": None,
        "date_created": now_text(),
        "date_updated": now_text(),
        "_service_sid": change.service_sid,
    }
    change.store.add("Users", change.service_sid, user["sid"], user, identity)
    detail = {"UserSid": user["sid"], "Identity": identity, "RoleSid": user["role_sid"], "Attributes": "{}"}
    change.events.append(("onUserAdded", detail))


def user_role(change: Change) -> None:
    if change.document["role_sid"] is None:
        change.document["role_sid"] = default_role(change.service_sid, "service user")


# ---- messages ----


def next_index(change: Change) -> None:
    """Messages are counted in their conversation; the number of a deleted one is not given again."""
    if change.before is not None or change.parent is None:
        return
    index = int(change.parent.get("_next_index", 0))
    change.document["index"] = index
    parent = {**change.parent, "_next_index": index + 1}
    change.store.replace("Conversations", change.service_sid, parent["sid"], parent, parent["unique_name"])


def author(change: Change) -> None:
    """The participant who wrote the message, when its author is one."""
    written_by = change.document["author"]
    for participant in _participants(change):
        if written_by in (participant["identity"], get_place(participant, "messaging_binding.address")):
            change.document["participant_sid"] = participant["sid"]


def media(change: Change) -> None:
    sid = change.document.pop("_media_sid", None)
    if sid is not None:
        file = {"sid": sid, "size": 0, "content_type": "application/octet-stream", "filename": None}
        change.document["media"] = [file]


def deliver(change: Change) -> None:
    """Messages reach every phone but their author's at once; each gets a receipt."""
    if change.before is not None:
        return
    reached = [
        p
        for p in _participants(change)
        if p["messaging_binding"] and p["sid"] != change.document["participant_sid"]
    ]
    for participant in reached:
        _add_receipt(change, participant)
    if reached:
        counts = {"sent": "all", "delivered": "all", "read": "none", "failed": "none", "undelivered": "none"}
        change.document["delivery"] = {"total": len(reached), **counts}
        change.store.replace("Messages", change.scope, change.document["sid"], change.document)


def _add_receipt(change: Change, participant: Document) -> None:
    message = change.document
    receipt: Document = {
        "sid": new_sid("DY"),
        "account_sid": change.account_sid,
        "conversation_sid": message["conversation_sid"],
        "message_sid": message["sid"],
        "channel_message_sid": new_sid("SM"),
        "participant_sid": participant["sid"],
        "status": "delivered",
        "error_code": 0,
        "date_created": message["date_created"],
        "date_updated": message["date_created"],
        "_service_sid": change.service_sid,
    }
    change.store.add("Receipts", message["sid"], receipt["sid"], receipt)
    detail = {
        "ConversationSid": message["conversation_sid"],
        "MessageSid": message["sid"],
        "DeliveryReceiptSid": receipt["sid"],
        "ChannelMessageSid": receipt["channel_message_sid"],
        "ParticipantSid": participant["sid"],
        "Status": "delivered",
    }
    change.events.append(("onDeliveryUpdated", detail))


def _participants(change: Change) -> list[dict[str, Any]]:
    return [found.body for found in change.store.select("Participants", change.scope)]


# ---- webhooks ----


def at_most_five_webhooks(change: Change) -> None:
    full = change.store.count("Webhooks", change.scope) >= WEBHOOKS_PER_CONVERSATION
    if change.before is None and full:
        raise twilio_error(400, 50361, "A conversation can have at most 5 webhooks")
    if change.document["target"] == "webhook" and not get_place(change.document, "configuration.url"):
        raise twilio_error(400, 20001, "Missing required parameter Configuration.Url in the post body")
    method = get_place(change.document, "configuration.method")
    if method is not None:
        set_place(change.document, "configuration.method", method.upper())
