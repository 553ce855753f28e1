"""One seeded conversation: a customer and an agent, a dialogue in one of three languages, receipts, a state."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import msgspec

from sandbox.rules_conversations import default_role
from sandbox.rules_messages import summary
from sandbox.rules_participants import channel_of
from sandbox.sids import date_text, derived_sid
from sandbox.store import Document
from sandbox.world import World

DAYS = 60
OURS = {"sms": "+15555550100", "whatsapp": "whatsapp:+15555550100"}
AGENTS = ("ana", "ben", "carlos", "dora", "elena", "felipe")
CONVERSATIONS_PER_AGENT = 500
STORES = ("Porto", "Curitiba", "Sevilla", "Portland", "Valencia")
COUNTRY = {"en": "+1555555", "pt": "+5511555", "es": "+3455501"}
CHANNELS = ("sms", "whatsapp", "chat")
CHANNEL_WEIGHTS = (3, 5, 2)
Row = tuple[str, str, str, str | None, Document]


class Topic(msgspec.Struct, frozen=True):
    """What a conversation is about; the customer speaks first."""

    topic: str
    dialogue: list[str]


class LanguageTexts(msgspec.Struct, frozen=True):
    """The texts of one language; `weight` is its share."""

    weight: int
    names: list[str]
    topics: list[Topic]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made: `conversations`, spread over the last `days`, from `seed`."""

    conversations: int
    seed: int = 1
    days: int = DAYS


def read_texts() -> dict[str, LanguageTexts]:
    text = resources.files("sandbox").joinpath("seed_texts.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, LanguageTexts])


class ConversationMaker:
    """Makes the rows of conversations. They are numbered from those that are there already."""

    def __init__(self, world: World, plan: Plan, chance: random.Random) -> None:
        self._world = world
        self._plan = plan
        self._chance = chance
        self._texts = read_texts()
        self._now = world.clock.now()
        self._first = world.store.counts().get("Conversations", 0)
        self._known_users: set[tuple[str, str]] = set()

    def make(self, service_sid: str, number: int) -> Iterator[Row]:
        """The conversation with all that belongs to it."""
        index = self._first + number
        language = self._chance.choices(list(self._texts), [t.weight for t in self._texts.values()])[0]
        texts = self._texts[language]
        topic, name = self._chance.choice(texts.topics), self._chance.choice(texts.names)
        began_at = self._began_at(number)
        sid = derived_sid("CH", self._world.account_sid, str(self._plan.seed), str(index))
        people = self._people(service_sid, sid, language, index, name, began_at)
        values = {
            "name": name.partition(" ")[0],
            "order": str(1000 + index),
            "date": (began_at + timedelta(days=1)).strftime("%d/%m"),
            "store": self._chance.choice(STORES),
        }
        messages = list(self._messages(sid, service_sid, topic, values, people, began_at))
        unique_name = f"order-{values['order']}" if index % 3 == 0 else None
        conversation = {
            **self.base(sid, began_at, service_sid),
            "date_updated": messages[-1][-1]["date_created"],
            "messaging_service_sid": derived_sid("MG", service_sid),
            "friendly_name": f"{name}: {topic.topic}",
            "unique_name": unique_name,
            "attributes": _json({"language": language, "topic": topic.topic, "order": values["order"]}),
            "state": self._state(began_at),
            "timers": {},
            "bindings": {},
            "_next_index": len(topic.dialogue),
        }
        yield "Conversations", service_sid, sid, unique_name, conversation
        yield from self._users(service_sid, people)
        for person in people:
            yield "Participants", sid, person["sid"], person["identity"], person
        yield from messages

    def base(self, sid: str, at: datetime, service_sid: str | None = None) -> Document:
        """What every record begins with."""
        own: Document = {"_service_sid": service_sid} if service_sid else {}
        moment = date_text(at)
        identity = {"sid": sid, "account_sid": self._world.account_sid}
        return {**identity, "date_created": moment, "date_updated": moment, **own}

    def _began_at(self, number: int) -> datetime:
        """Spread evenly with some noise, oldest first, the last one a little before now."""
        share = (number + self._chance.random()) / max(self._plan.conversations, 1)
        return self._now - timedelta(seconds=self._plan.days * 86_400 * (1 - share) + 1800)

    def _state(self, began_at: datetime) -> str:
        """The older, the more likely closed."""
        age = self._now - began_at
        if age > timedelta(days=self._plan.days / 2):
            return "closed" if self._chance.random() < 0.8 else "inactive"
        return self._chance.choices(("active", "inactive", "closed"), (6, 2, 1))[0]

    # ---- people ----

    def _people(
        self, service_sid: str, sid: str, language: str, index: int, name: str, at: datetime
    ) -> list[Document]:
        """The customer and the agent who answers."""
        channel = self._chance.choices(CHANNELS, CHANNEL_WEIGHTS)[0]
        customer = self._person(service_sid, sid, "customer", at)
        customer["attributes"] = _json({"name": name, "language": language})
        if channel == "chat":
            customer["identity"] = f"{name.lower().replace(' ', '.')}.{index % 1000}"
            customer["role_sid"] = default_role(service_sid, "channel user")
        else:
            number = f"{COUNTRY[language]}{index % 100_000:05d}"
            address = f"whatsapp:{number}" if channel == "whatsapp" else number
            binding = {"type": channel_of(address), "address": address, "proxy_address": OURS[channel]}
            customer["messaging_binding"] = binding
        agent = self._person(service_sid, sid, "agent", at)
        agent["identity"] = self._agent()
        agent["role_sid"] = default_role(service_sid, "channel admin")
        return [customer, agent]

    def _agent(self) -> str:
        """One of as many agents as the work needs: an identity can be in 1,000 conversations at most."""
        agents = max(len(AGENTS), self._plan.conversations // CONVERSATIONS_PER_AGENT)
        number = self._chance.randrange(agents)
        team, person = divmod(number, len(AGENTS))
        return f"agent.{AGENTS[person]}{team or ''}"

    def _person(self, service_sid: str, sid: str, part: str, at: datetime) -> Document:
        return {
            **self.base(derived_sid("MB", sid, part), at, service_sid),
            "conversation_sid": sid,
            "identity": None,
            "attributes": "{}",
            "messaging_binding": None,
            "role_sid": None,
            "last_read_message_index": None,
            "last_read_timestamp": None,
        }

    def _users(self, service_sid: str, people: list[Document]) -> Iterator[Row]:
        """The users that the identities are, each once."""
        for person in people:
            identity = person["identity"]
            if identity is None or (service_sid, identity) in self._known_users:
                continue
            self._known_users.add((service_sid, identity))
            if self._world.store.get("Users", service_sid, identity) is None:
                sid = derived_sid("US", service_sid, identity)
                user = {
                    **self.base(sid, self._now, service_sid),
                    "date_created": person["date_created"],
                    "identity": identity,
                    "friendly_name": identity.replace(".", " ").title(),
                    "attributes": "{}",
                    "role_sid": default_role(service_sid, "service user"),
                    "is_online": None,
                    "is_notifiable": None,
                }
                yield "Users", service_sid, sid, identity, user

    # ---- messages ----

    def _messages(
        self,
        sid: str,
        service_sid: str,
        topic: Topic,
        values: dict[str, str],
        people: list[Document],
        began_at: datetime,
    ) -> Iterator[Row]:
        """The dialogue, each message with its receipt when it went to a phone."""
        at = began_at
        for index, template in enumerate(topic.dialogue):
            writer, reader = people[index % 2], people[1 - index % 2]
            binding = writer["messaging_binding"]
            message = {
                **self.base(derived_sid("IM", sid, str(index)), at, service_sid),
                "conversation_sid": sid,
                "index": index,
                "author": binding["address"] if binding else writer["identity"],
                "body": _filled(template, values),
                "media": None,
                "attributes": "{}",
                "participant_sid": writer["sid"],
                "delivery": None,
                "content_sid": None,
            }
            if reader["messaging_binding"]:
                receipt = self._receipt(message, reader)
                message["delivery"] = summary([receipt["status"]])
                yield "Receipts", message["sid"], receipt["sid"], None, receipt
            yield "Messages", sid, message["sid"], None, message
            at += timedelta(seconds=self._chance.randint(15, 240))

    def _receipt(self, message: Document, reader: Document) -> Document:
        chance = self._chance.random()
        whatsapp = reader["messaging_binding"]["type"] == "whatsapp"
        status = "undelivered" if chance < 0.02 else "read" if whatsapp and chance > 0.2 else "delivered"
        names = ("account_sid", "conversation_sid", "date_created", "date_updated", "_service_sid")
        return {
            **{name: message[name] for name in names},
            "message_sid": message["sid"],
            "sid": derived_sid("DY", message["sid"]),
            "channel_message_sid": derived_sid("SM", message["sid"]),
            "participant_sid": reader["sid"],
            "status": status,
            "error_code": 30003 if status == "undelivered" else 0,
        }


def _filled(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
