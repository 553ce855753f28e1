"""The services of the platform, as the command line speaks of them."""

from __future__ import annotations

from dataclasses import dataclass

from colorama import Fore

from shared.config import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """One process: `name` is its package, `station` its name in ports and addresses."""

    name: str
    station: str
    purpose: str
    colour: str

    @property
    def port_name(self) -> str:
        """The environment name of its port, such as RELAY_PORT."""
        return f"{self.station.upper()}_PORT"

    def port(self, settings: Settings) -> int:
        return int(getattr(settings.ports, self.station))


RELAY = Service("relay_server", "relay", "phone calls; live transcripts at /dashboard", Fore.GREEN)
CONVERSATIONS = Service("conversations_api", "conversations", "the console and the REST API", Fore.CYAN)
INTELLIGENCE = Service("intelligence_webhooks", "intelligence", "reports on finished calls", Fore.MAGENTA)
ANALYTICS = Service("signal_analytics", "analytics", "CSAT, CES, sentiment and legal risk", Fore.YELLOW)
SANDBOX = Service("sandbox", "sandbox", "Twilio, OpenAI and Segment on this machine", Fore.BLUE)

PLATFORM = (RELAY, CONVERSATIONS, INTELLIGENCE, ANALYTICS)
ALL = (*PLATFORM, SANDBOX)
BY_NAME = {service.name: service for service in ALL}
