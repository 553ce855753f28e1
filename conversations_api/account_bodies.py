"""What a caller may write about the account and its services: configuration, users, roles, addresses.

The same rules as in conversations_api.bodies. Source: Twilio Conversations API v1.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from conversations_api.bodies import (
    Attributes,
    Body,
    Duration,
    FlowSid,
    MessagingServiceSid,
    Moment,
    Name,
    NameList,
    RoleSid,
    WebAddress,
)

Title = Annotated[str, Meta(min_length=1, max_length=256)]
ServiceSid = Annotated[str, Meta(pattern="^IS[0-9a-fA-F]{32}$")]
Permission = Annotated[str, Meta(min_length=1, max_length=64)]
# An empty text takes an address away (Twilio).
OptionalWebAddress = Annotated[str, Meta(pattern=r"^(https?://[^\s/]+.*)?$", max_length=2048)]
Template = Annotated[str, Meta(max_length=1024)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166, for short codes")]
AddressType = Literal["sms", "whatsapp", "messenger", "gbm", "email", "rcs", "apple", "chat"]


class ServiceCreate(Body):
    """A new conversation service."""

    friendly_name: Title


class ServiceConfigurationUpdate(Body):
    """Which roles people get in a service, and whether it tells who is online."""

    default_conversation_creator_role_sid: RoleSid | UnsetType = UNSET
    default_conversation_role_sid: RoleSid | UnsetType = UNSET
    default_chat_service_role_sid: RoleSid | UnsetType = UNSET
    reachability_enabled: bool | UnsetType = UNSET


class ServiceWebhooksUpdate(Body):
    """Where the events of a service go; an empty address stops them."""

    method: Literal["GET", "POST"] | UnsetType = UNSET
    filters: NameList | UnsetType = UNSET
    pre_webhook_url: OptionalWebAddress | UnsetType = UNSET
    post_webhook_url: OptionalWebAddress | UnsetType = UNSET


class AccountWebhooksUpdate(ServiceWebhooksUpdate):
    """The same for the whole account."""

    target: Literal["webhook", "flex"] | UnsetType = UNSET


class WithMedia(Body):
    """What is pushed for a message with files."""

    enabled: bool | UnsetType = UNSET
    template: Template | UnsetType = UNSET


class Notification(Body):
    """What is pushed to phones for one kind of event."""

    enabled: bool | UnsetType = UNSET
    template: Template | UnsetType = UNSET
    sound: Name | UnsetType = UNSET


class NewMessageNotification(Notification):
    """What is pushed for a new message."""

    badge_count_enabled: bool | UnsetType = UNSET
    with_media: WithMedia | UnsetType = UNSET


class NotificationsUpdate(Body):
    """Push notifications of a service."""

    log_enabled: bool | UnsetType = UNSET
    new_message: NewMessageNotification | UnsetType = UNSET
    added_to_conversation: Notification | UnsetType = UNSET
    removed_from_conversation: Notification | UnsetType = UNSET


class ServiceUpdate(Body):
    """What to change in a service's configuration; its name cannot change (Twilio has no such call)."""

    configuration: ServiceConfigurationUpdate | UnsetType = UNSET
    webhooks: ServiceWebhooksUpdate | UnsetType = UNSET
    notifications: NotificationsUpdate | UnsetType = UNSET


class AccountConfigurationUpdate(Body):
    """What holds for every conversation of the account unless said otherwise."""

    default_chat_service_sid: ServiceSid | UnsetType = UNSET
    default_messaging_service_sid: MessagingServiceSid | UnsetType = UNSET
    default_inactive_timer: Duration | UnsetType = UNSET
    default_closed_timer: Duration | UnsetType = UNSET


class AccountUpdate(Body):
    """What to change in the account's configuration."""

    configuration: AccountConfigurationUpdate | UnsetType = UNSET
    webhooks: AccountWebhooksUpdate | UnsetType = UNSET


class UserUpdate(Body):
    """What to change about a chat user."""

    friendly_name: Name | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    role_sid: RoleSid | UnsetType = UNSET


class UserCreate(UserUpdate, kw_only=True):
    """A chat user of a service."""

    identity: Title


class UserConversationUpdate(Body):
    """A user's own view of a conversation: how far it is read, and whether it notifies."""

    notification_level: Literal["default", "muted"] | UnsetType = UNSET
    last_read_timestamp: Moment | UnsetType = UNSET
    last_read_message_index: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET


class RoleUpdate(Body):
    """What a role allows from now on: the whole set, not what is added to it. One permission or more."""

    permission: Annotated[list[Permission], Meta(min_length=1, max_length=64)] = field(name="permissions")


class RoleCreate(RoleUpdate, kw_only=True):
    """A set of permissions by name, for conversations or for the service."""

    friendly_name: Annotated[str, Meta(min_length=1, max_length=64)]
    type: Literal["conversation", "service"]


class AutoCreationUpdate(Body):
    """What happens when someone writes to the address and no conversation with them is open."""

    enabled: bool | UnsetType = UNSET
    type: Literal["webhook", "studio", "default"] | UnsetType = UNSET
    conversation_service_sid: ServiceSid | UnsetType = UNSET
    webhook_url: WebAddress | UnsetType = UNSET
    webhook_method: Literal["get", "post", "GET", "POST"] | UnsetType = UNSET
    webhook_filters: NameList | UnsetType = UNSET
    studio_flow_sid: FlowSid | UnsetType = UNSET
    studio_retry_count: Annotated[int, Meta(ge=0, le=3)] | UnsetType = UNSET


class AddressUpdate(Body):
    """What to change about an address of ours."""

    friendly_name: Name | UnsetType = UNSET
    auto_creation: AutoCreationUpdate | UnsetType = UNSET


class AddressCreate(AddressUpdate, kw_only=True):
    """A number or sender of ours that people write to."""

    type: AddressType
    address: Title
    address_country: Country | UnsetType = UNSET
