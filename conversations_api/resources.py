"""The resources behind the door, one description each: routes, documents and upstream calls come from this table.

Sources: Twilio Conversations API v1 (paths, parameters, page sizes, where X-Twilio-Webhook-Enabled is taken).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from conversations_api import account_bodies, account_views, bodies, queries, views
from conversations_api.identifiers import path_name, path_sid
from shared.operators import Role

Verb = Literal["list", "create", "fetch", "update", "delete"]

METHODS: Mapping[Verb, str] = {
    "list": "GET",
    "create": "POST",
    "fetch": "GET",
    "update": "PUT",
    "delete": "DELETE",
}
STATUSES: Mapping[Verb, int] = {"list": 200, "create": 201, "fetch": 200, "update": 200, "delete": 204}
ALL_VERBS: tuple[Verb, ...] = ("list", "create", "fetch", "update", "delete")


@dataclass(frozen=True, slots=True)
class Part:
    """A configuration document that belongs to a service or the account, and Twilio's path of it."""

    name: str
    upstream: str
    view: type[account_views.Part]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of thing. `named` lists the verbs that also take a unique name in place of the SID.

    `parts` are read and written together with a single one, and are no part of lists.
    """

    name: str
    plural: str
    upstream: str
    prefix: str
    view: type[views.View]
    create: type[bodies.Body] | None
    update: type[bodies.Body] | None
    lists: type[queries.ListQuery]
    roles: Mapping[Verb, Role]
    parent: Resource | None = None
    verbs: tuple[Verb, ...] = ALL_VERBS
    named: frozenset[Verb] = frozenset()
    page_max: int = 100
    in_service: bool = True
    fires_webhooks: bool = True
    parts: tuple[Part, ...] = ()

    @property
    def sid_name(self) -> str:
        return f"{self.name}Sid"

    @property
    def tag(self) -> str:
        """The heading its operations stand under: the resource itself, or what it belongs to at the top."""
        return self.parent.tag if self.parent and self.parent.name == "user" else self.plural

    @property
    def collection_path(self) -> str:
        """Our path of the list, with placeholders: `/api/conversations/{conversationSid}/participants`."""
        return f"{self.parent.item_path if self.parent else '/api'}/{self.plural}"

    @property
    def item_path(self) -> str:
        return f"{self.collection_path}/{{{self.sid_name}}}"

    def path(self, verb: Verb) -> str:
        return self.collection_path if verb in {"list", "create"} else self.item_path

    def query(self, verb: Verb) -> type[bodies.Body]:
        """The Struct of the route's query parameters."""
        if verb == "list":
            return self.lists
        return queries.InService if self.in_service else queries.Nothing

    def body(self, verb: Verb) -> type[bodies.Body] | None:
        """The Struct of the route's body, None for routes without."""
        return {"create": self.create, "update": self.update}.get(verb)

    def upstream_path(self, verb: Verb, ids: Mapping[str, str], service_sid: str | None) -> str:
        """Twilio's path, every part of it checked and escaped. Raises Problem 400 for an unusable id."""
        service = f"/Services/{path_sid(service_sid, 'IS', 'serviceSid')}" if service_sid else ""
        return f"v1{service}{self._upstream_tail(verb, ids)}"

    def _upstream_tail(self, verb: Verb, ids: Mapping[str, str]) -> str:
        above = self.parent._upstream_tail("fetch", ids) if self.parent else ""
        if verb in {"list", "create"}:
            return f"{above}/{self.upstream}"
        check = path_name if verb in self.named else path_sid
        return f"{above}/{self.upstream}/{check(ids[self.sid_name], self.prefix, self.sid_name)}"


def _roles(write: Role, delete: Role | None = None) -> Mapping[Verb, Role]:
    return {
        "list": Role.VIEWER,
        "fetch": Role.VIEWER,
        "create": write,
        "update": write,
        "delete": delete or write,
    }


SERVICE = Resource(
    name="service",
    plural="services",
    upstream="Services",
    prefix="IS",
    view=account_views.Service,
    create=account_bodies.ServiceCreate,
    update=account_bodies.ServiceUpdate,
    lists=queries.ServiceList,
    roles=_roles(Role.ADMIN),
    in_service=False,
    fires_webhooks=False,
    parts=(
        Part("configuration", "Configuration", account_views.ServiceConfiguration),
        Part("webhooks", "Configuration/Webhooks", account_views.Webhooks),
        Part("notifications", "Configuration/Notifications", account_views.Notifications),
    ),
)
ACCOUNT_PARTS = (
    Part("configuration", "Configuration", account_views.AccountConfiguration),
    Part("webhooks", "Configuration/Webhooks", account_views.AccountWebhooks),
)
CONVERSATION = Resource(
    name="conversation",
    plural="conversations",
    upstream="Conversations",
    prefix="CH",
    view=views.Conversation,
    create=bodies.ConversationWrite,
    update=bodies.ConversationWrite,
    lists=queries.ConversationList,
    roles=_roles(Role.AGENT, delete=Role.SUPERVISOR),
    named=frozenset({"fetch", "update", "delete"}),
)
PARTICIPANT = Resource(
    name="participant",
    plural="participants",
    upstream="Participants",
    prefix="MB",
    view=views.Participant,
    create=bodies.ParticipantCreate,
    update=bodies.ParticipantUpdate,
    lists=queries.ParticipantList,
    roles=_roles(Role.AGENT),
    parent=CONVERSATION,
    named=frozenset({"fetch"}),  # by identity; Twilio takes it nowhere else
)
MESSAGE = Resource(
    name="message",
    plural="messages",
    upstream="Messages",
    prefix="IM",
    view=views.Message,
    create=bodies.MessageCreate,
    update=bodies.MessageUpdate,
    lists=queries.MessageList,
    roles=_roles(Role.AGENT, delete=Role.SUPERVISOR),
    parent=CONVERSATION,
)
WEBHOOK = Resource(
    name="webhook",
    plural="webhooks",
    upstream="Webhooks",
    prefix="WH",
    view=views.Webhook,
    create=bodies.WebhookCreate,
    update=bodies.WebhookUpdate,
    lists=queries.WebhookList,
    # A webhook sends the conversation's words to an address outside.
    roles=_roles(Role.ADMIN),
    parent=CONVERSATION,
    page_max=5,
    fires_webhooks=False,
)
RECEIPT = Resource(
    name="receipt",
    plural="receipts",
    upstream="Receipts",
    prefix="DY",
    view=views.Receipt,
    create=None,
    update=None,
    lists=queries.ReceiptList,
    roles=_roles(Role.AGENT),
    parent=MESSAGE,
    verbs=("list", "fetch"),
    page_max=50,
)
USER = Resource(
    name="user",
    plural="users",
    upstream="Users",
    prefix="US",
    view=account_views.User,
    create=account_bodies.UserCreate,
    update=account_bodies.UserUpdate,
    lists=queries.UserList,
    roles=_roles(Role.ADMIN),
    named=frozenset({"fetch", "update", "delete"}),
    page_max=50,
)
USER_CONVERSATION = Resource(
    name="userConversation",
    plural="conversations",
    upstream="Conversations",
    prefix="CH",
    view=account_views.UserConversation,
    create=None,
    update=account_bodies.UserConversationUpdate,
    lists=queries.UserConversationList,
    roles=_roles(Role.ADMIN),
    parent=USER,
    verbs=("list", "fetch", "update", "delete"),
    named=frozenset({"fetch", "update", "delete"}),
    page_max=50,
    fires_webhooks=False,
)
ROLE = Resource(
    name="role",
    plural="roles",
    upstream="Roles",
    prefix="RL",
    view=account_views.Role,
    create=account_bodies.RoleCreate,
    update=account_bodies.RoleUpdate,
    lists=queries.RoleList,
    roles=_roles(Role.ADMIN),
    page_max=50,
    fires_webhooks=False,
)
ADDRESS = Resource(
    name="address",
    plural="addresses",
    upstream="Configuration/Addresses",
    prefix="IG",
    view=account_views.Address,
    create=account_bodies.AddressCreate,
    update=account_bodies.AddressUpdate,
    lists=queries.AddressList,
    roles=_roles(Role.ADMIN),
    named=frozenset({"fetch", "update", "delete"}),
    page_max=50,
    in_service=False,
    fires_webhooks=False,
)
RESOURCES = (
    SERVICE,
    CONVERSATION,
    PARTICIPANT,
    MESSAGE,
    RECEIPT,
    WEBHOOK,
    USER,
    USER_CONVERSATION,
    ROLE,
    ADDRESS,
)


def operations() -> Iterator[tuple[Resource, Verb]]:
    """Every operation of every resource."""
    for resource in RESOURCES:
        for verb in resource.verbs:
            yield resource, verb
