"""Twilio's Voice API (2010-04-01): calls placed, looked at, redirected and ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from sandbox import call_resource
from sandbox.call_resource import KIND, VERSION
from sandbox.call_status import FINAL
from sandbox.exchange import Exchange, LiveCall
from sandbox.outgoing import Outgoing, Source, StatusOrder
from sandbox.product import Handler, json_answer
from sandbox.sids import parse_date
from sandbox.store import Condition, Document, Store
from sandbox.twilio_product import Listing, PageLimits, not_found, read_page, twilio_error
from sandbox.twiml_reader import BadTwiml, read_twiml

PREFIX = f"/api/{VERSION}/Accounts/{{account}}"
EVENTS = frozenset(("initiated", "ringing", "answered", "completed"))
LONGEST_TWIML = 4000
LONGEST_RING_S = 600.0
LIMITS = PageLimits(50, 1000)
DIGITS = "0123456789"


class VoiceApi:
    """The calls of the account."""

    def __init__(self, account_sid: str, store: Store, exchange: Exchange) -> None:
        self._account_sid = account_sid
        self._store = store
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "POST", f"{PREFIX}/Calls.json", self.create
        yield "GET", f"{PREFIX}/Calls.json", self.list
        yield "GET", f"{PREFIX}/Calls/{{call}}.json", self.fetch
        yield "POST", f"{PREFIX}/Calls/{{call}}.json", self.update
        yield "DELETE", f"{PREFIX}/Calls/{{call}}.json", self.delete

    async def create(self, request: web.Request) -> web.Response:
        self._check_account(request)
        form = _form(await request.post())
        order = read_order(form, await _events(request))
        sid = self._exchange.dial(order.caller, order.called, order.outgoing)
        return json_answer(call_resource.shown(self._document(request, sid)), 201)

    async def fetch(self, request: web.Request) -> web.Response:
        self._check_account(request)
        return json_answer(call_resource.shown(self._document(request, request.match_info["call"])))

    async def update(self, request: web.Request) -> web.Response:
        """Ends a call, or lets it go on with other TwiML."""
        self._check_account(request)
        sid = request.match_info["call"]
        document = self._document(request, sid)
        form = _form(await request.post())
        status = form.get("Status", "")
        if status not in ("", "completed", "canceled"):
            raise twilio_error(400, 20001, "Status must be completed or canceled")
        live = self._exchange.of(sid)
        if status:
            self._end(status, document, live)
        elif "Url" in form or "Twiml" in form:
            self._redirect(read_source(form), document, live)
        return json_answer(call_resource.shown(self._document(request, sid)))

    async def delete(self, request: web.Request) -> web.Response:
        """Forgets a call that is over."""
        self._check_account(request)
        sid = request.match_info["call"]
        if self._document(request, sid)["status"] not in FINAL:
            raise twilio_error(409, 20009, "A call that is under way cannot be deleted")
        self._store.delete(KIND, self._account_sid, sid)
        return web.Response(status=204)

    async def list(self, request: web.Request) -> web.Response:
        self._check_account(request)
        listing = Listing(KIND, self._account_sid, "calls", _conditions(request), descending=True, limits=LIMITS)
        page = read_page(self._store, listing, request)
        return json_answer(_page(page.documents, page.meta, request))

    # ---- inside ----

    def _end(self, status: str, document: Document, live: LiveCall | None) -> None:
        talks = document["status"] == "in-progress"
        if document["status"] in FINAL or live is None or (status == "canceled" and talks):
            return  # like Twilio: nothing to end, nothing changes
        self._later(live.phone.put_down())

    def _redirect(self, source: Source, document: Document, live: LiveCall | None) -> None:
        if document["status"] != "in-progress" or live is None:
            raise twilio_error(400, 21220, "Call is not in-progress. Cannot redirect.")
        self._later(live.phone.redirect(source))

    def _later(self, act: Any) -> None:
        task = asyncio.create_task(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check_account(self, request: web.Request) -> None:
        if request.match_info["account"] != self._account_sid:
            raise not_found(request)

    def _document(self, request: web.Request, sid: str) -> Document:
        document = self._exchange.document(sid)
        if document is None:
            raise not_found(request)
        return document


@dataclass(frozen=True, slots=True)
class CallOrder:
    """What `POST …/Calls.json` asks for."""

    caller: str
    called: str
    outgoing: Outgoing


def read_order(form: Mapping[str, str], events: list[str]) -> CallOrder:
    """The order in a form. Raises Refusal with Twilio's codes."""
    called, caller = form.get("To", ""), form.get("From", "")
    if not called:
        raise twilio_error(400, 21201, "No 'To' number is specified")
    if not caller:
        raise twilio_error(400, 21213, "No 'From' number is specified")
    if not _is_number(called):
        raise twilio_error(400, 21211, f"The phone number you are attempting to call, {called}, is not valid.")
    if not _is_number(caller):
        raise twilio_error(400, 21212, f"The source phone number provided, {caller}, is not yet verified.")
    status = StatusOrder(
        url=_url(form, "StatusCallback", required=False),
        method=_method(form, "StatusCallbackMethod"),
        events=frozenset(event for event in events if event in EVENTS) or frozenset(("completed",)),
    )
    timeout = form.get("Timeout", "60")
    if not (timeout.isascii() and timeout.isdigit()):
        raise twilio_error(400, 20001, "Timeout must be a whole number of seconds")
    outgoing = Outgoing(read_source(form), status, timeout_s=min(float(timeout), LONGEST_RING_S))
    return CallOrder(caller, called, outgoing)


def read_source(form: Mapping[str, str]) -> Source:
    """The TwiML in a form, or where it is. Raises Refusal."""
    twiml = form.get("Twiml", "")
    if not twiml:
        return Source(_url(form, "Url", required=True), _method(form, "Method"))
    if len(twiml) > LONGEST_TWIML:
        raise twilio_error(400, 21605, f"Twiml is longer than {LONGEST_TWIML} characters")
    try:
        read_twiml(twiml)
    except BadTwiml as error:
        raise twilio_error(400, 12100, f"Document parse failure: {error}") from error
    return Source(twiml=twiml)


def _url(form: Mapping[str, str], name: str, *, required: bool) -> str:
    url = form.get(name, "")
    parts = urlsplit(url)
    if (url or required) and not (parts.scheme in ("http", "https") and parts.netloc):
        raise twilio_error(400, 21205, f"{name} is not a valid URL: {url or 'Url or Twiml is needed'}")
    return url


def _method(form: Mapping[str, str], name: str) -> str:
    method = form.get(name, "POST").upper()
    if method not in ("GET", "POST"):
        raise twilio_error(400, 21203, f"{name} must be GET or POST")
    return method


def _is_number(text: str) -> bool:
    """An E.164 number, or a client or SIP address, which Twilio takes too."""
    if text.startswith(("client:", "sip:")):
        return True
    digits = text.removeprefix("+")
    return 3 <= len(digits) <= 15 and all(digit in DIGITS for digit in digits)


def _form(posted: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in posted.items()}


async def _events(request: web.Request) -> list[str]:
    """StatusCallbackEvent comes once for each, or several in one value."""
    values = (await request.post()).getall("StatusCallbackEvent", [])
    return [event for value in values for event in str(value).split()]


def _conditions(request: web.Request) -> list[Condition]:
    query = request.query
    names = {"To": "to", "From": "from", "Status": "status", "ParentCallSid": "parent_call_sid"}
    found = [Condition(field, "=", query[name]) for name, field in names.items() if query.get(name)]
    for name, field in (("StartTime", "_started_at"), ("EndTime", "_ended_at")):
        found += _date_conditions(query, name, field)
    return found


def _date_conditions(query: Mapping[str, str], name: str, field: str) -> list[Condition]:
    """`StartTime=` is a day, `StartTime>=` and `StartTime<=` are bounds; the SDK writes `StartTime>` and `<`."""
    found = []
    try:
        if query.get(name):
            day = parse_date(query[name]).replace(hour=0, minute=0, second=0, microsecond=0)
            found += [Condition(field, ">=", call_resource.iso(day))]
            found += [Condition(field, "<", call_resource.iso(day + timedelta(days=1)))]
        if query.get(f"{name}>"):
            found.append(Condition(field, ">=", call_resource.iso(parse_date(query[f"{name}>"]))))
        if query.get(f"{name}<"):
            found.append(Condition(field, "<=", call_resource.iso(parse_date(query[f"{name}<"]))))
    except ValueError as error:
        raise twilio_error(400, 20001, f"{name} must be a date such as 2026-11-29") from error
    return found


def _page(documents: list[Document], meta: Mapping[str, Any], request: web.Request) -> dict[str, Any]:
    """A list as this version of the API writes it: addresses without the origin, and no `meta`."""
    own = request.path.removeprefix("/api")
    first = f"{own}?{urlencode({'PageSize': meta['page_size'], 'Page': 0})}"
    start = meta["page"] * meta["page_size"]
    return {
        "calls": [call_resource.shown(document) for document in documents],
        "first_page_uri": first,
        "next_page_uri": _uri(meta["next_page_url"]),
        "previous_page_uri": _uri(meta["previous_page_url"]),
        "page": meta["page"],
        "page_size": meta["page_size"],
        "start": start,
        "end": max(start, start + len(documents) - 1),
        "uri": own + (f"?{request.query_string}" if request.query_string else ""),
    }


def _uri(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return parts.path.removeprefix("/api") + (f"?{parts.query}" if parts.query else "")
