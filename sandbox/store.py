"""The sandbox's memory: JSON documents in one SQLite file, in the order in which they were made."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    sid TEXT NOT NULL,
    name TEXT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_sid ON documents (kind, scope, sid);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_name ON documents (kind, scope, name) WHERE name IS NOT NULL;
CREATE INDEX IF NOT EXISTS documents_in_order ON documents (kind, scope, position);
CREATE TABLE IF NOT EXISTS agenda (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    at REAL NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS agenda_by_moment ON agenda (at);
"""
# Lists that are filtered by fields: the kind, whether its scope comes first, the fields. Each gets an index of its
# own, so that a filter costs its page and not the whole table. The expressions must read exactly like a query's.
INDEXED = (
    ("Conversations", True, ("state",)),
    ("Conversations", True, ("date_created",)),
    ("Conversations", True, ("state", "date_created")),
    ("Participants", False, ("_service_sid", "identity")),
    ("Participants", False, ("_service_sid", "messaging_binding.address")),
    ("Participants", False, ("messaging_binding.address", "messaging_binding.proxy_address")),
    ("Transcripts", True, ("status",)),
    ("Transcripts", True, ("date_created",)),
)
# Whatever may belong to a service, conversation, message or transcript.
OWNED = (
    *("Conversations", "Participants", "Messages", "Receipts", "Webhooks", "Users", "Roles", "Bindings", "Media"),
    *("Configuration", "Sentences", "OperatorResults"),
)
FIELD = re.compile(r"[A-Za-z_]+(\.[A-Za-z_]+)*")


class NameTaken(Exception):
    """Another document of the same kind and scope already has this sid or name."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a listed document must satisfy: a field of its JSON, a comparison and a value (`in`: some `values`)."""

    field: str
    comparison: Literal["=", "!=", "<", "<=", ">", ">=", "in"]
    value: str
    values: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        if self.comparison == "in":
            return f"{_extract(self.field)} IN ({', '.join('?' for _ in self.values)})"
        return f"{_extract(self.field)} {self.comparison} ?"

    @property
    def bound(self) -> tuple[str, ...]:
        """The values that belong to the SQL."""
        return self.values if self.comparison == "in" else (self.value,)


@dataclass(frozen=True, slots=True)
class Appointment:
    """A job that is planned: its moment in seconds since 1970."""

    at: float
    name: str
    key: str
    payload: Document


@dataclass(frozen=True, slots=True)
class Stored:
    """A document and its place in the order of creation."""

    position: int
    body: Document


class Store:
    """Documents by (kind, scope, sid or name). Calls are short and block; one process uses the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self, cache_mb: int = 32) -> None:
        """Opens the file, made when missing, readable by its owner only.

        Records have random sids, so what writes many of them at once needs a cache as large as the indices.
        """
        self._path.touch(mode=0o600)
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA mmap_size=268435456")
        self._connection.execute(f"PRAGMA cache_size=-{cache_mb * 1024}")
        self._connection.executescript(SCHEMA)
        for kind, scoped, fields in INDEXED:
            self._connection.execute(_index(kind, scoped, fields))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError(f"the store {self._path} is not open")
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is stored, or nothing when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add(self, kind: str, scope: str, sid: str, body: Document, name: str | None = None) -> None:
        """Stores a new document. Raises NameTaken when its sid or name exists; nothing is stored then."""
        try:
            self._db.execute(
                "INSERT INTO documents (kind, scope, sid, name, body) VALUES (?, ?, ?, ?, ?)",
                (kind, scope, sid, name, _dump(body)),
            )
        except sqlite3.IntegrityError as error:
            raise NameTaken(name or sid) from error

    def replace(self, kind: str, scope: str, sid: str, body: Document, name: str | None = None) -> None:
        """Stores the new body and name of a document that keeps its place. Raises NameTaken."""
        try:
            self._db.execute(
                "UPDATE documents SET body = ?, name = ? WHERE kind = ? AND scope = ? AND sid = ?",
                (_dump(body), name, kind, scope, sid),
            )
        except sqlite3.IntegrityError as error:
            raise NameTaken(name or sid) from error

    def get(self, kind: str, scope: str, key: str) -> Document | None:
        """The document with this sid, else with this name."""
        for column in ("sid", "name"):
            row = self._db.execute(
                f"SELECT body FROM documents WHERE kind = ? AND scope = ? AND {column} = ?",  # noqa: S608
                (kind, scope, key),
            ).fetchone()
            if row:
                return _load(row[0])
        return None

    def delete(self, kind: str, scope: str, sid: str) -> None:
        self._db.execute("DELETE FROM documents WHERE kind = ? AND scope = ? AND sid = ?", (kind, scope, sid))

    def delete_scope(self, scope: str) -> None:
        """Deletes every document that belongs to the scope, whatever its kind."""
        kinds = ", ".join(f"'{kind}'" for kind in OWNED)  # written out, so that the index by kind and scope serves
        self._db.execute(f"DELETE FROM documents WHERE kind IN ({kinds}) AND scope = ?", (scope,))  # noqa: S608

    def count(self, kind: str, scope: str) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM documents WHERE kind = ? AND scope = ?", (kind, scope)
        ).fetchone()
        return int(row[0])

    def counts(self) -> dict[str, int]:
        """The number of documents of each kind."""
        return dict(self._db.execute("SELECT kind, count(*) FROM documents GROUP BY kind ORDER BY kind"))

    def clear(self) -> None:
        """Forgets all documents and everything planned."""
        with self.transaction():
            self._db.execute("DELETE FROM documents")
            self._db.execute("DELETE FROM agenda")

    def add_many(self, rows: Iterable[tuple[str, str, str, str | None, Document]]) -> None:
        """Stores (kind, scope, sid, name, body) rows at once. Raises NameTaken."""
        values = ((kind, scope, sid, name, _dump(body)) for kind, scope, sid, name, body in rows)
        try:
            self._db.executemany(
                "INSERT INTO documents (kind, scope, sid, name, body) VALUES (?, ?, ?, ?, ?)", values
            )
        except sqlite3.IntegrityError as error:
            raise NameTaken(str(error)) from error

    # ---- the agenda ----

    def plan(self, appointment: Appointment) -> None:
        """Remembers the appointment; one of the same name and key is replaced."""
        self._db.execute(
            "INSERT OR REPLACE INTO agenda (name, key, at, payload) VALUES (?, ?, ?, ?)",
            (appointment.name, appointment.key, appointment.at, _dump(appointment.payload)),
        )

    def unplan(self, name: str, key: str) -> None:
        self._db.execute("DELETE FROM agenda WHERE name = ? AND key = ?", (name, key))

    def due(self, until: float, limit: int) -> list[Appointment]:
        """The first appointments up to the moment, earliest first."""
        rows = self._db.execute(
            "SELECT at, name, key, payload FROM agenda WHERE at <= ? ORDER BY at LIMIT ?", (until, limit)
        )
        return [Appointment(at, name, key, _load(payload)) for at, name, key, payload in rows]

    def next_moment(self) -> float | None:
        row = self._db.execute("SELECT min(at) FROM agenda").fetchone()
        return None if row[0] is None else float(row[0])

    def planned(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM agenda").fetchone()[0])

    # ---- lists ----

    def select(
        self,
        kind: str,
        scope: str | None,
        conditions: Sequence[Condition] = (),
        *,
        after: int | None = None,
        descending: bool = False,
        limit: int = -1,
    ) -> list[Stored]:
        """Documents in order of creation, beyond the position `after`; scope None means all scopes."""
        # The kind is written out, since an index on one kind only serves queries that name it.
        where, values = f"kind = '{_word(kind)}'", list[str | int]()
        if scope is not None:
            where, values = f"{where} AND scope = ?", [*values, scope]
        for condition in conditions:
            where, values = f"{where} AND {condition.sql}", [*values, *condition.bound]
        if after is not None:
            where, values = f"{where} AND position {'<' if descending else '>'} ?", [*values, after]
        order = f"ORDER BY position {'DESC' if descending else 'ASC'}"
        sql = f"SELECT position, body FROM documents WHERE {where} {order} LIMIT ?"  # noqa: S608
        if conditions:
            # The page is found in an index and only its bodies are read: sorting 100,000 bodies takes 0.3 s.
            page = f"SELECT position FROM documents WHERE {where} {order} LIMIT ?"  # noqa: S608
            sql = f"SELECT position, body FROM documents WHERE position IN ({page}) {order}"  # noqa: S608
        rows = self._db.execute(sql, [*values, limit])
        return [Stored(position, _load(body)) for position, body in rows]


def _extract(field: str) -> str:
    """The SQL for a field of the JSON; the field comes from our own tables and is checked all the same."""
    if FIELD.fullmatch(field) is None:
        raise ValueError(f"{field!r} is not a field")
    return f"json_extract(body, '$.{field}')"


def _word(kind: str) -> str:
    if re.fullmatch(r"[A-Za-z/]+", kind) is None:
        raise ValueError(f"{kind!r} is not a kind")
    return kind


def _index(kind: str, scoped: bool, fields: Sequence[str]) -> str:
    name = "_".join([kind.lower(), "by", *fields]).replace(".", "_")
    columns = [*(["scope"] if scoped else []), *map(_extract, fields), "position"]
    return f"CREATE INDEX IF NOT EXISTS {name} ON documents ({', '.join(columns)}) WHERE kind = '{_word(kind)}'"


def _dump(body: Document) -> str:
    return msgspec.json.encode(body).decode()


def _load(text: str) -> Document:
    return msgspec.json.decode(text, type=dict[str, Any])
