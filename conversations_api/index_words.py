"""The words of the index: which text stands in which row of the full-text table, and how it is asked."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from conversations_api.index_documents import leaves, words_of
from conversations_api.index_schema import BLOCK_BITS, MESSAGES_PER_BLOCK

# As the tokenizer cuts: letters and digits hang together.
WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 8
LONGEST_WORD = 64


def search_words(text: str) -> list[str]:
    """The words of a question, at most eight; only the last may be unfinished."""
    return [word[:LONGEST_WORD] for word in WORD.findall(text)[:MOST_WORDS]]


def match_of(word: str, *, last: bool) -> str:
    """A word as FTS5 takes it: quoted, so that nothing in it is an operator."""
    return f'"{word}"' + ("*" if last else "")


def write_name_block(db: sqlite3.Connection, conversation: int) -> None:
    """Names, attributes and people."""
    row = db.execute("SELECT sid, document FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if row is None:
        return
    people: list[Mapping[str, Any]] = [
        msgspec.json.decode(person["document"], type=dict[str, Any])
        for person in db.execute("SELECT document FROM participants WHERE conversation = ?", (conversation,))
    ]
    document = msgspec.json.decode(row["document"], type=dict[str, Any])
    _write(db, conversation << BLOCK_BITS, words_of({**document, "sid": row["sid"]}, people))


def write_message_block(db: sqlite3.Connection, conversation: int, block: int) -> None:
    """What the messages of one block say."""
    first = block * MESSAGES_PER_BLOCK
    rows = db.execute(
        "SELECT author, body, more FROM messages WHERE conversation = ? AND number BETWEEN ? AND ?",
        (conversation, first, first + MESSAGES_PER_BLOCK - 1),
    )
    text = " ".join(word for row in rows for word in message_words(row["author"], row["body"], row["more"]))
    _write(db, (conversation << BLOCK_BITS) + 1 + block, text)


def message_words(author: str, body: str, more: bytes) -> list[str]:
    """What one message is found by."""
    found = [author, body]
    if more != b"{}":
        document: Mapping[str, Any] = msgspec.json.decode(more)
        found += [str(document.get("subject") or ""), *leaves(document.get("attributes"))]
        found += [str(file.get("filename") or "") for file in document.get("media") or []]
    return found


def _write(db: sqlite3.Connection, rowid: int, text: str) -> None:
    db.execute("DELETE FROM words WHERE rowid = ?", (rowid,))
    if text.strip():
        db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (rowid, text))
