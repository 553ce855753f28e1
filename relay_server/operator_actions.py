"""`POST /api/calls/{callSid}/…`: what operators do in a live call. All of it is journalled and audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web

from dialogue.agent import match_language
from relay_server import facts as f
from relay_server.call import Call
from relay_server.call_state import State
from relay_server.messages import DigitsOut, PlayOut
from relay_server.metrics import OPERATOR_ACTIONS
from relay_server.outbound import check_number
from relay_server.parts import AROUND, DIALLER, LIVE
from shared.operators import Role
from shared.problem import Problem
from shared.service import add_route, audit, identity, json_response, read_json

TEXT_CHARACTERS = 1000
REASON_CHARACTERS = 200
Fact = Callable[[str], f.Fact]  # of the operator's name


class Say(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one of words, keys and a sound's https address; `lang` is one that the agent declares.

    `play_s` is the sound's length in seconds: until then nobody is asked whether they are still there.
    """

    text: str = ""
    digits: str = ""
    play: str = ""
    play_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0
    lang: str = ""
    interruptible: bool | None = None


class Whisper(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class Transfer(msgspec.Struct, forbid_unknown_fields=True):
    to: str = ""
    reason: str = ""


def add_operator_actions(app: web.Application) -> None:
    """Adds the routes; who takes part may speak, who supervises may end."""
    for name, handler, role in (
        ("say", say, Role.AGENT),
        ("whisper", whisper, Role.AGENT),
        ("takeover", take_over, Role.AGENT),
        ("release", release, Role.AGENT),
        ("transfer", transfer, Role.AGENT),
        ("end", end, Role.SUPERVISOR),
    ):
        add_route(app, "POST", f"/api/calls/{{callSid}}/{name}", handler, role)


async def say(request: web.Request) -> web.Response:
    """Speaks to the caller, presses keys, or plays a sound; after the model's reply when one is being written."""
    call = _live_call(request)
    wanted = await read_json(request, Say)
    text = wanted.text.strip()
    _check_say(wanted, text)
    lang = _declared(request, wanted.lang)
    _check_turf(request, call)
    if call.session.desk.full:
        raise Problem(429, "Too much is waiting to be said.", code=42900, headers={"Retry-After": "2"})
    return await _act(
        request,
        call,
        "say",
        lambda actor: f.OperatorSpoke(
            actor, text, wanted.digits, wanted.play, wanted.play_s, lang, wanted.interruptible
        ),
    )


async def whisper(request: web.Request) -> web.Response:
    """Tells the model something for its next replies."""
    call = _live_call(request)
    text = (await read_json(request, Whisper)).text.strip()
    if not 0 < len(text) <= TEXT_CHARACTERS:
        raise Problem(400, f"Whisper 1 to {TEXT_CHARACTERS} characters.", code=40000)
    return await _act(request, call, "whisper", lambda actor: f.OperatorWhispered(actor, text))


async def take_over(request: web.Request) -> web.Response:
    """Silences the model: from now on the operator speaks with the caller."""
    call = _live_call(request)
    _check_turf(request, call)
    return await _act(request, call, "takeover", f.OperatorTookOver)


async def release(request: web.Request) -> web.Response:
    """Gives the call back to the model."""
    call = _live_call(request)
    if not call.session.taken_over_by:
        raise Problem(409, "Nobody has taken this call over.", code=40901)
    _check_turf(request, call)
    return await _act(request, call, "release", f.OperatorReleased)


async def transfer(request: web.Request) -> web.Response:
    """Sends the caller on: to a number, within the limits of placing calls, or as the agent file says."""
    call = _live_call(request)
    wanted = await read_json(request, Transfer)
    reason = wanted.reason.strip()[:REASON_CHARACTERS] or "an operator sends the caller on"
    to = ""
    if wanted.to:
        to = check_number(wanted.to, request.app[AROUND].agent.outbound)
        request.app[DIALLER].check(identity(request).name)
    return await _act(request, call, "transfer", lambda actor: f.OperatorTransferred(actor, to, reason))


async def end(request: web.Request) -> web.Response:
    """Ends the call."""
    return await _act(request, _live_call(request), "end", f.EndRequested)


async def _act(request: web.Request, call: Call, action: str, fact: Fact) -> web.Response:
    call_sid, actor = request.match_info["callSid"], identity(request).name
    if call.session.state in {State.ENDING, State.ENDED}:
        raise Problem(409, "The call is ending.", code=40900)
    await call.feed(fact(actor))
    OPERATOR_ACTIONS.labels(action).inc()
    audit(request, f"call_{action}", call_sid)
    state = "ending" if action in {"end", "transfer"} else "live"
    return json_response({"callSid": call_sid, "call_sid": call_sid, "state": state}, status=202)


def _live_call(request: web.Request) -> Call:
    call = request.app[LIVE].get(request.match_info["callSid"])
    if call is None:
        raise Problem(404, "There is no live call with this SID.", code=20404)
    return call


def _check_turf(request: web.Request, call: Call) -> None:
    """One operator speaks at a time; supervisors may step in. Raises Problem 409."""
    holder, who = call.session.taken_over_by, identity(request)
    if holder and holder != who.name and who.role < Role.SUPERVISOR:
        raise Problem(409, "Another operator has taken this call over.", code=40901)


def _check_say(wanted: Say, text: str) -> None:
    given = [bool(text), bool(wanted.digits), bool(wanted.play)]
    if sum(given) != 1 or max(map(len, (text, wanted.digits, wanted.play))) > TEXT_CHARACTERS:
        raise Problem(400, f"Give one of text, digits and play, at most {TEXT_CHARACTERS} characters.", code=40000)
    try:
        if wanted.digits:
            DigitsOut(wanted.digits)
        if wanted.play:
            PlayOut(wanted.play)
    except ValueError as error:
        raise Problem(400, f"This cannot be sent: {error}.", code=40000) from error
    if wanted.play and not wanted.play.startswith("https://"):
        raise Problem(400, "A sound must be at an https address.", code=40000)


def _declared(request: web.Request, lang: str) -> str:
    """The declared code of a language, "" for none. Raises Problem 400: Twilio would refuse the message."""
    if not lang:
        return ""
    code = match_language(lang, [language.code for language in request.app[AROUND].agent.languages])
    if code is None:
        raise Problem(400, "The agent does not speak this language.", code=40000)
    return code
