"""Who may operate the platform: operators, their tokens and sessions, in one SQLite file for all services."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from shared.problem import Problem
from shared.secrets_file import one_at_a_time, private_directory

OWNER = "owner"
IDLE_S = 30 * 60
ABSOLUTE_S = 12 * 3600
TOUCH_S = 60
FAILURES_ALLOWED = 5
FAILURE_WINDOW_S = 5 * 60

SCHEMA = """
CREATE TABLE IF NOT EXISTS operators (name TEXT PRIMARY KEY, role INTEGER NOT NULL,
    token_hash TEXT NOT NULL UNIQUE, created_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (hash TEXT PRIMARY KEY, name TEXT NOT NULL, token_hash TEXT NOT NULL,
    created_s REAL NOT NULL, seen_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS failures (address TEXT NOT NULL, at_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS failures_address ON failures (address, at_s);
"""


class Role(IntEnum):
    """What an operator may do; each includes those below it."""

    VIEWER = 1  # sees calls, conversations and numbers
    AGENT = 2  # takes part in them
    SUPERVISOR = 3  # changes and ends them
    ADMIN = 4  # manages the installation


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in operator; `session` is the hash of the browser session, None for a bearer token."""

    name: str
    role: Role
    session: str | None = None


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """An operator as listed: never the token. `created_s` is Unix time."""

    name: str
    role: Role
    created_s: float


class Operators:
    """The operators of one DATA_DIR; safe to use from any thread.

    Tokens and session cookies are stored as keyed hashes only. The owner (OPERATOR_TOKEN) is an admin who is
    in no table, so that changing the environment changes the owner.
    """

    def __init__(self, data_dir: Path, session_secret: str, operator_token: str) -> None:
        path = private_directory(data_dir) / "operators.sqlite"
        self._key = session_secret.encode()
        self._owner_hash = self._hash(operator_token) if operator_token else ""  # an empty token is nobody's
        self._lock = threading.Lock()
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        with one_at_a_time(path):  # the switch to WAL does not wait for others, it fails
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # a revocation must outlive a power cut
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    # ---- managing operators ----

    def add(self, name: str, role: Role) -> str:
        """A new operator's token, shown this once. Raises ValueError for an empty or known name."""
        if not name.strip() or name == OWNER or any(not c.isprintable() for c in name):
            raise ValueError(f"{name!r} cannot be an operator's name")
        token = secrets.token_urlsafe(24)
        try:
            self._run("INSERT INTO operators VALUES (?, ?, ?, ?)", name, int(role), self._hash(token), time.time())
        except sqlite3.IntegrityError:
            raise ValueError(f"there is already an operator {name!r}") from None
        return token

    def list(self) -> Sequence[OperatorRow]:
        """All operators but the owner, by name."""
        rows = self._run("SELECT name, role, created_s FROM operators ORDER BY name")
        return [OperatorRow(name, Role(role), created_s) for name, role, created_s in rows]

    def revoke(self, name: str) -> bool:
        """Ends an operator's token and sessions everywhere; False when there is no such operator."""
        self._run("DELETE FROM sessions WHERE name = ?", name)
        return bool(self._run("DELETE FROM operators WHERE name = ? RETURNING name", name))

    # ---- signing in and out ----

    def sign_in(self, token: str, address: str) -> tuple[str, Identity]:
        """The cookie value of a new session and whose it is.

        Raises Problem 401 for an unknown token, 429 after five failures in five minutes from one address;
        only failures count.
        """
        self._refuse_when_failing(address)
        token_hash = self._hash(token)
        known = self._by_token_hash(token_hash)
        if known is None:
            self._run("INSERT INTO failures VALUES (?, ?)", address, time.time())
            raise Problem(401, "This token is not known. Ask an administrator for a new one.", code=40101)
        cookie = secrets.token_urlsafe(32)
        now = time.time()
        session = self._hash(cookie)
        self._run("DELETE FROM sessions WHERE created_s < ?", now - ABSOLUTE_S)
        self._run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", session, known.name, token_hash, now, now)
        return cookie, Identity(known.name, known.role, session)

    def sign_out(self, cookie: str) -> None:
        """Ends the session in every service."""
        self._run("DELETE FROM sessions WHERE hash = ?", self._hash(cookie))

    def identify(self, authorization: str | None, cookie: str | None) -> Identity | None:
        """Whose bearer token or session this is; None when neither is valid.

        A request that brings an Authorization header is judged by it alone.
        """
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return self._by_token_hash(self._hash(token.strip())) if scheme.lower() == "bearer" else None
        return self._by_session(self._hash(cookie)) if cookie else None

    def still_valid(self, identity: Identity) -> bool:
        """False once the session behind an open socket has ended or its operator was revoked."""
        if identity.session is not None:
            return self._by_session(identity.session, touch=False) is not None  # watching is not doing
        return identity.name == OWNER or bool(self._run("SELECT 1 FROM operators WHERE name = ?", identity.name))

    # ---- inside ----

    def _by_token_hash(self, token_hash: str) -> Identity | None:
        if hmac.compare_digest(token_hash, self._owner_hash):
            return Identity(OWNER, Role.ADMIN)
        for name, role in self._run("SELECT name, role FROM operators WHERE token_hash = ?", token_hash):
            return Identity(name, Role(role))
        return None

    def _by_session(self, session: str, *, touch: bool = True) -> Identity | None:
        rows = self._run("SELECT token_hash, created_s, seen_s FROM sessions WHERE hash = ?", session)
        now = time.time()
        for token_hash, created_s, seen_s in rows:
            if now - created_s > ABSOLUTE_S or now - seen_s > IDLE_S:
                return None
            if touch and now - seen_s > TOUCH_S:
                self._run("UPDATE sessions SET seen_s = ? WHERE hash = ?", now, session)
            owner = self._by_token_hash(token_hash)
            return None if owner is None else Identity(owner.name, owner.role, session)
        return None

    def _refuse_when_failing(self, address: str) -> None:
        since = time.time() - FAILURE_WINDOW_S
        self._run("DELETE FROM failures WHERE at_s < ?", since)
        times = self._run("SELECT at_s FROM failures WHERE address = ? ORDER BY at_s", address)
        if len(times) >= FAILURES_ALLOWED:
            wait_s = max(1, math.ceil(times[-FAILURES_ALLOWED][0] - since))
            raise Problem(
                429,
                f"Too many failed sign-ins from here. Try again in {wait_s} seconds.",
                code=42901,
                headers={"Retry-After": str(wait_s)},
            )

    def _hash(self, secret: str) -> str:
        return hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    def _run(self, statement: str, *values: object) -> Sequence[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()
