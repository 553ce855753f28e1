"""Asking a service on this machine how it is, without an HTTP library: the launcher has to start quickly."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

ANSWER_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: `status` and the JSON object of its body ({} when it is none)."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> str | None:
        """The name by which a service of this platform answers /healthz and /readyz."""
        name = self.body.get("service")
        return name if isinstance(name, str) else None


async def get(host: str, port: int, path: str, timeout_s: float = 2.0) -> Answer | None:
    """The answer to a GET; None when nobody answers HTTP there in time."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    try:
        async with asyncio.timeout(timeout_s):
            return _parse(await _exchange(host, port, request))
    except (OSError, TimeoutError, ValueError):
        return None


async def _exchange(host: str, port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        received = bytearray()
        while len(received) < ANSWER_LIMIT_BYTES and (chunk := await reader.read(ANSWER_LIMIT_BYTES)):
            received += chunk
        return bytes(received)
    finally:
        writer.close()


def _parse(received: bytes) -> Answer:
    """Raises ValueError when this is no HTTP answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    protocol, status = head.split(b"\r\n")[0].split(b" ")[:2]
    if not protocol.startswith(b"HTTP/"):
        raise ValueError("not HTTP")
    try:
        value = json.loads(body)
    except ValueError:
        value = {}
    return Answer(int(status), value if isinstance(value, dict) else {})
