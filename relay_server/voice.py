"""The pages Twilio's voice side asks for: what to do with a call, and what after the relay has ended."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from dialogue.agent import Agent
from relay_server import twiml
from relay_server.outbound import call_parameters
from relay_server.parts import AROUND, LIVE, RECOVERY, TICKETS
from relay_server.room import BUSY, has_room
from relay_server.tickets import PARAMETER
from shared.bodies import BodyTooLarge, read_whole
from shared.problem import Problem
from shared.service import READINESS, SETTINGS
from shared.signature import BadSignature, check_form, relay_url
from shared.telemetry import get_logger

FORM_BYTES = 64 * 1024
FORM_WITHIN_S = 10.0
LONGEST_DURATION = 9
SECOND_TRY = "again"
# The socket is gone while the call goes on: 64105 in live calls, 39001 in Twilio's documentation.
SOCKET_LOST = {"64105", "39001"}
log = get_logger("voice")


class _Handoff(msgspec.Struct, rename="camel"):
    """Our own hand-off data, which Twilio brings back: why the session ended, and the number to go to, if any."""

    reason_code: str = ""
    to: str = ""


async def voice(request: web.Request) -> web.Response:
    """`POST /voice`: connects the caller to the agent, or says that all lines are busy."""
    form = await signed_form(request)
    app, call_sid = request.app, form.get("CallSid", "")
    known = app[RECOVERY].language(call_sid)
    if has_room(app):
        return _twiml(_connect(request, form, known))
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
    if alive and handoff.reason_code == BUSY:
        return _twiml(_refuse(request.app))
    if alive and (lost or handoff.reason_code == "shutdown"):
        return _twiml(_resume(request, form))
    if alive and handoff.reason_code == "live-agent-handoff":
        return _twiml(twiml.hand_off(request.app[AROUND].agent, form["HandoffData"], handoff.to))
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
            check_form(url, values, request.headers.get("X-Twilio-Signature"), settings.twilio.signing_keys.tokens)
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


def _connect(
    request: web.Request, form: dict[str, str], known: str | None, *, action: str = "/voice/ended"
) -> str:
    """The relay for a new call, or with the words for one that was cut and was held in the language `known`."""
    app, call_sid = request.app, form.get("CallSid", "")
    settings, agent = app[SETTINGS], app[AROUND].agent
    outbound = form.get("Direction", "").lower().startswith("outbound")
    given = call_parameters(request.query)
    language = agent.language(known or given.get("language") or _start_language(agent, form, outbound=outbound))
    to = twiml.Connection(
        relay_url=relay_url(settings.relay_public_url),
        action_url=settings.relay_public_url + action,
        language=language,
        resumed=known is not None,
        outbound=outbound,
        intelligence_service=settings.twilio.intelligence_service_sid if settings.twilio else None,
        parameters={**given, "language": language.code, PARAMETER: app[TICKETS].issue(call_sid, time.time())},
    )
    return twiml.connect_call(agent, to)


def _start_language(agent: Agent, form: dict[str, str], *, outbound: bool) -> str:
    """The language that the numbers suggest; on a call that we place the person is at the called number."""
    ours, person = form.get("To", ""), form.get("From", "")
    if outbound:
        ours, person = person, ours
    return agent.telephony.start_language(called=ours, caller=person)


def _resume(request: web.Request, form: dict[str, str]) -> str:
    """The relay again; a call cut too often goes to a person, one that never got through is refused in the end."""
    app, recovery, call_sid = request.app, request.app[RECOVERY], form.get("CallSid", "")
    if recovery.is_open(call_sid) and not recovery.may_resume(call_sid):
        return twiml.hand_off(app[AROUND].agent, '{"reasonCode":"live-agent-handoff","reason":"connection"}')
    if app[READINESS].draining:
        return _come_back(app)
    known = recovery.language(call_sid)
    if known is not None:
        return _connect(request, form, known)
    if SECOND_TRY in request.query:  # without an end to it the caller would hear nothing for ever
        log.warning("call could not be connected", call_sid=call_sid)
        return _refuse(app)
    return _connect(request, form, None, action=f"/voice/ended?{SECOND_TRY}=1")


def _come_back(app: web.Application) -> str:
    return twiml.come_back(f"{app[SETTINGS].relay_public_url}/voice")


def _refuse(app: web.Application) -> str:
    agent = app[AROUND].agent
    return twiml.refuse_call(agent, agent.language(agent.default_language))


def _note_end(app: web.Application, call_sid: str, reason: str, duration_s: str) -> None:
    """Ends a call that its own socket did not end, such as one whose process was killed."""
    if call_sid in app[LIVE]:
        return  # the socket is about to close and knows more
    whole = duration_s.isascii() and duration_s.isdigit() and len(duration_s) < LONGEST_DURATION
    for record in app[RECOVERY].ended(call_sid, reason, float(duration_s) if whole else 0.0):
        app[AROUND].observer.record(record)


def _read_handoff(text: str) -> _Handoff:
    """Our own hand-off data, empty when it is not ours."""
    try:
        return msgspec.json.decode(text, type=_Handoff)
    except (msgspec.MsgspecError, RecursionError):
        return _Handoff()


def _twiml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
