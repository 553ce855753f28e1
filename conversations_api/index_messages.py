"""Messages in the index: those of one conversation, by words and author, and what a search has hit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from conversations_api.index_documents import folded, leaves
from conversations_api.index_words import WORD, message_words
from conversations_api.index_writer import message_document

SNIPPET_CHARS = 60
HITS_PER_CONVERSATION = 3
# Where a search looks for what to show; it finds the conversation by its older messages as well.
SHOWN_FROM_NEWEST = 500
# Around what matched; no text that people write holds them, and no browser reads them as anything.
OPENS, CLOSES = "\x02", "\x03"


class Hit(msgspec.Struct, kw_only=True, rename="camel"):
    """Where a word of the question stands. `kind`: message, name, participant or attributes."""

    kind: str
    sid: str
    field: str
    snippet: str


def messages_of(
    db: sqlite3.Connection, service_sid: str, conversation_sid: str, words: Sequence[str], author: str | None
) -> list[dict[str, Any]] | None:
    """The messages of a conversation that hold all words, oldest first; None when its contents are not known."""
    row = db.execute(
        "SELECT id FROM conversations WHERE sid = ? AND service_sid = ? AND due != 1",
        (conversation_sid, service_sid),
    ).fetchone()
    if row is None:
        return None
    found = db.execute("SELECT * FROM messages WHERE conversation = ? ORDER BY number", (row["id"],))
    return [
        {**message_document(message), "sid": message["sid"], "conversationSid": conversation_sid}
        for message in found
        if (author is None or message["author"] == author) and (not words or _message_holds(message, words))
    ]


def hits_of(db: sqlite3.Connection, row: sqlite3.Row, words: Sequence[str]) -> list[Hit]:
    """Where in a conversation the words stand: its names and people first, then its newest messages."""
    document = msgspec.json.decode(row["document"], type=dict[str, Any])
    named = [("name", row["sid"], name, str(document.get(name) or "")) for name in ("friendlyName", "uniqueName")]
    named.append(("attributes", row["sid"], "attributes", " ".join(leaves(document.get("attributes")))))
    for person in db.execute("SELECT * FROM participants WHERE conversation = ?", (row["id"],)):
        named += [("participant", person["sid"], name, person[name] or "") for name in ("identity", "address")]
    found = [
        Hit(kind=kind, sid=sid, field=field, snippet=snippet(text, words))
        for kind, sid, field, text in named
        if _any_word(text, words)
    ]
    return found + _message_hits(db, row["id"], words)


def _message_hits(db: sqlite3.Connection, conversation: int, words: Sequence[str]) -> list[Hit]:
    found: list[Hit] = []
    rows = db.execute(
        "SELECT sid, body FROM messages WHERE conversation = ? ORDER BY number DESC LIMIT ?",
        (conversation, SHOWN_FROM_NEWEST),
    )
    for message in rows:
        if _any_word(message["body"], words):
            text = snippet(message["body"], words)
            found.append(Hit(kind="message", sid=message["sid"], field="body", snippet=text))
        if len(found) == HITS_PER_CONVERSATION:
            break
    return found


def _message_holds(message: sqlite3.Row, words: Sequence[str]) -> bool:
    return holds(" ".join(message_words(message["author"], message["body"], message["more"])), words)


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether all words occur, the last as the beginning of one; case and accents do not matter."""
    wanted, plain = [folded(word) for word in words], folded(text)
    if not all(word in plain for word in wanted):  # most texts, and this costs little
        return False
    found = set(WORD.findall(plain))
    whole = all(word in found for word in wanted[:-1])
    return whole and (not wanted or any(word.startswith(wanted[-1]) for word in found))


def _any_word(text: str, words: Sequence[str]) -> bool:
    plain = folded(text)
    return any(folded(word) in plain for word in words) and any(
        _matches(word, words) for word in WORD.findall(text)
    )


def _matches(word: str, words: Sequence[str]) -> bool:
    plain = folded(word)
    return any(plain == folded(other) for other in words) or plain.startswith(folded(words[-1]))


def snippet(text: str, words: Sequence[str]) -> str:
    """A piece of the text around the first match, every match marked."""
    clean = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", text)
    first = next((match.start() for match in WORD.finditer(clean) if _matches(match[0], words)), 0)
    start, end = max(0, first - SNIPPET_CHARS), first + 2 * SNIPPET_CHARS

    def mark(match: re.Match[str]) -> str:
        return f"{OPENS}{match[0]}{CLOSES}" if _matches(match[0], words) else match[0]

    return ("…" if start else "") + WORD.sub(mark, clean[start:end]) + ("…" if end < len(clean) else "")
