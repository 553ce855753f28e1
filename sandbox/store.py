"""The sandbox's memory: JSON documents in one SQLite file, in the order in which they were made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
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
"""


class NameTaken(Exception):
    """Another document of the same kind and scope already has this sid or name."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a listed document must satisfy: a field of its JSON, a comparison and a value."""

    field: str
    comparison: Literal["=", "<", "<=", ">", ">="]
    value: str

    @property
    def sql(self) -> str:
        return f"json_extract(body, ?) {self.comparison} ?"


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

    def open(self) -> None:
        """Opens the file, made when missing, readable by its owner only."""
        self._path.touch(mode=0o600)
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

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
        row = self._db.execute(
            "SELECT body FROM documents WHERE kind = ? AND scope = ? AND (sid = ? OR name = ?) ORDER BY sid != ?",
            (kind, scope, key, key, key),
        ).fetchone()
        return _load(row[0]) if row else None

    def delete(self, kind: str, scope: str, sid: str) -> None:
        self._db.execute("DELETE FROM documents WHERE kind = ? AND scope = ? AND sid = ?", (kind, scope, sid))

    def delete_scope(self, scope: str) -> None:
        """Deletes every document that belongs to the scope, whatever its kind."""
        self._db.execute("DELETE FROM documents WHERE scope = ?", (scope,))

    def count(self, kind: str, scope: str) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM documents WHERE kind = ? AND scope = ?", (kind, scope)
        ).fetchone()
        return int(row[0])

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
        sql = "SELECT position, body FROM documents WHERE kind = ?"
        values: list[str | int] = [kind]
        if scope is not None:
            sql, values = f"{sql} AND scope = ?", [*values, scope]
        for condition in conditions:
            sql, values = f"{sql} AND {condition.sql}", [*values, f"$.{condition.field}", condition.value]
        if after is not None:
            sql, values = f"{sql} AND position {'<' if descending else '>'} ?", [*values, after]
        sql += f" ORDER BY position {'DESC' if descending else 'ASC'} LIMIT ?"
        rows = self._db.execute(sql, [*values, limit])
        return [Stored(position, _load(body)) for position, body in rows]


def _dump(body: Document) -> str:
    return msgspec.json.encode(body).decode()


def _load(text: str) -> Document:
    return msgspec.json.decode(text, type=dict[str, Any])
