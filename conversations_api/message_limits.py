"""How long a message may be on the channels of its conversation. Source: Twilio, Conversations limits.

A chat takes 32 KB, SMS and WhatsApp 1,600 characters; which channels a conversation has is what the index knows.
"""

from __future__ import annotations

import sqlite3

from aiohttp import web

from conversations_api.bodies import Body, MessageCreate
from conversations_api.faults import Fault, refuse
from conversations_api.index_documents import CHANNELS
from conversations_api.parts import INDEX

TEXT_CHARS = 1600
TEXT_CHANNELS = CHANNELS["sms"] | CHANNELS["whatsapp"]


async def check_length(request: web.Request, body: Body | None) -> None:
    """Raises Problem 400 for a new message that one of the conversation's channels cannot carry."""
    text = body.body if isinstance(body, MessageCreate) else None
    if not isinstance(text, str) or len(text) <= TEXT_CHARS:
        return
    index = request.app[INDEX]
    await index.settled()
    channels = await index.read(lambda db: _channels(db, request.match_info["conversationSid"]))
    if channels & TEXT_CHANNELS:
        reason = f"is {len(text)} characters long; SMS and WhatsApp take {TEXT_CHARS}"
        raise refuse([Fault("body", reason, TEXT_CHARS)], "body")


def _channels(db: sqlite3.Connection, sid: str) -> int:
    row = db.execute("SELECT channels FROM conversations WHERE sid = ?", (sid,)).fetchone()
    return row["channels"] if row is not None else 0
