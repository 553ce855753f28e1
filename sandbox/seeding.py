"""An account full of conversations: made from a seed, with dates up to now, written straight into the store.

No webhooks are sent and no limits count: whoever keeps an index finds these conversations by reading the account.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sandbox.clock import Clock
from sandbox.conversations_configuration import ConversationsConfiguration
from sandbox.limits import MutationLimit
from sandbox.post_office import PostOffice
from sandbox.resources import Change
from sandbox.rules_conversations import make_default_roles
from sandbox.seeded_conversation import OURS, ConversationMaker, Plan, Row
from sandbox.sids import derived_sid
from sandbox.world import World, make_world
from shared.config import ConfigError, Settings

__all__ = ["Made", "Plan", "open_account", "seed"]

BATCH = 250
SEEDING_CACHE_MB = 512
SERVICES = ("Shops", "Wholesale")


@dataclass(frozen=True, slots=True)
class Made:
    """How much was made."""

    conversations: int
    messages: int


@contextmanager
def open_account(settings: Settings) -> Iterator[tuple[World, str]]:
    """The account's world with its default service, beside a running sandbox or without one.

    Raises ConfigError without an account.
    """
    if settings.twilio is None:
        raise ConfigError(["the sandbox needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"])
    world = make_world(settings, settings.twilio, Clock(), PostOffice(), MutationLimit())
    world.store.open(cache_mb=SEEDING_CACHE_MB)
    try:
        configuration = ConversationsConfiguration(world, settings.conversations_public_url)
        configuration.make_default_service()
        yield world, configuration.default_service_sid()
    finally:
        world.store.close()


def seed(world: World, default_service_sid: str, plan: Plan, tell: Callable[[int], None] = lambda _: None) -> Made:
    """Fills the account. Adds to what is there; `tell` hears how many conversations are done.

    The same seed into an empty account at the same time makes the same records.
    """
    seeder = _Seeder(world, default_service_sid, plan)
    messages, done = 0, 0
    for rows in seeder.batches():
        with world.store.transaction():
            world.store.add_many(rows)
        messages += sum(kind == "Messages" for kind, *_ in rows)
        done = min(done + BATCH, plan.conversations)
        tell(done)
    return Made(plan.conversations, messages)


class _Seeder:
    """One run: the account's services and addresses, and its conversations."""

    def __init__(self, world: World, default_service_sid: str, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._chance = random.Random(plan.seed)  # noqa: S311  # repeatable, not secret
        self._now = world.clock.now()
        self._default_service_sid = default_service_sid
        self._maker = ConversationMaker(world, plan, self._chance)

    def batches(self) -> Iterator[list[Row]]:
        """Rows in the order of creation; services, users and addresses come with the first conversations."""
        services = self._services()
        rows: list[Row] = list(self._addresses())
        for number in range(self._plan.conversations):
            rows += self._maker.make(self._chance.choice(services), number)
            if (number + 1) % BATCH == 0:
                yield rows
                rows = []
        if rows:
            yield rows

    # ---- what the account has ----

    def _services(self) -> list[str]:
        """The default service twice as often as each of the others."""
        sids = [self._default_service_sid, self._default_service_sid]
        for name in SERVICES:
            sid = derived_sid("IS", self._world.account_sid, name)
            if self._world.store.get("Services", self._world.account_sid, sid) is None:
                self._add_service(sid, name)
            sids.append(sid)
        return sids

    def _add_service(self, sid: str, name: str) -> None:
        service = {**self._maker.base(sid, self._now - timedelta(days=self._plan.days)), "friendly_name": name}
        change = Change(self._world, sid, self._world.account_sid, None, service, None, {})
        with self._world.store.transaction():
            self._world.store.add("Services", self._world.account_sid, sid, service)
            make_default_roles(change)

    def _addresses(self) -> Iterator[Row]:
        for kind, address in OURS.items():
            sid = derived_sid("IG", self._world.account_sid, address)
            if self._world.store.get("Configuration/Addresses", self._world.account_sid, address) is None:
                creation = {
                    "enabled": True,
                    "type": "default",
                    "conversation_service_sid": self._default_service_sid,
                }
                document = {
                    **self._maker.base(sid, self._now),
                    "type": kind,
                    "address": address,
                    "friendly_name": f"Our number for {kind}",
                    "address_country": None,
                    "auto_creation": creation,
                }
                yield "Configuration/Addresses", self._world.account_sid, sid, address, document
