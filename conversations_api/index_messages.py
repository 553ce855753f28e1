"""Messages in the index: those of one conversation, by words and author, and what a search has hit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from conversations_api.index_documents import folded, leaves
from conversations_api.index_schema import BLOCK_BITS, MESSAGES_PER_BLOCK
from conversations_api.index_words import WORD, match_of, message_words
from conversations_api.index_writer import message_document

SNIPPET_CHARS = 60
HITS_PER_CONVERSATION = 3
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
        "SELECT id FROM conversations WHERE sid = ? AND service_sid = ? AND due = 0",
        (conversation_sid, service_sid),
    ).fetchone()
    if row is None:
        return None
    question = "SELECT * FROM messages WHERE conversation = ? ORDER BY number"
    found = db.execute(question, (row["id"],)) if not words else _candidates(db, row["id"], words)
    return [
        {**message_document(message), "sid": message["sid"], "conversationSid": conversation_sid}
        for message in found
        if (author is None or message["author"] == author) and _message_holds(message, words)
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
    blocks = {
        block for n, word in enumerate(words, 1) for block in _blocks(db, conversation, word, n == len(words))
    }
    for block in sorted(blocks, reverse=True):
        for message in reversed(list(_block(db, conversation, block))):
            if _any_word(message["body"], words):
                text = snippet(message["body"], words)
                found.append(Hit(kind="message", sid=message["sid"], field="body", snippet=text))
            if len(found) == HITS_PER_CONVERSATION:
                return found
    return found


def _candidates(db: sqlite3.Connection, conversation: int, words: Sequence[str]) -> Iterator[sqlite3.Row]:
    """The messages of the blocks in which all words occur."""
    each = [_blocks(db, conversation, word, number == len(words)) for number, word in enumerate(words, 1)]
    for block in sorted(set.intersection(*each)):
        yield from _block(db, conversation, block)


def _blocks(db: sqlite3.Connection, conversation: int, word: str, last: bool) -> set[int]:
    first = (conversation << BLOCK_BITS) + 1
    rows = db.execute(
        "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?",
        (match_of(word, last=last), first, first + (1 << BLOCK_BITS) - 2),
    )
    return {row[0] - first for row in rows}


def _block(db: sqlite3.Connection, conversation: int, block: int) -> Iterator[sqlite3.Row]:
    first = block * MESSAGES_PER_BLOCK
    yield from db.execute(
        "SELECT * FROM messages WHERE conversation = ? AND number BETWEEN ? AND ? ORDER BY number",
        (conversation, first, first + MESSAGES_PER_BLOCK - 1),
    )


def _message_holds(message: sqlite3.Row, words: Sequence[str]) -> bool:
    return holds(" ".join(message_words(message["author"], message["body"], message["more"])), words)


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether all words occur, the last as the beginning of one; case and accents do not matter."""
    found = set(WORD.findall(folded(text)))
    wanted = [folded(word) for word in words]
    whole = all(word in found for word in wanted[:-1])
    return whole and (not wanted or any(word.startswith(wanted[-1]) for word in found))


def _any_word(text: str, words: Sequence[str]) -> bool:
    return any(_matches(word, words) for word in WORD.findall(text))


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
