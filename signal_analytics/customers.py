"""Customers joined to their calls: one customer's page, and segments of customers by a trait."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import msgspec
from aiohttp import web

from shared.problem import Problem
from shared.records import utc_now
from shared.telemetry import get_logger
from signal_analytics.call_row import listed_calls
from signal_analytics.filters import NOBODY, Filters, trait_path
from signal_analytics.load import CallTable
from signal_analytics.profiles import Profile, Profiles, Unavailable
from signal_analytics.report import measures_by_group, measures_of, no_measures
from signal_analytics.tallies import Question, tallied
from signal_analytics.worker import WORKER, Worker

REFRESH_AFTER = timedelta(days=1)
AT_ONCE = 20
PAUSE_S = 1.0
PAUSE_AFTER_REFUSAL_S = 30.0
LISTED_CALLS = 20
EVER = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)]
PROFILES = web.AppKey("profiles", Profiles)
log = get_logger("customers")


async def customer_page(app: web.Application, phone: str) -> dict[str, Any]:
    """What Segment and the journals know of a number."""
    source, profile = await _profile(app, phone)

    def of_calls(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        filters = Filters(caller=phone)
        return {
            "measures": measures_of(tallied(db, Question(EVER, filters))),
            "calls": listed_calls(db, filters, LISTED_CALLS),
        }

    return {
        "phone": phone,
        "known": profile.known if profile else False,
        "source": source,
        "fetched_at": profile.fetched_at if profile else None,
        "traits": profile.traits if profile else {},
        "external_ids": profile.external_ids if profile else [],
        "events": profile.events if profile else [],
        **await app[WORKER].ask(of_calls),
    }


async def _profile(app: web.Application, phone: str) -> tuple[str, Profile | None]:
    profiles = app.get(PROFILES)
    if profiles is None:
        return "off", None
    try:
        profile, was_kept = await profiles.profile(phone)
    except Unavailable:
        return "unavailable", profiles.kept(phone)
    await app[WORKER].do(lambda table: _keep(table, {phone: profile.traits if profile.known else None}))
    return ("cache" if was_kept else "segment"), profile


def segments(db: duckdb.DuckDBPyConnection, trait: str, filters: Filters, edges: list[datetime]) -> dict[str, Any]:
    """The values of a trait, each with its customers and the measures of their calls; null is those without."""
    counted = db.execute(
        "SELECT json_extract_string(traits, ?) AS value, count(*) FROM customers WHERE known GROUP BY value",
        [trait_path(trait)],
    ).fetchall()
    customers = dict(counted)
    groups = measures_by_group(tallied(db, Question(edges, filters, f"segment:{trait}")))
    seen = {value for value, _ in groups}
    none = no_measures()
    listed = [{"value": value, "customers": customers.get(value, 0), **found} for value, found in groups]
    listed += [{"value": value, "customers": n, **none} for value, n in counted if value not in seen]
    return {"trait": trait, "customers": sum(customers.values()), "segments": listed}


def traits_known(db: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of the traits that some customer has."""
    found = db.execute(
        "SELECT DISTINCT unnest(json_keys(traits)) AS name FROM customers WHERE traits IS NOT NULL ORDER BY name"
    ).fetchall()
    return [name for (name,) in found]


def check_phone(text: str) -> str:
    """A number in E.164. Raises Problem 400."""
    phone = text.strip().replace(" ", "+")
    if phone.startswith("+") and phone[1:].isascii() and phone[1:].isdigit() and 6 <= len(phone) <= 16:
        return phone
    raise Problem(400, "The customer must be a phone number in E.164, such as +15550100100.", code=40000)


async def follow_customers(worker: Worker, profiles: Profiles) -> None:
    """Learns the traits of callers that are new or were last asked for a day ago, a few at a time, for ever."""
    pause_s = PAUSE_S
    while True:
        await asyncio.sleep(pause_s)
        try:
            pause_s = PAUSE_S
            phones = await worker.ask(_unknown)
            for phone in phones:
                traits = await profiles.traits(phone)
                await worker.do(lambda table, p=phone, t=traits: _keep(table, {p: t}))  # type: ignore[misc]
        except Unavailable:
            pause_s = PAUSE_AFTER_REFUSAL_S
        except (duckdb.Error, OSError):
            log.exception("customers are not kept")
            pause_s = PAUSE_AFTER_REFUSAL_S


def _unknown(db: duckdb.DuckDBPyConnection) -> list[str]:
    oldest = (utc_now() - REFRESH_AFTER).replace(tzinfo=None)
    found = db.execute(
        """
        SELECT caller FROM calls WHERE caller IS NOT NULL AND caller NOT IN (SELECT unnest(?))
            AND caller NOT IN (SELECT phone FROM customers WHERE fetched_at > ?)
        GROUP BY caller ORDER BY max(started_at) DESC LIMIT ?
        """,
        [list(NOBODY), oldest, AT_ONCE],
    ).fetchall()
    return [phone for (phone,) in found]


def _keep(table: CallTable, found: dict[str, Any]) -> None:
    now = utc_now().replace(tzinfo=None)
    rows = [
        [phone, now, traits is not None, None if traits is None else msgspec.json.encode(traits).decode()]
        for phone, traits in found.items()
    ]

    def put(db: duckdb.DuckDBPyConnection) -> None:
        for row in rows:
            db.execute("INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?)", row)

    table.change(put)
