"""Whether the accounts answer, and whether they know the credentials."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from shared.checks import Finding, fault, note, ok
from shared.config import OpenAISettings, SegmentSettings, Settings, TwilioAccount
from shared.origins import is_loopback_host, is_public

TIMEOUT_S = 4.0
OPENAI_URL = "https://api.openai.com/v1"


def account_findings(settings: Settings) -> Iterator[Finding]:
    """One finding per account. A demo whose sandbox is not running yet is in order: `up` starts it."""
    if settings.twilio is None or settings.openai is None:
        return
    if settings.twilio.is_demo and isinstance(_status(settings.urls.sandbox + "/healthz", {}), str):
        yield note(
            f"sandbox: not running at {settings.urls.sandbox}", "`make up` starts it together with the rest"
        )
        return
    yield _twilio(settings.twilio)
    yield _openai(settings.openai)
    if settings.segment is not None:
        yield _segment(settings.segment)
    if is_public(settings.relay_public_url):
        yield _public(settings.relay_public_url)


def _twilio(account: TwilioAccount) -> Finding:
    url = account.url("api", f"/2010-04-01/Accounts/{account.account_sid}.json")
    found = _status(url, basic(account.account_sid, account.auth_token))
    advice = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN against the Twilio console"
    return _judge("twilio", urlsplit(url).netloc, found, advice)


def _openai(openai: OpenAISettings) -> Finding:
    url = f"{openai.base_url or OPENAI_URL}/models"
    found = _status(url, {"Authorization": f"Bearer {openai.api_key}"})
    return _judge("openai", urlsplit(url).netloc, found, "check OPENAI_API_KEY (and OPENAI_BASE_URL)")


def _segment(segment: SegmentSettings) -> Finding:
    # A profile that does not exist answers 404 with the right secret, 401 or 403 with a wrong one.
    path = f"/spaces/{segment.space_id}/collections/users/profiles/user_id:crosschannel-doctor/traits"
    found = _status(segment.base_url + path, basic(segment.access_secret, ""))
    if found in (200, 404):
        return ok(f"segment: {urlsplit(segment.base_url).netloc} knows the access secret")
    what = found if isinstance(found, str) else f"HTTP {found}"
    return note(f"segment: {what}", "calls work without it; check SEGMENT_SPACE_ID and SEGMENT_ACCESS_SECRET")


def _public(origin: str) -> Finding:
    """An unsigned call to /voice must arrive and be refused."""
    found = _status(f"{origin}/voice", {}, method="POST")
    if found in (401, 403):
        return ok(f"public: {origin}/voice answers and refuses what is not signed")
    what = found if isinstance(found, str) else f"HTTP {found} instead of a refusal"
    return note(f"public: {origin}/voice: {what}", "while `make up` runs, the gateway must forward /voice to it")


def _judge(name: str, address: str, found: int | str, advice: str) -> Finding:
    if isinstance(found, str):
        return fault(f"{name}: {address} cannot be reached ({found})", "check the network, proxy and base URL")
    if found < 400:
        return ok(f"{name}: {address} knows the credentials")
    if found in (401, 403):
        return fault(f"{name}: {address} refuses the credentials (HTTP {found})", advice)
    return fault(f"{name}: {address} answers HTTP {found}", "check the base URL; if it is right, try again later")


def _status(url: str, headers: dict[str, str], method: str = "GET") -> int | str:
    """The HTTP status; a sentence instead when there was no answer in time."""
    # A proxy of the environment must not be asked for addresses of this machine.
    local = is_loopback_host(urlsplit(url).hostname or "")
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    try:
        request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - http(s), by config
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
