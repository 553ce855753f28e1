"""What happens in Conversations by itself: timers run out, messages arrive."""

from __future__ import annotations

from typing import Any

from sandbox.conversations_events import ConversationEvents
from sandbox.rules_conversations import TIMER_JOB, plan_timer, state_event
from sandbox.rules_messages import RECEIPT_JOB, delivery_event, summary
from sandbox.sids import parse_date
from sandbox.world import World

LATER = {"active": ("inactive", "closed"), "inactive": ("closed",)}


class ConversationJobs:
    """The jobs of Conversations on the agenda."""

    def __init__(self, world: World, events: ConversationEvents) -> None:
        self._world = world
        self._events = events
        world.agenda.on(TIMER_JOB, self.run_out)
        world.agenda.on(RECEIPT_JOB, self.arrive)

    def run_out(self, payload: dict[str, Any]) -> None:
        """Sets the latest state whose timer has run out, and plans the next."""
        store, service_sid = self._world.store, payload["service_sid"]
        conversation = store.get("Conversations", service_sid, payload["sid"])
        if conversation is None:
            return
        now, before = self._world.clock.now(), conversation["state"]
        for state in LATER.get(before, ()):
            at = conversation["timers"].get(f"date_{state}")
            if at is not None and parse_date(at) <= now:
                conversation["state"] = state
                del conversation["timers"][f"date_{state}"]
        if conversation["state"] == "closed":
            conversation["timers"] = {}
        if conversation["state"] != before:
            conversation["date_updated"] = self._world.clock.now_text()
        name = conversation["unique_name"]
        store.replace("Conversations", service_sid, conversation["sid"], conversation, name)
        plan_timer(self._world, conversation)
        if conversation["state"] != before:
            self._events.send(service_sid, [state_event(self._world, conversation, before, "TIMER")])

    def arrive(self, payload: dict[str, Any]) -> None:
        """Gives a receipt its next status, and the message the summary of all."""
        store, message_sid = self._world.store, payload["message_sid"]
        receipt = store.get("Receipts", message_sid, payload["sid"])
        if receipt is None:
            return
        receipt |= {"status": payload["status"], "error_code": payload["error_code"]}
        receipt["date_updated"] = self._world.clock.now_text()
        message = store.get("Messages", receipt["conversation_sid"], message_sid)
        with store.transaction():
            store.replace("Receipts", message_sid, receipt["sid"], receipt)
            if message is not None:
                statuses = [found.body["status"] for found in store.select("Receipts", message_sid)]
                message["delivery"] = summary(statuses)
                store.replace("Messages", receipt["conversation_sid"], message_sid, message)
        self._events.send(receipt["_service_sid"], [delivery_event(receipt)])
