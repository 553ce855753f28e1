"""Segment's unified profiles: who someone is by any of their ids, what is known of them, what they did."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from sandbox.sids import derived_sid
from sandbox.store import Document
from sandbox.world import World

PROFILES, IDS, EVENTS, MESSAGES = "Profiles", "ProfileIds", "ProfileEvents", "TrackedMessages"
MADE_AT = "2026-01-05T09:00:00.000Z"
SOURCE = "sandbox"


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fictional customer: external ids by type, traits, events newest first."""

    ids: dict[str, str]
    traits: dict[str, str | int | float | bool]
    events: list[dict[str, Any]] = []


@cache
def customers() -> list[Customer]:
    """The seeded customers, all fictional."""
    text = resources.files("sandbox").joinpath("customers.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["customers"], list[Customer])


class Profiles:
    """The profiles of one space, kept in the store."""

    def __init__(self, world: World, space_id: str) -> None:
        self._world = world
        self._store = world.store
        self.space_id = space_id

    def make_first(self) -> None:
        """Stores the seeded customers; nothing happens to those that are known."""
        for customer in customers():
            if self.find(customer.ids) is not None:
                continue
            profile = self.identify(customer.ids, customer.traits, MADE_AT, "seed")
            for event in reversed(customer.events):
                message_id = derived_sid("ajs-", profile["sid"], event["event"], event["timestamp"])
                self.add_event(profile, {"type": "track", "properties": {}, **event, "message_id": message_id})

    def find(self, ids: Mapping[str, str]) -> Document | None:
        """The profile that has the first known of these ids."""
        for kind, value in ids.items():
            link = self._store.get(IDS, self.space_id, f"{kind}:{value}")
            if link is not None:
                return self._store.get(PROFILES, self.space_id, link["profile"])
        return None

    def identify(self, ids: Mapping[str, str], traits: Mapping[str, Any], at: str, message_id: str) -> Document:
        """The profile with these ids and traits added: a known one, or a new one."""
        known = self.find(ids)
        profile = known or self._new(ids, at, message_id)
        for name, value in traits.items():
            if value is None:
                profile["traits"].pop(name, None)
            else:
                profile["traits"][name] = {"value": value, "source_id": SOURCE, "updated_at": at}
        for kind, value in ids.items():
            self._link(profile, kind, value, at, message_id)
        profile |= {"updated_at": at, "last_message_id": message_id}
        put = self._store.replace if known else self._store.add
        put(PROFILES, self.space_id, profile["sid"], profile)
        return profile

    def join_group(self, profile: Document, group_id: str, at: str) -> None:
        """Links the profile to an account."""
        if all(link["id"] != group_id for link in profile["groups"]):
            profile["groups"].append({"id": group_id, "created_at": at})
            self._store.replace(PROFILES, self.space_id, profile["sid"], profile)

    def add_event(self, profile: Document, event: Mapping[str, Any]) -> None:
        self._store.add(EVENTS, profile["sid"], event["message_id"], dict(event))

    def is_new(self, message_id: str) -> bool:
        """True the first time that a message id is seen; Segment takes each once."""
        if self._store.get(MESSAGES, self.space_id, message_id) is not None:
            return False
        self._store.add(MESSAGES, self.space_id, message_id, {})
        return True

    def _new(self, ids: Mapping[str, str], at: str, message_id: str) -> Document:
        first = "|".join(f"{kind}:{value}" for kind, value in ids.items())
        return {
            "sid": derived_sid("use_", self.space_id, first),
            "ids": [],
            "traits": {},
            "groups": [],
            "created_at": at,
            "updated_at": at,
            "first_message_id": message_id,
            "last_message_id": message_id,
        }

    def _link(self, profile: Document, kind: str, value: str, at: str, message_id: str) -> None:
        """Gives the profile an id that nobody has; one that another profile has stays there."""
        key = f"{kind}:{value}"
        if self._store.get(IDS, self.space_id, key) is not None:
            return
        self._store.add(IDS, self.space_id, key, {"profile": profile["sid"]})
        profile["ids"].append({"type": kind, "id": value, "created_at": at, "first_message_id": message_id})
