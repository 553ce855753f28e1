"""`POST /api/calls`: an operator places a call. Twilio rings the person, then asks `/voice` as for any call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
import phonenumbers
from aiohttp import web

from dialogue.agent import Agent, match_language
from dialogue.telephony import RESERVED, OutboundConfig
from relay_server.parts import AROUND, DIALLER
from relay_server.room import has_room
from relay_server.twilio_calls import place
from shared.config import TwilioAccount
from shared.problem import Problem
from shared.records import OperatorAction
from shared.service import SETTINGS, audit, identity, json_response, read_json

PARAMETER_NAME = re.compile(r"[A-Za-z][\w-]{0,39}", re.ASCII)
PARAMETERS_AT_MOST = 10
VALUE_CHARACTERS = 200
PREFIX = "p."
DEAR = {
    phonenumbers.PhoneNumberType.PREMIUM_RATE,
    phonenumbers.PhoneNumberType.SHARED_COST,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
}


class NewCall(msgspec.Struct, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Whom to call, from which number of the account, and what the conversation begins with."""

    to: str
    from_: str = ""
    language: str = ""
    parameters: dict[str, str] = {}


async def place_call(request: web.Request) -> web.Response:
    """Places a call, 202 with its SID. Raises Problem 400, 403, 429, 502, 503 or 504; nothing was dialled then.

    (After a 504 it is not known whether Twilio has dialled.)
    """
    wanted = await read_json(request, NewCall)
    who, app = identity(request), request.app
    try:
        to = check_number(wanted.to, app[AROUND].agent.outbound)
        from_ = _own_number(wanted.from_, app[SETTINGS].twilio)
        query = _query(wanted, app[AROUND].agent)
        if not has_room(app):
            raise Problem(503, "All lines are busy. Try again in a moment.", headers={"Retry-After": "10"})
        app[DIALLER].check(who.name)
        call_sid = await place(
            app[AROUND].http, app[SETTINGS], to, from_, query, app[AROUND].agent.outbound.ring_s
        )
    except Problem:
        audit(request, "call_place", wanted.to[:VALUE_CHARACTERS], outcome="refused")
        raise
    app[AROUND].observer.record(OperatorAction(call_sid=call_sid, actor=who.name, action="place"))
    audit(request, "call_place", f"{call_sid} {to}")
    return json_response({"callSid": call_sid}, status=202)


def check_number(text: str, config: OutboundConfig) -> str:
    """The number in E.164. Raises Problem 400 for what is none, 403 where calls may not go."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Problem(400, "The number must be in E.164, such as +14155550100.", code=21211)
    if str(number.country_code) not in config.countries:
        raise Problem(
            403, "Calls to this country are not allowed; the agent file's [outbound] says where.", code=21215
        )
    if phonenumbers.number_type(number) in DEAR:
        raise Problem(403, "Calls to numbers at a premium rate are not allowed.", code=21215)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def call_parameters(query: Mapping[str, str]) -> dict[str, str]:
    """What `place_call` has put into the address that Twilio asks: custom parameters and the language."""
    found = {name.removeprefix(PREFIX): value for name, value in query.items() if name.startswith(PREFIX)}
    language = query.get("language")
    return {**found, "language": language} if language else found


def _own_number(given: str, account: TwilioAccount | None) -> str:
    number = given or (account.phone_number if account else "") or ""
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        raise Problem(400, "Name the number to call from, or set TWILIO_PHONE_NUMBER.", code=21213)
    return number


def _query(wanted: NewCall, agent: Agent) -> str:
    """Language and parameters as the query of the voice address: signed by Twilio, and known after a restart."""
    query = {}
    if wanted.language:
        code = match_language(wanted.language, [language.code for language in agent.languages])
        if code is None:
            raise Problem(400, "The agent does not speak this language.", code=40000)
        query["language"] = code
    if len(wanted.parameters) > PARAMETERS_AT_MOST:
        raise Problem(400, f"At most {PARAMETERS_AT_MOST} parameters can be given.", code=40000)
    for name, value in wanted.parameters.items():
        if not PARAMETER_NAME.fullmatch(name) or name in RESERVED or len(value) > VALUE_CHARACTERS:
            raise Problem(400, f"The parameter {name[:40]!r} cannot be used.", code=40000)
        query[PREFIX + name] = value
    return urlencode(query)
