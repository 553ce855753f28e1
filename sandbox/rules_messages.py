"""What Twilio Conversations does with messages beyond storing their fields: order, authors, media, delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.resources import Change, Event, get_place
from sandbox.rules_conversations import start_timers, state_event
from sandbox.sids import new_sid
from sandbox.store import Document
from sandbox.twilio_product import twilio_error
from sandbox.world import World

RECEIPT_JOB = "message.receipt"
DELIVERED_AFTER, READ_AFTER = timedelta(milliseconds=400), timedelta(seconds=2)
STATUSES = ("sent", "delivered", "read", "failed", "undelivered")
REACHED = {"sent": ("sent",), "delivered": ("sent", "delivered"), "read": ("sent", "delivered", "read")}
TEXT_LENGTH = 1600
TOO_LONG, UNREACHABLE, UNKNOWN_NUMBER = 21617, 30003, 30005


def next_index(change: Change) -> None:
    """Messages are counted in their conversation; the number of a deleted one is not given again.

    A message also makes an inactive conversation active again, and its timers begin anew.
    """
    if not change.creating or change.parent is None:
        return
    index = int(change.parent.get("_next_index", 0))
    change.document["index"] = index
    parent = {**change.parent, "_next_index": index + 1}
    if parent["state"] == "inactive":
        parent["state"] = "active"
        change.events.append(state_event(change.world, parent, "inactive", "EVENT"))
    if parent.get("_timers"):
        start_timers(change.world, parent)
    change.store.replace("Conversations", change.service_sid, parent["sid"], parent, parent["unique_name"])


def author(change: Change) -> None:
    """The participant who wrote the message, when its author is one."""
    written_by = change.document["author"]
    for participant in _participants(change):
        if written_by in (participant["identity"], get_place(participant, "messaging_binding.address")):
            change.document["participant_sid"] = participant["sid"]


def media(change: Change) -> None:
    """The file that was uploaded before; it then belongs to this message."""
    sid = change.document.pop("_media_sid", None)
    if sid is None:
        return
    file = change.store.get("Media", change.service_sid, sid)
    if file is None:
        raise twilio_error(400, 20001, f"Invalid parameter MediaSid: there is no {sid} in {change.service_sid}")
    shown = {name: file[name] for name in ("sid", "size", "content_type", "filename")}
    change.document["media"] = [{**shown, "category": "media"}]
    belongs = {"message_sid": change.document["sid"], "channel_sid": change.document["conversation_sid"]}
    change.store.replace("Media", change.service_sid, sid, {**file, **belongs})


def deliver(change: Change) -> None:
    """The message goes to every phone but its author's; each gets a receipt, which then goes on."""
    if not change.creating:
        return
    reached = [
        p
        for p in _participants(change)
        if p["messaging_binding"] and p["sid"] != change.document["participant_sid"]
    ]
    receipts = [_add_receipt(change, participant) for participant in reached]
    if receipts:
        change.document["delivery"] = summary([receipt["status"] for receipt in receipts])
        change.store.replace("Messages", change.scope, change.document["sid"], change.document)


def summary(statuses: list[str]) -> dict[str, Any]:
    """A message's `delivery`: which part of its receipts has reached each status."""

    def part(status: str) -> str:
        count = sum(status in REACHED.get(other, (other,)) for other in statuses)
        return "none" if count == 0 else "all" if count == len(statuses) else "some"

    return {"total": len(statuses), **{status: part(status) for status in STATUSES}}


def _add_receipt(change: Change, participant: Document) -> Document:
    message = change.document
    receipt: Document = {
        "sid": new_sid("DY"),
        "account_sid": change.account_sid,
        "conversation_sid": message["conversation_sid"],
        "message_sid": message["sid"],
        "channel_message_sid": new_sid("SM"),
        "participant_sid": participant["sid"],
        "status": "sent",
        "error_code": 0,
        "date_created": message["date_created"],
        "date_updated": message["date_created"],
        "_service_sid": change.service_sid,
    }
    change.store.add("Receipts", message["sid"], receipt["sid"], receipt)
    change.events.append(delivery_event(receipt))
    status, error_code = _outcome(message, participant["messaging_binding"])
    payload = {"message_sid": message["sid"], "sid": receipt["sid"], "status": status, "error_code": error_code}
    plan_receipt(change.world, DELIVERED_AFTER, payload)
    if status == "delivered" and participant["messaging_binding"].get("type") == "whatsapp":
        plan_receipt(change.world, READ_AFTER, {**payload, "status": "read"})
    return receipt


def _outcome(message: Document, binding: Document) -> tuple[str, int]:
    """Numbers that end in 9998 fail and in 9999 are not reached; too long texts fail; all others arrive."""
    address = str(binding.get("address") or binding.get("projected_address") or "")
    if len(message["body"] or "") > TEXT_LENGTH:
        return "failed", TOO_LONG
    if address.endswith("9998"):
        return "failed", UNKNOWN_NUMBER
    return ("undelivered", UNREACHABLE) if address.endswith("9999") else ("delivered", 0)


def plan_receipt(world: World, after: timedelta, payload: dict[str, Any]) -> None:
    world.agenda.put(RECEIPT_JOB, f"{payload['sid']} {payload['status']}", after, payload)


def delivery_event(receipt: Document) -> Event:
    fields = {
        "ConversationSid": receipt["conversation_sid"],
        "MessageSid": receipt["message_sid"],
        "DeliveryReceiptSid": receipt["sid"],
        "ChannelMessageSid": receipt["channel_message_sid"],
        "ParticipantSid": receipt["participant_sid"],
        "Status": receipt["status"],
        "DateCreated": receipt["date_created"],
        "DateUpdated": receipt["date_updated"],
    }
    if receipt["error_code"]:
        fields["ErrorCode"] = str(receipt["error_code"])
    return Event("onDeliveryUpdated", fields, unasked=True)


def _participants(change: Change) -> list[dict[str, Any]]:
    return [found.body for found in change.store.select("Participants", change.scope)]
