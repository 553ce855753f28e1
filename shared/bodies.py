"""Reading a body whole, and no larger than it may be."""

from __future__ import annotations

from aiohttp import StreamReader


class BodyTooLarge(Exception):
    """The body goes on past its limit; the rest has not been read."""


async def read_whole(stream: StreamReader, limit: int) -> bytes:
    """The body, in however many pieces it comes. Raises BodyTooLarge beyond `limit` bytes.

    `StreamReader.read(limit)` gives back what has arrived so far: the first packet of a body, perhaps.
    """
    body = bytearray()
    async for piece in stream.iter_any():
        body += piece
        if len(body) > limit:
            raise BodyTooLarge
    return bytes(body)
