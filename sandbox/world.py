"""What every product of the sandbox's account stands on."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.agenda import Agenda
from sandbox.clock import Clock
from sandbox.deliveries import Deliveries
from sandbox.limits import MutationLimit
from sandbox.post_office import PostOffice
from sandbox.store import Store
from shared.config import Settings, TwilioAccount

STORE_FILE = "sandbox.sqlite"


@dataclass(frozen=True, slots=True)
class World:
    """One account: its records, its time, what is still to happen, its
    webhooks on their way, and its limit of changes."""

    account_sid: str
    store: Store
    clock: Clock
    agenda: Agenda
    deliveries: Deliveries
    limit: MutationLimit


def make_world(
    settings: Settings, account: TwilioAccount, clock: Clock, office: PostOffice, limit: MutationLimit
) -> World:
    """The account's world over DATA_DIR/sandbox.sqlite; the store is not open yet."""
    store = Store(settings.data_dir / STORE_FILE)
    deliveries = Deliveries(account.auth_token, office=office)
    return World(account.account_sid, store, clock, Agenda(store, clock), deliveries, limit)
