"""What Twilio Conversations does with participants and users beyond storing their fields."""

from __future__ import annotations

from sandbox.resources import Change, Event, get_place
from sandbox.rules_conversations import default_role
from sandbox.sids import new_sid
from sandbox.store import Condition, Document, Store
from sandbox.twilio_product import twilio_error
from sandbox.world import World

MOST_PARTICIPANTS = 1000
MOST_WITHOUT_CHAT = 50
MOST_IN_GROUP_TEXT = 10
MOST_CONVERSATIONS = 1000
CHANNELS = ("whatsapp", "messenger", "rcs", "email")


def one_way_to_reach(change: Change) -> None:
    """A participant is a chat identity or a messaging address with one of our numbers, not both."""
    binding = change.document["messaging_binding"] or {}
    for key in [key for key, value in binding.items() if value in ("", "null")]:
        del binding[key]
    address, proxy, projected = (binding.get(key) for key in ("address", "proxy_address", "projected_address"))
    identity = change.document["identity"]
    if identity is None and address is None and projected is None:
        raise twilio_error(400, 50407, "Participant must have an Identity or a MessagingBinding.Address")
    if identity is not None and address is not None:
        raise twilio_error(400, 50407, "Participant cannot have both an Identity and a MessagingBinding.Address")
    if address is not None and proxy is None and projected is None and change.creating:
        raise twilio_error(400, 50408, "MessagingBinding.ProxyAddress must be one of the account's numbers")
    if address is not None and address == proxy:
        raise twilio_error(400, 50409, "MessagingBinding.Address and ProxyAddress must differ")
    channel = channel_of(address or projected or "")
    change.document["messaging_binding"] = {**binding, "type": channel} if binding else None


def channel_of(address: str) -> str:
    """`whatsapp:+55…` is whatsapp; a bare number is sms."""
    prefix = address.partition(":")[0]
    return prefix if prefix in CHANNELS else "sms"


def enough_room(change: Change) -> None:
    """The limits of participants per conversation, and of conversations per identity."""
    if not change.creating:
        return
    present = [found.body for found in change.store.select("Participants", change.scope)]
    if len(present) >= MOST_PARTICIPANTS:
        raise twilio_error(400, 50417, f"A conversation can have at most {MOST_PARTICIPANTS} participants")
    if change.document["identity"] is not None:
        _check_identity(change)
        return
    without_chat = [p for p in present if p["identity"] is None]
    if len(without_chat) >= MOST_WITHOUT_CHAT:
        raise twilio_error(
            400, 50418, f"A conversation can have at most {MOST_WITHOUT_CHAT} non-chat participants"
        )
    group = [p for p in present if get_place(p, "messaging_binding.projected_address")]
    if get_place(change.document, "messaging_binding.projected_address") and len(group) >= MOST_IN_GROUP_TEXT:
        raise twilio_error(400, 50422, f"A group text can have at most {MOST_IN_GROUP_TEXT} participants")


def _check_identity(change: Change) -> None:
    """Closed conversations do not count; they are looked at only by whoever is in very many."""
    conditions = memberships(change.service_sid, identity=change.document["identity"])
    found = change.store.select("Participants", None, conditions)
    if len(found) < MOST_CONVERSATIONS:
        return
    sids = (membership.body["conversation_sid"] for membership in found)
    conversations = (change.store.get("Conversations", change.service_sid, sid) for sid in sids)
    if sum(c is not None and c["state"] != "closed" for c in conversations) >= MOST_CONVERSATIONS:
        raise twilio_error(400, 50214, f"An identity can be in at most {MOST_CONVERSATIONS} conversations")


def memberships(service_sid: str, *, identity: str | None = None, address: str = "") -> tuple[Condition, ...]:
    """The conditions that find the participants with this identity, or else this address, in a service."""
    field, value = ("messaging_binding.address", address) if identity is None else ("identity", identity)
    return (Condition("_service_sid", "=", service_sid), Condition(field, "=", value))


def pair_is_free(change: Change) -> None:
    """An address and one of our numbers are together in at most one active conversation."""
    address = get_place(change.document, "messaging_binding.address")
    proxy = get_place(change.document, "messaging_binding.proxy_address")
    if address is None or proxy is None:
        return
    holder = pair_holder(change.store, address, proxy)
    if holder is not None and holder["sid"] != change.document["sid"]:
        sid = holder["conversation_sid"]
        raise twilio_error(409, 50416, f"A binding for this participant and proxy address exists in {sid}")


def pair_holder(store: Store, address: str, proxy: str) -> Document | None:
    """The participant who has this pair of addresses in a conversation that is not closed."""
    pair = (
        Condition("messaging_binding.address", "=", address),
        Condition("messaging_binding.proxy_address", "=", proxy),
    )
    for found in store.select("Participants", None, pair):
        conversation = store.get("Conversations", found.body["_service_sid"], found.body["conversation_sid"])
        if conversation is not None and conversation["state"] != "closed":
            return found.body
    return None


def participant_role(change: Change) -> None:
    if change.document["role_sid"] is None and change.document["identity"] is not None:
        change.document["role_sid"] = default_role(change.service_sid, "channel user")


def make_user(change: Change) -> None:
    """A chat participant whose identity is new becomes a user of the service."""
    identity = change.document["identity"]
    if identity is None or change.store.get("Users", change.service_sid, identity) is not None:
        return
    user = new_user(change.world, change.service_sid, identity)
    change.store.add("Users", change.service_sid, user["sid"], user, identity)
    fields = {"UserSid": user["sid"], "Identity": identity, "RoleSid": user["role_sid"], "Attributes": "{}"}
    change.events.append(Event("onUserAdded", {**fields, "DateCreated": user["date_created"]}))


def new_user(world: World, service_sid: str, identity: str) -> Document:
    """A user with nothing but its identity."""
    moment = world.clock.now_text()
    return {
        "sid": new_sid("US"),
        "account_sid": world.account_sid,
        "identity": identity,
        "friendly_name": None,
        "attributes": "{}",
        "role_sid": default_role(service_sid, "service user"),
        "is_online": None,
        "is_notifiable": None,
        "date_created": moment,
        "date_updated": moment,
        "_service_sid": service_sid,
    }


def user_role(change: Change) -> None:
    if change.document["role_sid"] is None:
        change.document["role_sid"] = default_role(change.service_sid, "service user")
