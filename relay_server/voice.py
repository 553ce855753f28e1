"""The pages Twilio's voice side asks for: what to do with a call, and what after the relay has ended."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from relay_server import twiml
from relay_server.parts import AROUND, BOOK, LIVE, RECOVERY
from shared.bodies import BodyTooLarge, read_whole
from shared.problem import Problem
from shared.service import READINESS, SETTINGS
from shared.signature import BadSignature, check_form, relay_url
from shared.telemetry import get_logger

MAX_LIVE_CALLS = 400
FORM_BYTES = 64 * 1024
FORM_WITHIN_S = 10.0
LONGEST_DURATION = 9
SECOND_TRY = "again"
# The socket is gone while the call goes on: 64105 in live calls, 39001 in Twilio's documentation.
SOCKET_LOST = {"64105", "39001"}
log = get_logger("voice")


class _Handoff(msgspec.Struct, rename="camel"):
    reason_code: str = ""


async def voice(request: web.Request) -> web.Response:
    """`POST /voice`: connects the caller to the agent, or says that all lines are busy."""
    form = await signed_form(request)
    app, call_sid = request.app, form.get("CallSid", "")
    known = app[RECOVERY].language(call_sid)
    if _has_room(app):
        return _twiml(_connect(app, known))
    if known is not None and app[READINESS].draining:
        return _twiml(_come_back(app))
    log.warning("call refused", call_sid=call_sid)
    return _twiml(_refuse(app))


async def ended(request: web.Request) -> web.Response:
    """`POST /voice/ended`, the Connect action: resumes a call whose socket was lost, hands off, or hangs up."""
    form = await signed_form(request)
    call_sid = form.get("CallSid", "")
    handoff = _read_handoff(form.get("HandoffData", ""))
    lost = form.get("ErrorCode") in SOCKET_LOST or form.get("SessionStatus") == "failed"
    alive = form.get("CallStatus", "") == "in-progress"
    log.info("session ended", call_sid=call_sid, status=form.get("SessionStatus"), error=form.get("ErrorCode"))
    if alive and (lost or handoff == "shutdown"):
        return _twiml(_resume(request, call_sid))
    if alive and handoff == "live-agent-handoff":
        return _twiml(twiml.hand_off(request.app[AROUND].agent, form["HandoffData"]))
    _note_end(request.app, call_sid, "failed" if lost else "completed", form.get("SessionDuration", ""))
    return _twiml(twiml.hang_up())


async def status(request: web.Request) -> web.Response:
    """`POST /voice/status`: a call's final status ends what its socket left open."""
    form = await signed_form(request)
    if form.get("CallStatus") in {"completed", "failed", "busy", "no-answer", "canceled"}:
        _note_end(request.app, form.get("CallSid", ""), "completed", form.get("CallDuration", ""))
    return web.Response(status=204)


async def signed_form(request: web.Request) -> dict[str, str]:
    """The form that Twilio posted, of a repeated name the last value.

    Raises Problem 403 unless it is signed for this service's public URL, 400 for what is no form, 408 or 413.
    """
    settings = request.app[SETTINGS]
    values = await _read_form(request)
    if settings.validate_signatures and settings.twilio is not None:
        url = settings.relay_public_url + request.raw_path
        try:
            check_form(url, values, request.headers.get("X-Twilio-Signature"), [settings.twilio.auth_token])
        except BadSignature:
            log.warning("signature refused", path=request.path)
            raise Problem(403, "The request is not signed as it should be.") from None
    return {name: found[-1] for name, found in values.items()}


async def _read_form(request: web.Request) -> dict[str, list[str]]:
    try:
        async with asyncio.timeout(FORM_WITHIN_S):
            body = await read_whole(request.content, FORM_BYTES)
        return parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    except BodyTooLarge:
        raise Problem(413, "The body is too large.") from None
    except TimeoutError:
        raise Problem(408, "The body did not arrive in time.") from None
    except ValueError as error:  # bytes that are not UTF-8 are a ValueError too
        raise Problem(400, "The body is not a form.") from error


def _connect(app: web.Application, known: str | None, *, action: str = "/voice/ended") -> str:
    """The relay for a new call, or with the words for one that was cut and was held in the language `known`."""
    settings, agent = app[SETTINGS], app[AROUND].agent
    return twiml.connect_call(
        agent,
        relay_url(settings.relay_public_url),
        settings.relay_public_url + action,
        settings.twilio.intelligence_service_sid if settings.twilio else None,
        language=agent.language(known) if known is not None else None,
        resumed=known is not None,
    )


def _resume(request: web.Request, call_sid: str) -> str:
    """The relay again; a call cut too often goes to a person, one that never got through is refused in the end."""
    app, recovery = request.app, request.app[RECOVERY]
    if recovery.is_open(call_sid) and not recovery.may_resume(call_sid):
        return twiml.hand_off(app[AROUND].agent, '{"reasonCode":"live-agent-handoff","reason":"connection"}')
    if app[READINESS].draining:
        return _come_back(app)
    known = recovery.language(call_sid)
    if known is not None:
        return _connect(app, known)
    if SECOND_TRY in request.query:  # without an end to it the caller would hear nothing for ever
        log.warning("call could not be connected", call_sid=call_sid)
        return _refuse(app)
    return _connect(app, None, action=f"/voice/ended?{SECOND_TRY}=1")


def _come_back(app: web.Application) -> str:
    return twiml.come_back(f"{app[SETTINGS].relay_public_url}/voice")


def _refuse(app: web.Application) -> str:
    agent = app[AROUND].agent
    return twiml.refuse_call(agent.language(agent.default_language))


def _note_end(app: web.Application, call_sid: str, reason: str, duration_s: str) -> None:
    """Ends a call that its own socket did not end, such as one whose process was killed."""
    if call_sid in app[LIVE]:
        return  # the socket is about to close and knows more
    whole = duration_s.isascii() and duration_s.isdigit() and len(duration_s) < LONGEST_DURATION
    for record in app[RECOVERY].ended(call_sid, reason, float(duration_s) if whole else 0.0):
        app[AROUND].observer.record(record)


def _has_room(app: web.Application) -> bool:
    """True while the service is ready: not stopping, its journals written, and not all lines taken."""
    return not app[READINESS].reasons() and app[BOOK].live_count() < MAX_LIVE_CALLS


def _read_handoff(text: str) -> str:
    """The reason code of our own hand-off data, "" when it is not ours."""
    try:
        return msgspec.json.decode(text, type=_Handoff).reason_code
    except (msgspec.MsgspecError, RecursionError):
        return ""


def _twiml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
