"""What every product of the sandbox's account stands on."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.agenda import Agenda
from sandbox.clock import Clock
from sandbox.deliveries import Deliveries
from sandbox.limits import MutationLimit
from sandbox.store import Store


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
