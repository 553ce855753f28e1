"""The pages Twilio's voice side asks for: what to do with a call, and what after the relay has ended."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from relay_server import twiml
from relay_server.parts import AROUND, BOOK, JOURNAL, LIVE, RECOVERY
from shared.problem import Problem
from shared.service import READINESS, SETTINGS
from shared.signature import BadSignature, check_form, relay_url
from shared.telemetry import get_logger

MAX_LIVE_CALLS = 400
FORM_BYTES = 64 * 1024
# The socket is gone while the call goes on: 64105 in live calls, 39001 in Twilio's documentation.
SOCKET_LOST = {"64105", "39001"}
log = get_logger("voice")


class _Handoff(msgspec.Struct, rename="camel"):
    reason_code: str = ""


async def voice(request: web.Request) -> web.Response:
    """`POST /voice`: connects the caller to the agent, or says that all lines are busy."""
    form = await signed_form(request)
    agent = request.app[AROUND].agent
    if not _has_room(request.app):
        log.warning("call refused", call_sid=form.get("CallSid", ""))
        return _twiml(twiml.refuse_call(agent.language(agent.default_language)))
    return _twiml(_connect(request.app))


async def ended(request: web.Request) -> web.Response:
    """`POST /voice/ended`, the Connect action: resumes a call whose socket was lost, hands off, or hangs up."""
    form = await signed_form(request)
    call_sid = form.get("CallSid", "")
    handoff = _read_handoff(form.get("HandoffData", ""))
    lost = form.get("ErrorCode") in SOCKET_LOST or form.get("SessionStatus") == "failed"
    alive = form.get("CallStatus", "") == "in-progress"
    log.info("session ended", call_sid=call_sid, status=form.get("SessionStatus"), error=form.get("ErrorCode"))
    if alive and (lost or handoff == "shutdown"):
        return _twiml(_resume(request.app, call_sid))
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
    """The form that Twilio posted. Raises Problem 403 unless it is signed for this service's public URL."""
    settings = request.app[SETTINGS]
    body = await request.content.read(FORM_BYTES + 1)
    if len(body) > FORM_BYTES:
        raise Problem(413, "The body is too large.")
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
    except ValueError as error:  # bytes that are not UTF-8 are a ValueError too
        raise Problem(400, "The body is not a form.") from error
    if settings.validate_signatures and settings.twilio is not None:
        url = settings.relay_public_url + request.raw_path
        try:
            check_form(url, form, request.headers.get("X-Twilio-Signature"), [settings.twilio.auth_token])
        except BadSignature:
            log.warning("signature refused", path=request.path)
            raise Problem(403, "The request is not signed as it should be.") from None
    return form


def _connect(app: web.Application, *, language: str | None = None, resumed: bool = False) -> str:
    settings, agent = app[SETTINGS], app[AROUND].agent
    return twiml.connect_call(
        agent,
        relay_url(settings.relay_public_url),
        f"{settings.relay_public_url}/voice/ended",
        settings.twilio.intelligence_service_sid if settings.twilio else None,
        language=agent.language(language) if language else None,
        resumed=resumed,
    )


def _resume(app: web.Application, call_sid: str) -> str:
    """The relay again, with the words for a call that was cut; a call cut too often goes to a person."""
    recovery = app[RECOVERY]
    if recovery.is_open(call_sid) and not recovery.may_resume(call_sid):
        return twiml.hand_off(app[AROUND].agent, '{"reasonCode":"live-agent-handoff","reason":"connection"}')
    known = recovery.language(call_sid)
    return _connect(app, language=known, resumed=known is not None)


def _note_end(app: web.Application, call_sid: str, reason: str, duration_s: str) -> None:
    """Ends a call that its own socket did not end, such as one whose process was killed."""
    if call_sid in app[LIVE]:
        return  # the socket is about to close and knows more
    seconds = float(duration_s) if duration_s.isascii() and duration_s.isdigit() else 0.0
    end = app[RECOVERY].ended(call_sid, reason, seconds)
    if end is not None:
        app[AROUND].observer.record(end)


def _has_room(app: web.Application) -> bool:
    return not app[READINESS].draining and app[BOOK].live_count() < MAX_LIVE_CALLS and not app[JOURNAL].full


def _read_handoff(text: str) -> str:
    """The reason code of our own hand-off data, "" when it is not ours."""
    try:
        return msgspec.json.decode(text, type=_Handoff).reason_code
    except msgspec.MsgspecError:
        return ""


def _twiml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
