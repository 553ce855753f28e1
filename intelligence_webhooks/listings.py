"""What operators read: status, results, events with their state, dead letters, the redacted export."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from flask import Request, Response

from intelligence_webhooks.filters import DEAD_LETTERS, EVENTS, RESULTS, conditions
from intelligence_webhooks.replies import audit, json_reply
from intelligence_webhooks.store import Store
from shared.problem import Problem
from shared.redaction import redact_value

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
EXPORT_LIMIT = 10_000
REFUSALS = ("refused", "malformed", "not_stored")
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
CSV_COLUMNS = (
    *(
        "id",
        "at",
        "source",
        "transcript_sid",
        "call_sid",
        "conversation_sid",
        "service_sid",
        "channel",
        "language",
    ),
    *("started_at", "duration_s", "csat", "csat_surveyed", "ces", "ces_direction", "nps", "sentiment"),
    *("legal_risk_score", "legal_risk_band", "hallucinations", "escalation_requested", "disposition", "intents"),
    *("emotions", "toxic", "tasks_completed", "tasks", "summary", "unparsed"),
)


class Listed(Protocol):
    id: str


Item = TypeVar("Item", bound=Listed)


def status(store: Store, _: Request) -> Response:
    """Counts over everything the journals hold; duplicates and rejected since this process started.

    `lag_s` is how long the oldest event has waited that could be resolved now.
    """
    totals = msgspec.to_builtins(store.ledger.totals())
    tally = store.tally
    return json_reply(
        {
            **totals,
            "lag_s": store.ledger.lag_s(),
            "duplicates": tally.count("duplicate"),
            "rejected": tally.count("refused", "malformed"),
            "rejects": {reason: tally.count(reason) for reason in REFUSALS},
            "watermark": store.ledger.watermark,
            "archived_until": store.ledger.archived_until,
            "tombstones": len(store.tombstones),
            "retention_days": store.settings.retention_days,
        }
    )


def data(store: Store, request: Request) -> Response:
    """The current result of each transcript or conversation that the filters let through, newest first."""
    limit = _limit(request, MAX_LIMIT)
    where = conditions(request.args, RESULTS)
    return _page(store.ledger.results(limit + 1, request.args.get("cursor"), where), limit)


def one_result(store: Store, _: Request, subject: str) -> Response:
    """The current result of one transcript or conversation. Raises Problem 404."""
    found = store.ledger.result(subject)
    if found is None:
        raise Problem(404, "There is no result for this transcript or conversation.", code=40400)
    return json_reply(found)


def events(store: Store, request: Request) -> Response:
    """Accepted events with what became of them, newest first."""
    limit = _limit(request, MAX_LIMIT)
    where = conditions(request.args, EVENTS)
    return _page(store.ledger.events(limit + 1, request.args.get("cursor"), where), limit)


def dead_letters(store: Store, request: Request) -> Response:
    """What could not be accepted or resolved and waits for a decision, newest first."""
    limit = _limit(request, MAX_LIMIT)
    where = conditions(request.args, DEAD_LETTERS)
    return _page(store.ledger.dead_letters(limit + 1, request.args.get("cursor"), where), limit)


def export(store: Store, request: Request) -> Response:
    """Results as NDJSON or CSV, with phone numbers, addresses, cards and secrets masked; audited.

    At most 10,000 at a time: the header X-Next-Cursor names where to go on.
    """
    limit = _limit(request, EXPORT_LIMIT, EXPORT_LIMIT)
    kind = request.args.get("format", "ndjson")
    if kind not in {"ndjson", "csv"}:
        raise Problem(400, "format must be ndjson or csv.", code=40000)
    where = conditions(request.args, RESULTS, "format")
    found = store.ledger.results(limit + 1, request.args.get("cursor"), where)
    items = [redact_value(msgspec.to_builtins(result)) for result in found[:limit]]
    body = _ndjson(items) if kind == "ndjson" else _csv(items)
    content_type = "application/x-ndjson" if kind == "ndjson" else "text/csv; charset=utf-8"
    response = Response(body, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="intelligence.{kind}"'
    if len(found) > limit:
        response.headers["X-Next-Cursor"] = found[limit - 1].id
    audit(store, request, "exported", outcome=f"{len(items)} results")
    return response


def _ndjson(items: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def _csv(items: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for item in items:
        risk = item["legal_risk"] or {}
        flat = item | {
            "legal_risk_score": risk.get("score"),
            "legal_risk_band": risk.get("band"),
            "intents": "; ".join(item["intents"]),
            "emotions": "; ".join(item["emotions"]),
            "unparsed": sum(not outcome["parsed"] for outcome in item["operators"]),
        }
        writer.writerow([_cell(flat[name]) for name in CSV_COLUMNS])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Numbers stay numbers; a text that a spreadsheet would run gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _limit(request: Request, largest: int, default: int = DEFAULT_LIMIT) -> int:
    """The page size asked for; larger ones are cut. Raises Problem 400."""
    text = request.args.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise Problem(400, "limit must be a positive whole number.", code=40000)
    return min(int(text[:9]), largest)


def _page(found: Sequence[Item], limit: int) -> Response:
    """The page, and the cursor of the next one when there is one more row than asked for."""
    items: list[Any] = list(found[:limit])
    return json_reply({"items": items, "nextCursor": items[-1].id if len(found) > limit else None})
