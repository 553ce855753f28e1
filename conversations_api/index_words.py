"""The words of the index: which text stands in which row of the full-text table, and how it is asked."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from conversations_api.index_documents import CHANNELS, leaves, plain_address, words_of
from conversations_api.index_schema import words_row

# As the tokenizer cuts: letters and digits hang together.
WORD = re.compile(r"[^\W_]+")
# A private letter: the tokenizer takes it for one, WORD does not, and it is taken out of every text.
MARK = "\ue000"
MOST_WORDS = 8
LONGEST_WORD = 64


def search_words(text: str) -> list[str]:
    """The words of a question, at most eight; only the last may be unfinished."""
    return [word[:LONGEST_WORD] for word in WORD.findall(text)[:MOST_WORDS]]


def match_of(word: str, *, last: bool) -> str:
    """A word as FTS5 takes it: quoted, so that nothing in it is an operator."""
    return f'"{word}"' + ("*" if last else "")


def facet(kind: str, value: str = "") -> str:
    """A word that stands for a property; nothing that people write or ask for can be it."""
    return f"{MARK}{kind}{hashlib.blake2b(value.encode(), digest_size=8).hexdigest() if value else ''}"


def write_words(db: sqlite3.Connection, conversation: int) -> None:
    """Makes the row of a conversation in `words` anew: names, attributes, people, messages, properties."""
    row = db.execute("SELECT * FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if row is None:
        return
    people = db.execute("SELECT * FROM participants WHERE conversation = ?", (conversation,)).fetchall()
    documents = [msgspec.json.decode(person["document"], type=dict[str, Any]) for person in people]
    document = msgspec.json.decode(row["document"], type=dict[str, Any])
    found = [words_of({**document, "sid": row["sid"]}, documents)]
    for message in db.execute("SELECT author, body, more FROM messages WHERE conversation = ?", (conversation,)):
        found += message_words(message["author"], message["body"], message["more"])
    text = " ".join(found).replace(MARK, " ")
    number = words_row(row["activity_ms"], conversation)
    db.execute("DELETE FROM words WHERE rowid = ?", (row["words_row"],))
    db.execute(
        "INSERT INTO words (rowid, text) VALUES (?, ?)", (number, f"{' '.join(_facets(row, people))} {text}")
    )
    db.execute("UPDATE conversations SET words_row = ? WHERE id = ?", (number, conversation))


def _facets(row: sqlite3.Row, people: list[sqlite3.Row]) -> Iterator[str]:
    yield facet("service", row["service_sid"])
    yield facet("state", row["state"])
    yield facet("unread") if row["unread"] else facet("read")
    for name, bit in CHANNELS.items():
        if row["channels"] & bit:
            yield facet("channel", name)
    for person in people:
        for name in ("sid", "identity", "address"):
            if person[name]:
                yield facet("person", plain_address(person[name]))


def message_words(author: str, body: str, more: bytes) -> list[str]:
    """What one message is found by."""
    found = [author, body]
    if more != b"{}":
        document: Mapping[str, Any] = msgspec.json.decode(more)
        found += [str(document.get("subject") or ""), *leaves(document.get("attributes"))]
        found += [str(file.get("filename") or "") for file in document.get("media") or []]
    return found
