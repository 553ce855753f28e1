"""What a caller may write: one Struct per body, in camelCase; anything else in a body is refused.

A field that is left out is left as it is. Limits are Twilio's (Conversations API v1). `attributes` is a JSON
object here; Twilio stores it as a string.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Name = Annotated[str, Meta(max_length=256)]
MessageBody = Annotated[str, Meta(max_length=32_768)]
Moment = Annotated[datetime, Meta(tz=True)]
Duration = Annotated[
    str, Meta(pattern=r"^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$", description="ISO 8601, such as PT30M")
]
WebAddress = Annotated[str, Meta(pattern=r"^https?://[^\s/]+", max_length=2048)]
NameList = Annotated[list[Name], Meta(min_length=1)]
MessagingServiceSid = Annotated[str, Meta(pattern="^MG[0-9a-fA-F]{32}$")]
RoleSid = Annotated[str, Meta(pattern="^RL[0-9a-fA-F]{32}$")]
MediaSid = Annotated[str, Meta(pattern="^ME[0-9a-fA-F]{32}$")]
ContentSid = Annotated[str, Meta(pattern="^HX[0-9a-fA-F]{32}$")]
FlowSid = Annotated[str, Meta(pattern="^FW[0-9a-fA-F]{32}$")]
Attributes = dict[str, Any]


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Common ground of all bodies."""


class Dated(Body):
    """Dates an importer may set."""

    date_created: Moment | UnsetType = UNSET
    date_updated: Moment | UnsetType = UNSET


class Timers(Body):
    """How long a conversation may be quiet before its state changes."""

    inactive: Duration | UnsetType = UNSET
    closed: Duration | UnsetType = UNSET


class EmailBinding(Body):
    """The e-mail side of a conversation."""

    address: Name | UnsetType = UNSET
    name: Name | UnsetType = UNSET


class Bindings(Body):
    """Addresses a conversation itself is bound to."""

    email: EmailBinding


class ConversationWrite(Dated):
    """A conversation to create, or what to change in one; a closed conversation stays closed."""

    friendly_name: Name | UnsetType = UNSET
    unique_name: Name | UnsetType = UNSET
    messaging_service_sid: MessagingServiceSid | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    state: Literal["active", "inactive", "closed"] | UnsetType = UNSET
    timers: Timers | UnsetType = UNSET
    bindings: Bindings | UnsetType = UNSET


class NewMessagingBinding(Body):
    """How a person outside chat is reached: their address and the number or sender of ours they see."""

    address: Name | UnsetType = UNSET
    proxy_address: Name | UnsetType = UNSET
    projected_address: Name | UnsetType = UNSET


class ParticipantCreate(Dated):
    """Someone who joins: a chat identity, or an address on SMS, WhatsApp and the like."""

    identity: Name | UnsetType = UNSET
    messaging_binding: NewMessagingBinding | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    role_sid: RoleSid | UnsetType = UNSET

    def __post_init__(self) -> None:
        binding = self.messaging_binding
        by_address = isinstance(binding, NewMessagingBinding) and binding.address is not UNSET
        if by_address == isinstance(self.identity, str):
            raise ValueError("a participant has either `identity` or `messagingBinding.address`")


class ConversationWithParticipants(ConversationWrite, kw_only=True):
    """A conversation together with who takes part in it, created at once or not at all."""

    participants: Annotated[list[ParticipantCreate], Meta(min_length=1, max_length=10)]


class ChangedMessagingBinding(Body):
    """Addresses of ours a participant sees; null clears. Their own address cannot change."""

    proxy_address: Name | UnsetType | None = UNSET
    projected_address: Name | UnsetType | None = UNSET


class ParticipantUpdate(Dated):
    """What to change about a participant."""

    identity: Name | UnsetType = UNSET
    messaging_binding: ChangedMessagingBinding | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    role_sid: RoleSid | UnsetType = UNSET
    last_read_message_index: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    last_read_timestamp: Moment | UnsetType = UNSET


class MessageUpdate(Dated):
    """What to change in a message."""

    author: Name | UnsetType = UNSET
    body: MessageBody | UnsetType = UNSET
    subject: Name | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET


class MessageCreate(MessageUpdate):
    """A message to send; with `contentSid` the template's text and media take the place of the others."""

    media_sid: MediaSid | UnsetType = UNSET
    content_sid: ContentSid | UnsetType = UNSET
    content_variables: dict[str, str] | UnsetType = UNSET


class ChangedWebhookConfiguration(Body):
    """Where a conversation's webhook goes and for what."""

    url: WebAddress | UnsetType = UNSET
    method: Literal["get", "post", "GET", "POST"] | UnsetType = UNSET
    filters: NameList | UnsetType = UNSET
    triggers: NameList | UnsetType = UNSET
    flow_sid: FlowSid | UnsetType = UNSET


class NewWebhookConfiguration(ChangedWebhookConfiguration):
    """The same for a new webhook; `replayAfter` is the message index to start from."""

    replay_after: Annotated[int, Meta(ge=0)] | UnsetType = UNSET


class WebhookCreate(Body):
    """A webhook of one conversation (five at most)."""

    target: Literal["webhook", "trigger", "studio"]
    configuration: NewWebhookConfiguration | UnsetType = UNSET


class WebhookUpdate(Body):
    """What to change in a webhook; its target stays."""

    configuration: ChangedWebhookConfiguration
