"""`GET /websocket`: Twilio's ConversationRelay connects here, once per session."""

from __future__ import annotations

import time

from aiohttp import WSCloseCode, web

from relay_server.call import Call, NoSetup
from relay_server.facts import Resumed
from relay_server.messages import Setup
from relay_server.metrics import LIVE_CALLS, REFUSED
from relay_server.parts import AROUND, LIVE, RECOVERY, TICKETS
from relay_server.room import BUSY, lines_taken
from relay_server.tickets import PARAMETER
from shared.config import Settings
from shared.problem import Problem
from shared.service import READINESS, SETTINGS
from shared.signature import BadSignature, check_websocket, relay_url
from shared.telemetry import get_logger

FRAME_BYTES = 256 * 1024
HEARTBEAT_S = 20.0
log = get_logger("socket")


class StrayCall(Exception):
    """The setup is of another account, or of a call that this service has not answered; `why` labels a metric."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NoRoom(Exception):
    """As many calls are held as may be."""


async def websocket(request: web.Request) -> web.StreamResponse:
    """Holds one call from setup to its end. Refuses handshakes that Twilio has not signed before the upgrade."""
    settings = request.app[SETTINGS]
    _check_handshake(request, settings)
    if request.app[READINESS].draining:
        raise Problem(503, "This server is stopping.", headers={"Retry-After": "5"})
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=FRAME_BYTES, compress=False)
    await socket.prepare(request)
    call = Call(socket, request.app[AROUND])
    try:
        code = await _hold(request.app, call)
    finally:
        _leave(request.app, call)
    await socket.close(code=code)  # after the call has left: the other side may take its time to answer
    return socket


async def _hold(app: web.Application, call: Call) -> WSCloseCode:
    """Runs the call to its end; the code to close its socket with, if that is still open."""
    try:
        with LIVE_CALLS.track_inprogress():
            await call.run(lambda setup: _enter(app, call, setup))
    except (StrayCall, NoSetup) as refusal:
        why = refusal.why if isinstance(refusal, StrayCall) else "no_setup"
        REFUSED.labels(why).inc()
        log.warning("socket refused", why=why)
        return WSCloseCode.POLICY_VIOLATION
    except NoRoom:
        REFUSED.labels("no_room").inc()
        log.warning("socket refused", why="no_room")
        await call.turn_away(BUSY)
    except Exception:  # the outermost shell of a call: logged with its traceback, its records are written
        log.exception("call failed", call_sid=call.session.call_sid)
        return WSCloseCode.INTERNAL_ERROR
    return WSCloseCode.OK


def _check_handshake(request: web.Request, settings: Settings) -> None:
    if not settings.validate_signatures or settings.twilio is None:
        return
    header = request.headers.get("X-Twilio-Signature")
    try:
        check_websocket(
            relay_url(settings.relay_public_url, request.path), header, settings.twilio.signing_keys.tokens
        )
    except BadSignature:
        log.warning("handshake refused")
        raise Problem(403, "The request is not signed as it should be.") from None


def _enter(app: web.Application, call: Call, setup: Setup) -> Resumed | None:
    """Takes a call in; what it needs to go on when it was here before. Raises StrayCall or NoRoom."""
    _check_setup(app, setup)
    log.info("call opened", call_sid=setup.call_sid, session_id=setup.session_id)
    earlier = app[LIVE].get(setup.call_sid)
    if earlier is not None:  # a line that broke without a word: Twilio knows before our heartbeat does
        earlier.superseded()
        app[RECOVERY].lost_socket(setup.call_sid, time.monotonic())
    app[LIVE][setup.call_sid] = call
    return app[RECOVERY].resume(setup.call_sid)


def _check_setup(app: web.Application, setup: Setup) -> None:
    """The signature covers the handshake only: what the first frame says must be of a call that we answered."""
    settings, call_sid = app[SETTINGS], setup.call_sid
    if settings.twilio is not None and setup.account_sid and setup.account_sid != settings.twilio.account_sid:
        raise StrayCall("foreign_account")
    ticket = setup.custom_parameters.pop(PARAMETER, "")
    known = app[RECOVERY].is_open(call_sid)
    accepted = app[TICKETS].accept(ticket, call_sid, time.time(), call_is_open=known)
    if settings.validate_signatures and not accepted:
        raise StrayCall("no_ticket")
    if lines_taken(app) and not known:
        raise NoRoom


def _leave(app: web.Application, call: Call) -> None:
    call_sid = call.session.call_sid
    if app[LIVE].get(call_sid) is call:
        del app[LIVE][call_sid]
        app[RECOVERY].lost_socket(call_sid, time.monotonic())
    log.info("call closed", call_sid=call_sid)
