"""Configuration of every service, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.environment import ConfigError, EnvironmentReader, read_environment
from shared.origins import is_loopback_host, is_public, parse_origin, url_host
from shared.relay_environment import conversation_overrides, tool_environment
from shared.secrets_file import load_or_create_secrets
from shared.signature import SigningKeys

__all__ = [
    "DEMO_ACCOUNT_PREFIX",
    "ConfigError",
    "OpenAISettings",
    "Ports",
    "SegmentSettings",
    "ServiceUrls",
    "Settings",
    "TwilioAccount",
    "load_settings",
    "read_environment",
]

DEMO_ACCOUNT_PREFIX = "ACdec0de"
DEMO_HINT = (
    "Fill the names in `.env` (see .env.example), or run `make up` without any of them: it starts a demo "
    "account on this machine."
)
DEFAULT_MAX_CALLS = 400
DEFAULT_MODEL = "gpt-5-mini"
DEFAULT_SEGMENT_URL = "https://profiles.segment.com/v1"
TRACKING_URL = "https://api.segment.io/v1"
EU_TRACKING_URL = "https://eu1.api.segmentapis.com/v1"
SERVICES = {
    "relay_server": "relay",
    "conversations_api": "conversations",
    "intelligence_webhooks": "intelligence",
    "signal_analytics": "analytics",
    "sandbox": "sandbox",
}
NEEDS_TWILIO = {"relay_server", "conversations_api", "intelligence_webhooks", "sandbox"}
NEEDS_OPENAI = {"relay_server", "sandbox"}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each service listens (TCP port numbers)."""

    relay: int = 8080
    conversations: int = 3001
    intelligence: int = 4000
    analytics: int = 8090
    sandbox: int = 9000


@dataclass(frozen=True, slots=True)
class ServiceUrls:
    """Where the services find each other (origins without trailing slash)."""

    relay: str
    conversations: str
    intelligence: str
    analytics: str
    sandbox: str


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """A Twilio account and where its API is found."""

    account_sid: str
    auth_token: str = field(repr=False)
    base_url: str | None = None
    phone_number: str | None = None
    intelligence_service_sid: str | None = None
    previous_token: str | None = field(default=None, repr=False)
    shared_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def signing_keys(self) -> SigningKeys:
        """What webhooks may be signed with: the token, the one before it while it is rotated, shared keys."""
        return SigningKeys(tuple(filter(None, (self.auth_token, self.previous_token))), self.shared_keys)

    @property
    def is_demo(self) -> bool:
        return self.account_sid.startswith(DEMO_ACCOUNT_PREFIX)

    def url(self, product: str, path: str) -> str:
        """The address of a product's path: `https://PRODUCT.twilio.com/PATH`, or under TWILIO_BASE_URL."""
        base = f"https://{product}.twilio.com" if self.base_url is None else f"{self.base_url}/{product}"
        return f"{base}/{path.lstrip('/')}"

    def rewrite(self, url: str) -> str:
        """An absolute `https://PRODUCT[.EDGE].twilio.com/…` address as this account reaches it.

        Other addresses come back as they are. Source: architecture, TWILIO_BASE_URL.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if self.base_url is None or not host.endswith(".twilio.com"):
            return url
        query = f"?{parts.query}" if parts.query else ""
        return f"{self.base_url}/{host.split('.')[0]}{parts.path}{query}"


@dataclass(frozen=True, slots=True)
class OpenAISettings:
    """An OpenAI-compatible endpoint; `base_url` None is the SDK's own."""

    api_key: str = field(repr=False)
    base_url: str | None = None
    model: str = DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class SegmentSettings:
    """A Segment Unify space; `base_url` includes its `/v1`."""

    space_id: str
    access_secret: str = field(repr=False)
    phone_key: str = "phone"
    write_key: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_SEGMENT_URL

    @property
    def tracking_url(self) -> str:
        """Where events are sent: Segment's tracking API of the same region, or the same base when it is another's.

        Source: Segment, HTTP tracking API and regional endpoints.
        """
        host = urlsplit(self.base_url).hostname or ""
        if not host.endswith(".segment.com"):
            return self.base_url
        return EU_TRACKING_URL if ".euw1." in host else TRACKING_URL


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a service is told from outside. Secrets are left out of its repr."""

    service: str
    host: str
    port: int
    ports: Ports
    urls: ServiceUrls
    public_url: str
    relay_public_url: str
    conversations_public_url: str
    intelligence_public_url: str
    data_dir: Path
    debug: bool
    demo_week: bool
    validate_signatures: bool
    web_origins: tuple[str, ...]
    twilio: TwilioAccount | None
    openai: OpenAISettings | None
    segment: SegmentSettings | None
    agent_file: Path | None
    rules_file: Path | None
    retention_days: int | None
    max_calls: int
    conversation: Mapping[str, Any]
    tool_environ: Mapping[str, str] = field(repr=False)
    operator_token: str = field(repr=False)
    session_secret: str = field(repr=False)


def load_settings(service: str, environ: Mapping[str, str]) -> Settings:
    """The settings of `service` (a package name, or `crosschannel`) from an environment mapping.

    Makes DATA_DIR and its secrets file when they are missing. Raises ConfigError naming every fault at once;
    nothing has been written then.
    """
    reader = EnvironmentReader({name: value for name, value in environ.items() if value})
    host = reader.text("HOST", "127.0.0.1") or ""
    ports = _ports(reader)
    own = {name: f"http://{url_host(host)}:{getattr(ports, name)}" for name in SERVICES.values()}
    publics = _public_urls(reader, own)
    twilio = _twilio(reader, required=service in NEEDS_TWILIO)
    openai = _openai(reader, required=service in NEEDS_OPENAI)
    segment = _segment(reader)
    validate = reader.flag("TWILIO_VALIDATE_SIGNATURES", True)
    reader.faults += _exposure_faults(host, publics, twilio, validate)
    debug = reader.flag("DEBUG_MODE", False)
    web_origins = _web_origins(reader, ports)
    urls = ServiceUrls(**{name: reader.address(f"{name.upper()}_URL") or own[name] for name in own})
    data_dir = Path(reader.text("DATA_DIR", "./data") or "")
    agent_file, rules_file = reader.text("AGENT_FILE"), reader.text("INTELLIGENCE_RULES_FILE")
    retention_days = reader.count("RETENTION_DAYS", 1) if reader.text("RETENTION_DAYS") else None
    max_calls = reader.count("RELAY_MAX_CALLS", DEFAULT_MAX_CALLS)
    conversation = conversation_overrides(reader)
    operator_token, session_secret = reader.secret("OPERATOR_TOKEN"), reader.secret("SESSION_SECRET")
    if reader.faults:
        raise ConfigError(reader.faults, DEMO_HINT)
    secrets = load_or_create_secrets(data_dir, demo=False)
    station = SERVICES.get(service, "sandbox")
    return Settings(
        service=service,
        host=host,
        port=getattr(ports, station),
        ports=ports,
        urls=urls,
        public_url=publics.get(station, own[station]),
        relay_public_url=publics["relay"],
        conversations_public_url=publics["conversations"],
        intelligence_public_url=publics["intelligence"],
        data_dir=data_dir,
        debug=debug,
        demo_week=reader.flag("DEMO_WEEK", True),
        validate_signatures=validate,
        web_origins=web_origins,
        twilio=twilio,
        openai=openai,
        segment=segment,
        agent_file=Path(agent_file) if agent_file else None,
        rules_file=Path(rules_file) if rules_file else None,
        retention_days=retention_days,
        max_calls=max_calls,
        conversation=conversation,
        tool_environ=tool_environment(environ),
        operator_token=operator_token or secrets["OPERATOR_TOKEN"],
        session_secret=session_secret or secrets["SESSION_SECRET"],
    )


def _ports(reader: EnvironmentReader) -> Ports:
    default = Ports()
    ports = {name: reader.port(f"{name.upper()}_PORT", getattr(default, name)) for name in SERVICES.values()}
    if len(set(ports.values())) < len(ports):
        reader.faults.append("two services have the same port: " + ", ".join(f"{k} {v}" for k, v in ports.items()))
    return Ports(**ports)


def _public_urls(reader: EnvironmentReader, own: Mapping[str, str]) -> dict[str, str]:
    """The origins Twilio calls: per service, else PUBLIC_URL, else https:// and NGROK_DOMAIN, else our own."""
    ngrok = reader.text("NGROK_DOMAIN")
    common = reader.origin("PUBLIC_URL")
    if common is None and ngrok is not None:
        try:
            common = parse_origin("https://" + ngrok.removeprefix("https://"))
        except ValueError as error:
            reader.faults.append(f"NGROK_DOMAIN {error}")
    names = ("relay", "conversations", "intelligence")
    return {name: reader.origin(f"{name.upper()}_PUBLIC_URL") or common or own[name] for name in names}


def _exposure_faults(
    host: str, publics: Mapping[str, str], twilio: TwilioAccount | None, validate: bool
) -> list[str]:
    """Faults of settings that are safe on this machine and dangerous when strangers can reach it."""
    exposed = sorted({url for url in publics.values() if is_public(url)})
    faults = []
    if exposed and twilio is not None and twilio.is_demo:
        faults.append(f"the demo account must not be reachable from outside, but {exposed[0]} is a public URL")
    if not validate and (exposed or not is_loopback_host(host)):
        faults.append(
            "TWILIO_VALIDATE_SIGNATURES may be false only when HOST is loopback and no public URL is set"
        )
    return faults


def _twilio(reader: EnvironmentReader, *, required: bool) -> TwilioAccount | None:
    base_url = reader.address("TWILIO_BASE_URL")
    phone_number = reader.text("TWILIO_PHONE_NUMBER")
    intelligence = reader.text("TWILIO_INTELLIGENCE_SERVICE_SID")
    given = any(reader.text(name) for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"))
    if not (given or required):
        return None
    return TwilioAccount(
        account_sid=reader.sid("TWILIO_ACCOUNT_SID", "AC"),
        auth_token=reader.required("TWILIO_AUTH_TOKEN"),
        base_url=base_url,
        phone_number=phone_number,
        intelligence_service_sid=intelligence,
        previous_token=reader.secret("TWILIO_AUTH_TOKEN_PREVIOUS"),
        shared_keys=_shared_keys(reader),
    )


def _shared_keys(reader: EnvironmentReader) -> dict[str, str]:
    """Twilio's shared keys for webhooks, written `id=secret,id=secret`."""
    text = reader.text("TWILIO_WEBHOOK_KEYS")
    pairs = [part.strip().partition("=") for part in (text or "").split(",") if part.strip()]
    if not all(name and secret for name, _, secret in pairs):
        reader.faults.append("TWILIO_WEBHOOK_KEYS must be id=secret, several separated by commas")
    return {name: secret for name, _, secret in pairs}


def _openai(reader: EnvironmentReader, *, required: bool) -> OpenAISettings | None:
    base_url = reader.address("OPENAI_BASE_URL")
    model = reader.text("OPENAI_MODEL", DEFAULT_MODEL) or DEFAULT_MODEL
    if not (required or reader.text("OPENAI_API_KEY")):
        return None
    return OpenAISettings(reader.required("OPENAI_API_KEY"), base_url, model)


def _segment(reader: EnvironmentReader) -> SegmentSettings | None:
    phone_key = reader.text("SEGMENT_PHONE_KEY", "phone") or "phone"
    write_key = reader.text("SEGMENT_WRITE_KEY")
    base_url = reader.address("SEGMENT_BASE_URL") or DEFAULT_SEGMENT_URL
    names = ("SEGMENT_SPACE_ID", "SEGMENT_ACCESS_SECRET")
    if not any(reader.text(name) for name in names):
        return None
    space_id, secret = (reader.required(name) for name in names)
    return SegmentSettings(space_id, secret, phone_key, write_key, base_url)


def _web_origins(reader: EnvironmentReader, ports: Ports) -> tuple[str, ...]:
    text = reader.text("WEB_ORIGINS")
    if text is None:
        return tuple(f"http://{h}:{p}" for h in ("127.0.0.1", "localhost") for p in (3000, ports.conversations))
    origins = []
    for part in text.split(","):
        try:
            origins.append(parse_origin(part))
        except ValueError as error:
            reader.faults.append(f"WEB_ORIGINS: {part.strip()!r} {error}")
    return tuple(origins)
