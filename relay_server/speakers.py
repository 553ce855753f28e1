"""Who is speaking, by Twilio's speaker events, and for how long each has spoken."""

from __future__ import annotations

from dataclasses import dataclass, field

# An "off" can get lost. A caller's speech brings a transcript long before this.
CALLER_BELIEVED_S = 30.0


@dataclass(slots=True)
class Speakers:
    """The two sides of one call; times are seconds on the session's clock. `known` once an event has come."""

    known: bool = False
    agent_since_s: float | None = None
    caller_since_s: float | None = None
    quiet_since_s: float = 0.0
    _counted_to_s: float | None = None
    _spent_s: dict[str, float] = field(default_factory=dict)

    def turn(self, name: str, value: object, now_s: float) -> None:
        """An event: `agentSpeaking` or `clientSpeaking` is `on` or `off`; others change nothing."""
        if name not in {"agentSpeaking", "clientSpeaking"} or value not in ("on", "off"):  # it may be anything
            return
        self._count(now_s)
        self.known = True
        since_s = now_s if value == "on" else None
        if name == "agentSpeaking":
            self.agent_since_s = since_s
        else:
            self.caller_since_s = since_s
        if value == "off":
            self.quiet_since_s = now_s

    def caller_speaks(self, now_s: float) -> bool:
        return self.caller_since_s is not None and now_s - self.caller_since_s < CALLER_BELIEVED_S

    def take(self, now_s: float) -> dict[str, float]:
        """Milliseconds that each spoke, and nobody, since the last time; empty without events."""
        if not self.known:
            return {}
        self._count(now_s)
        spent, self._spent_s = self._spent_s, {}
        return {f"{who}_ms": round(spent.get(who, 0.0) * 1000, 1) for who in ("agent", "caller", "silence")}

    def _count(self, now_s: float) -> None:
        since_s, self._counted_to_s = self._counted_to_s, now_s
        if since_s is None or now_s <= since_s:
            return
        speaking = [
            who for who, on in (("agent", self.agent_since_s), ("caller", self.caller_since_s)) if on is not None
        ]
        for who in speaking or ["silence"]:
            self._spent_s[who] = self._spent_s.get(who, 0.0) + now_s - since_s
