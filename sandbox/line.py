"""The phone company's line to the application: signed requests and handshakes, on this machine only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from yarl import URL

from shared.config import Settings
from shared.origins import is_loopback_host
from shared.signature import sign_form, sign_websocket

TIMEOUT_S = 15.0


class CouldNotConnect(Exception):
    """The call did not come about; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Where the application answers. What is signed is the public address, as Twilio would call it;
    where it is sent is the internal one."""

    account_sid: str
    auth_token: str
    public_origin: str
    internal_origin: str
    voice_path: str = "/voice"
    status_path: str = "/voice/status"

    @property
    def voice_url(self) -> str:
        return self.public_origin + self.voice_path

    @property
    def status_url(self) -> str:
        """The number's status callback."""
        return self.public_origin + self.status_path


def line_settings(settings: Settings) -> LineSettings:
    """The line of an installation. Raises CouldNotConnect when it has no Twilio account."""
    if settings.twilio is None:
        raise CouldNotConnect("There is no Twilio account to call with. Run `make up`, or fill .env.")
    return LineSettings(
        account_sid=settings.twilio.account_sid,
        auth_token=settings.twilio.auth_token,
        public_origin=settings.relay_public_url,
        internal_origin=settings.urls.relay,
    )


class Line:
    """Requests to the application in the name of Twilio."""

    def __init__(self, session: aiohttp.ClientSession, settings: LineSettings) -> None:
        self._session = session
        self.settings = settings

    async def request(self, url: str, fields: Mapping[str, str], method: str = "POST") -> str:
        """The TwiML that the application answers to a signed form. Raises CouldNotConnect."""
        if method.upper() == "GET":
            url, fields = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}", {}
        headers = {"X-Twilio-Signature": sign_form(url, fields, self.settings.auth_token), **self._forwarded()}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        target = self.reached_at(url)
        try:
            async with self._session.request(
                method.upper(),
                target,
                data=fields or None,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CouldNotConnect(_unreachable(url)) from error
        if response.status == 403:
            raise CouldNotConnect(
                f"{url} refused the signature: the call and the relay must use the same TWILIO_AUTH_TOKEN "
                "and the same public address."
            )
        if response.status >= 400:
            raise CouldNotConnect(f"{url} answered {response.status}; the relay's log says why.")
        return text

    async def open_socket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """The relay socket after a signed handshake. Raises CouldNotConnect."""
        signature = sign_websocket(url, self.settings.auth_token)
        headers = {"X-Twilio-Signature": signature, "User-Agent": "Jetty/11.0.24", **self._forwarded()}
        try:
            return await self._session.ws_connect(self.reached_at(url), headers=headers, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as error:
            raise CouldNotConnect(f"{url} refused the handshake with {error.status}.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CouldNotConnect(_unreachable(url)) from error

    def _forwarded(self) -> dict[str, str]:
        """What a tunnel or gateway adds between the public address and the internal one."""
        if self.settings.public_origin == self.settings.internal_origin:
            return {}
        parts = urlsplit(self.settings.public_origin)
        return {"X-Forwarded-Proto": parts.scheme, "X-Forwarded-Host": parts.netloc}

    def absolute(self, url: str) -> str:
        """An address in TwiML, which may be relative to the voice URL."""
        return urljoin(self.settings.voice_url, url)

    def reached_at(self, url: str) -> URL:
        """Where a signed address is reached on this machine. Raises CouldNotConnect for any other."""
        internal = url
        for scheme in ("http", "ws"):
            public = _with_scheme(self.settings.public_origin, scheme)
            if url.startswith(public + "/"):
                internal = _with_scheme(self.settings.internal_origin, scheme) + url.removeprefix(public)
        host = urlsplit(internal).hostname or ""
        internal_host = urlsplit(self.settings.internal_origin).hostname
        if not is_loopback_host(host) and host != internal_host:
            raise CouldNotConnect(f"The simulated phone calls only this machine, not {host}.")
        return URL(internal, encoded=True)


def _unreachable(url: str) -> str:
    origin = url.partition("://")[0] + "://" + urlsplit(url).netloc
    return f"Nothing answers at {origin}. Start it with `make up`, or set RELAY_URL to where the relay listens."


def _with_scheme(origin: str, scheme: str) -> str:
    """The origin as http(s) or ws(s)."""
    _, _, rest = origin.partition("://")
    secure = origin.startswith(("https", "wss"))
    return f"{scheme}{'s' if secure else ''}://{rest}"
