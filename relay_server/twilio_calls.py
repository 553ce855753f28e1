"""Twilio's REST API for calls: placing one. A POST is never repeated, for it might ring twice."""

from __future__ import annotations

import aiohttp
import msgspec
from aiohttp import ClientTimeout, encode_basic_auth

from shared.bodies import BodyTooLarge, read_whole
from shared.config import Settings
from shared.problem import Problem
from shared.telemetry import get_logger

DEADLINE_S = 10.0
ANSWER_BYTES = 256 * 1024
EVENTS = ("initiated", "ringing", "answered", "completed")
log = get_logger("twilio")


class _Placed(msgspec.Struct):
    sid: str


class _Refusal(msgspec.Struct):
    code: int | None = None


async def place(
    http: aiohttp.ClientSession, settings: Settings, to: str, from_: str, query: str, ring_s: int
) -> str:
    """The SID of the call that Twilio has begun to place. Raises Problem."""
    account = settings.twilio
    if account is None:  # load_settings has made sure of it
        raise Problem(503, "No Twilio account is set up.")
    form = [
        ("To", to),
        ("From", from_),
        ("Url", f"{settings.relay_public_url}/voice" + (f"?{query}" if query else "")),
        ("Method", "POST"),
        ("StatusCallback", f"{settings.relay_public_url}/voice/status"),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in EVENTS),
        ("Timeout", str(ring_s)),
    ]
    try:
        async with http.post(
            account.url("api", f"2010-04-01/Accounts/{account.account_sid}/Calls.json"),
            data=form,
            headers={"Authorization": encode_basic_auth(account.account_sid, account.auth_token)},
            timeout=ClientTimeout(total=DEADLINE_S),
            allow_redirects=False,
        ) as response:
            return _read(response, await read_whole(response.content, ANSWER_BYTES))
    except TimeoutError:
        raise Problem(504, "Twilio did not answer in time; the call may ring all the same.", code=50400) from None
    except BodyTooLarge:
        raise Problem(502, "Twilio's answer cannot be read; the call may ring all the same.", code=50200) from None
    except aiohttp.ClientError as error:
        log.warning("Twilio cannot be reached", reason=type(error).__name__)
        raise Problem(503, "Twilio cannot be reached.", code=50300, headers={"Retry-After": "5"}) from error


def _read(response: aiohttp.ClientResponse, body: bytes) -> str:
    if response.status in {200, 201}:
        try:
            return msgspec.json.decode(body, type=_Placed).sid
        except msgspec.MsgspecError as error:
            raise Problem(
                502, "Twilio's answer cannot be read; the call may ring all the same.", code=50200
            ) from error
    code = _code(body)
    log.warning("Twilio refused a call", status=response.status, code=code)
    if response.status == 429:
        wait = response.headers.get("Retry-After", "")
        raise Problem(
            429,
            "Twilio takes no more calls right now.",
            code=code or 20429,
            headers={"Retry-After": wait if wait.isascii() and wait.isdigit() else "5"},
        )
    if response.status in {401, 403} and code != 21215:
        raise Problem(502, "Twilio does not accept this service's credentials.", code=code or 20003)
    if response.status == 403:
        raise Problem(403, "The account may not call this country.", code=21215)
    if 400 <= response.status < 500:
        raise Problem(400, "Twilio does not accept this call; the code says why.", code=code or 40000)
    raise Problem(502, "Twilio failed to place the call.", code=code or 50200)


def _code(body: bytes) -> int | None:
    """Twilio's own error code, None when the body holds none."""
    try:
        return msgspec.json.decode(body, type=_Refusal).code
    except msgspec.MsgspecError:
        return None
