"""What a recorded platform has left, as items: each call and conversation with its journal lines and documents."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from crosschannel.week.tape import ACCOUNT, INTELLIGENCE, NUMBER, SERVICE, Item
from sandbox.sids import derived_sid
from shared.config import TwilioAccount
from shared.journal_reader import BadLine, JournalReader

SMALL_CHANGE = "onDeliveryUpdated"  # three for each message, which nobody reads again
STREAMS = ("calls", "intel_events", "intel_results", "conversation_events")
Row = tuple[str, str, str, str | None, str]


@dataclass(slots=True)
class _Books:
    """Everything found, by the sid of the call or conversation it belongs to."""

    lines: dict[str, dict[str, dict[str, str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    transcripts: dict[str, str] = field(default_factory=dict)
    documents: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))


def pack(data_dir: Path, account: TwilioAccount, moments: Mapping[str, timedelta]) -> list[Item]:
    """The items in the order of their moments; what belongs to none of them stays behind."""
    books = _Books()
    _read_journals(data_dir, books)
    _read_store(data_dir, books)
    hide = _placeholders(account)
    items = [_item(sid, after, books, hide) for sid, after in moments.items() if books.lines.get(sid)]
    return sorted(items, key=lambda item: item.after_s)


def _item(sid: str, after: timedelta, books: _Books, hide: Mapping[str, str]) -> Item:
    def hidden(text: str) -> str:
        for own, placeholder in hide.items():
            text = text.replace(own, placeholder)
        return text

    found = books.lines[sid]
    lines = {stream: [hidden(text) for text in texts.values()] for stream, texts in found.items()}
    documents = [
        (kind, hidden(scope), own_sid, None if name is None else hidden(name), hidden(body))
        for kind, scope, own_sid, name, body in books.documents[sid]
    ]
    return Item(began_at=_began(found), after_s=after.total_seconds(), lines=lines, documents=documents)


def _began(found: Mapping[str, Mapping[str, str]]) -> datetime:
    times = [msgspec.json.decode(text)["at"] for texts in found.values() for text in texts.values()]
    return min(datetime.fromisoformat(time) for time in times).astimezone(UTC)


def _placeholders(account: TwilioAccount) -> dict[str, str]:
    """What belongs to the recording installation, and what stands for it."""
    return {
        account.account_sid: ACCOUNT,
        account.intelligence_service_sid or derived_sid("GA", account.account_sid): INTELLIGENCE,
        derived_sid("IS", account.account_sid): SERVICE,
        account.phone_number or "+15555550100": NUMBER,
    }


# ---- journals ----


def _read_journals(data_dir: Path, books: _Books) -> None:
    """Lines by owner. Of a turn, and of a transcript's results, only the last line is kept: it says everything."""
    for record in _records(data_dir, "intel_results"):
        if record.get("transcript_sid") and record.get("call_sid"):
            books.transcripts[record["transcript_sid"]] = record["call_sid"]
    for stream in STREAMS:
        for record in _records(data_dir, stream):
            owner = _owner(stream, record, books)
            if owner and record.get("event_type") != SMALL_CHANGE:
                lines = books.lines[owner][stream]
                key = _key(stream, record)
                lines.pop(key, None)  # a correction stands where it was made
                lines[key] = msgspec.json.encode(record).decode()


def _records(data_dir: Path, stream: str) -> Iterator[dict[str, Any]]:
    reader = JournalReader(data_dir, stream)
    while lines := reader.read():
        for line in lines:
            if not isinstance(line, BadLine):
                yield msgspec.json.decode(line.raw, type=dict[str, Any])


def _owner(stream: str, record: Mapping[str, Any], books: _Books) -> str:
    match stream:
        case "calls" | "intel_results":
            return str(record.get("call_sid") or "")
        case "intel_events":
            return books.transcripts.get(str(record.get("transcript_sid")), "")
        case _:
            return str(record.get("conversation_sid") or "")


def _key(stream: str, record: Mapping[str, Any]) -> str:
    if stream == "calls" and record["type"] == "turn":
        return f"turn {record['turn']}"
    return str(record["transcript_sid"]) if stream == "intel_results" else str(record["id"])


# ---- the sandbox's store ----


def _read_store(data_dir: Path, books: _Books) -> None:
    """Documents by the call or conversation that they belong to, in the order in which they were made."""
    with closing(sqlite3.connect(data_dir / "sandbox.sqlite")) as connection:
        rows: list[Row] = connection.execute(
            "SELECT kind, scope, sid, name, body FROM documents ORDER BY position"
        ).fetchall()
    conversations = {sid for kind, _, sid, _, _ in rows if kind == "Conversations"}
    for row in rows:
        kind, scope, sid, _, body = row
        if kind == "Transcripts":
            owner = books.transcripts.get(sid, "")
        elif scope in books.transcripts:
            owner = books.transcripts[scope]
        elif kind == "Conversations":
            owner = sid
        elif scope in conversations:
            owner = scope
        else:
            inner = msgspec.json.decode(body, type=dict[str, Any])
            owner = str(inner.get("conversation_sid") or "")
        if owner:
            books.documents[owner].append(row)
