"""Twilio's Call resource (2010-04-01): the document that the API shows and the store keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sandbox.call_identity import OUTBOUND
from sandbox.sids import derived_sid
from sandbox.store import Document

KIND = "Calls"
VERSION = "2010-04-01"
PARTS = ("events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions")
PARTS_AS_NAMED = ("user_defined_message_subscriptions", "user_defined_messages")


def new_call(
    account_sid: str, call_sid: str, caller: str, called: str, direction: str, started_at: datetime
) -> Document:
    """A call that is queued. `_started_at` sorts and filters; names with an underscore are not shown."""
    moment = rfc2822(started_at)
    uri = f"/{VERSION}/Accounts/{account_sid}/Calls/{call_sid}"
    links = {name: f"{uri}/{name.capitalize()}.json" for name in PARTS}
    links |= {name: f"{uri}/{name.title().replace('_', '')}.json" for name in PARTS_AS_NAMED}
    return {
        "sid": call_sid,
        "date_created": moment,
        "date_updated": moment,
        "parent_call_sid": None,
        "account_sid": account_sid,
        "to": called,
        "to_formatted": called,
        "from": caller,
        "from_formatted": caller,
        "phone_number_sid": derived_sid("PN", caller if direction == OUTBOUND else called),
        "status": "queued",
        "start_time": None,
        "end_time": None,
        "duration": None,
        "price": None,
        "price_unit": "USD",
        "direction": direction,
        "answered_by": None,
        "api_version": VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": links,
        "_started_at": iso(started_at),
        "_ended_at": None,
    }


def with_status(call: Document, status: str, now: datetime, *, is_final: bool, duration_s: float) -> Document:
    """The call after a change of its status."""
    changed = {**call, "status": status, "date_updated": rfc2822(now)}
    if status == "in-progress" and call["start_time"] is None:
        changed |= {"start_time": rfc2822(now), "_started_at": iso(now)}
    if is_final:
        changed |= {"end_time": rfc2822(now), "_ended_at": iso(now), "duration": str(round(duration_s))}
    return changed


def shown(call: Document) -> dict[str, Any]:
    """As the API answers it."""
    return {name: value for name, value in call.items() if not name.startswith("_")}


def rfc2822(moment: datetime) -> str:
    """A moment as this version of the API writes it: Tue, 31 Aug 2010 20:36:28 +0000."""
    return format_datetime(moment.astimezone(UTC))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
