"""Twilio's request signatures: making and checking them, as pure functions.

Form: base64(HMAC-SHA1(token, URL + sorted key and value pairs)). JSON: the URL carries `bodySHA256` of the raw
body and is signed without parameters. ConversationRelay handshake: the URL exactly as TwiML has it, no parameters.
Sources: Twilio "Security: validating requests", the twilio package's RequestValidator, recorded live calls.
Every check fails closed: whatever cannot be verified raises BadSignature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from urllib.parse import parse_qs, urlsplit

from twilio.request_validator import HMAC_SHA1, HMAC_SHA256, RequestValidator

from shared.origins import websocket_origin

ENCODED = re.compile(r"[^\w.:/?&=-]", re.ASCII)
DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
FormValues = Mapping[str, str | Sequence[str]]
Tokens = Iterable[str]


SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What Twilio may have signed with: auth tokens (old and new, while one is rotated) and shared keys by id."""

    tokens: tuple[str, ...]
    shared: Mapping[str, str] = field(default_factory=dict, repr=False)

    def chosen(self, settings_header: str | None) -> tuple[tuple[str, ...], str]:
        """The secrets to try and the algorithm, by the header that names a shared key; without it the tokens.

        Raises BadSignature for a key that is not ours, and for an algorithm that is not HMAC_SHA256: a header
        nobody signed must not talk us into a weaker check.
        """
        if not settings_header:
            return self.tokens, HMAC_SHA1
        named = dict(part.strip().partition("=")[::2] for part in settings_header.split(","))
        secret = self.shared.get(named.get("key", ""))
        if secret is None or named.get("algorithm") != HMAC_SHA256:
            raise BadSignature
        return (secret,), HMAC_SHA256


class BadSignature(Exception):
    """The request does not carry a valid signature of ours; it must be refused without saying why."""


def sign_form(url: str, params: FormValues, token: str, algorithm: str = HMAC_SHA1) -> str:
    """The `X-Twilio-Signature` of a form request; a repeated name has a sequence of values."""
    return str(RequestValidator(token).compute_signature(url, _Form(params), algorithm))


def sign_json(url: str, body: bytes, token: str, algorithm: str = HMAC_SHA1) -> tuple[str, str]:
    """The URL with `bodySHA256` added and its signature."""
    joint = "&" if "?" in url else "?"
    signed_url = f"{url}{joint}bodySHA256={hashlib.sha256(body).hexdigest()}"
    return signed_url, sign_form(signed_url, {}, token, algorithm)


def sign_websocket(url: str, token: str) -> str:
    """The signature of a ConversationRelay handshake to `url` (ws or wss, as written in TwiML)."""
    return sign_form(url, {}, token)


def check_form(
    url: str, params: FormValues, header: str | None, tokens: Tokens, algorithm: str = HMAC_SHA1
) -> None:
    """Passes when one of `tokens` signed exactly this URL and these values (blank ones included).

    Raises BadSignature otherwise.
    """
    _check_any([url], params, header, tokens, algorithm)


def check_json(url: str, body: bytes, header: str | None, tokens: Tokens, algorithm: str = HMAC_SHA1) -> None:
    """Passes when one of `tokens` signed this URL and its `bodySHA256` is that of the raw body.

    The hash is compared here and not by the SDK, which skips it for anything but a str body and raises
    TypeError when the URL has none. Raises BadSignature.
    """
    claimed = _parameter(url, "bodySHA256")
    actual = hashlib.sha256(body).hexdigest()
    if len(claimed) != 1 or not claimed[0].isascii() or not hmac.compare_digest(claimed[0].lower(), actual):
        raise BadSignature
    _check_any([url], {}, header, tokens, algorithm)


def check_websocket(url: str, header: str | None, tokens: Tokens) -> None:
    """Passes when one of `tokens` signed the handshake URL, with or without the scheme's default port.

    Twilio signs the address as TwiML has it; a gateway may add or drop the port. Raises BadSignature.
    """
    _check_any(_spellings(url), {}, header, tokens)


def relay_url(public_url: str, path: str = "/websocket") -> str:
    """The ConversationRelay address on a service's public origin: no query string, which Twilio may drop."""
    return websocket_origin(public_url) + path


class _Form(dict[str, list[str]]):
    """Form values as the SDK reads repeated ones: it fails on plain lists."""

    def __init__(self, params: FormValues) -> None:
        super().__init__()
        for name, value in params.items():
            self.setdefault(name, []).extend([value] if isinstance(value, str) else value)

    def getall(self, name: str) -> list[str]:
        return self[name]


def _parameter(url: str, name: str) -> list[str]:
    query = url.partition("?")[2]
    if not ENCODED.search(url):  # nothing to decode
        return [
            value for key, _, value in (pair.partition("=") for pair in query.split("&")) if key == name and value
        ]
    try:
        return parse_qs(urlsplit(url).query).get(name, [])
    except ValueError:  # no URL at all
        return []


def _spellings(url: str) -> list[str]:
    """The URL, and the same with the scheme's default port dropped or added."""
    try:
        parts = urlsplit(url)
        given, default = parts.port, DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # an impossible port: no request of Twilio's
        return []
    if given is None:
        return [url, parts._replace(netloc=f"{parts.netloc}:{default}").geturl()]
    if given == default:
        return [url, parts._replace(netloc=parts.netloc.removesuffix(f":{default}")).geturl()]
    return [url]


def _of_url(url: str, token: str, algorithm: str) -> str:
    """The signature of an address alone. The SDK tries more spellings of it, and takes ten times as long."""
    # A copy of a keyed hash and not hmac.digest, which lets go of the interpreter's lock and waits to get it back.
    mac = _keyed(token, algorithm).copy()
    mac.update(url.encode("utf-8", "replace"))
    return base64.b64encode(mac.digest()).decode()


@lru_cache(16)
def _keyed(token: str, algorithm: str) -> hmac.HMAC:
    return hmac.new(token.encode(), digestmod="sha256" if algorithm == HMAC_SHA256 else "sha1")


def _check_any(
    urls: Iterable[str], params: FormValues, header: str | None, tokens: Tokens, algorithm: str = HMAC_SHA1
) -> None:
    if not header or not header.isascii():
        raise BadSignature
    for url, token in product(urls, filter(None, tokens)):
        if not params and hmac.compare_digest(_of_url(url, token, algorithm), header):
            return
        try:
            if RequestValidator(token).validate(url, _Form(params), header, algorithm):
                return
        except (TypeError, ValueError):  # lone surrogates and impossible ports; UnicodeError is a ValueError
            continue
    raise BadSignature
