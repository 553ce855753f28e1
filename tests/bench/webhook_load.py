"""Posts signed Intelligence webhooks as fast as they are answered, or so many in one second, and prints JSON.

Usage: webhook_load.py ORIGIN TOKEN COUNT CONNECTIONS RATE [FIRST]. RATE 0 is a closed loop: each connection sends
its next request when the last one was answered. Otherwise requests start RATE a second, whatever is unanswered,
and one that was refused with 503 is sent again, as Twilio does with `#rc=5&rp=all`. All are signed beforehand.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections import Counter, deque

import uvloop

BODY = (
    '{{"account_sid":"AC{account}","service_sid":"GA{zero}","transcript_sid":"GT{number:032x}",'
    '"customer_key":null,"event_type":"voice_intelligence_transcript_available"}}'
)
MAX_TRIES = 6


def requests(origin: str, token: str, first: int, count: int) -> list[bytes]:
    """Whole HTTP requests, each about a transcript of its own."""
    host = origin.removeprefix("http://")
    found = []
    for number in range(first, first + count):
        body = BODY.format(account="1" * 32, zero="0" * 32, number=number).encode()
        path = f"/webhook?bodySHA256={hashlib.sha256(body).hexdigest()}"
        mac = hmac.new(token.encode(), (origin + path).encode(), hashlib.sha1)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"X-Twilio-Signature: {base64.b64encode(mac.digest()).decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


class Line(asyncio.Protocol):
    """One connection, one request at a time; tells `idle` when it is free."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.received = b""
        self.since_s = 0.0
        self.asked: tuple[bytes, float, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.load.idle(self)

    def send(self, request: bytes, started_s: float, tries: int) -> None:
        self.asked = (request, started_s, tries)
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            ),
            0,
        )
        if len(rest) < length:
            return
        self.received = rest[length:]
        asked, self.asked = self.asked, None
        self.load.answered(int(head[9:12]), asked)
        self.load.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.asked is not None:
            self.load.answered(0, self.asked)


class Load:
    def __init__(self, waiting: list[bytes], rate: float) -> None:
        self.waiting = deque(waiting)
        self.count = len(waiting)
        self.rate = rate
        self.ready: deque[tuple[bytes, float, int]] = deque()
        self.free: list[Line] = []
        self.latencies_ms: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.done = asyncio.Event()

    def idle(self, line: Line) -> None:
        if self.ready:
            line.send(*self.ready.popleft())
        elif not self.rate and self.waiting:
            line.send(self.waiting.popleft(), time.perf_counter(), 1)
        else:
            self.free.append(line)

    def answered(self, status: int, asked: tuple[bytes, float, int] | None) -> None:
        assert asked is not None
        request, started_s, tries = asked
        self.statuses[status] += 1
        if status == 503 and tries < MAX_TRIES:
            asyncio.get_running_loop().call_later(0.2 * tries, self.start, (request, started_s, tries + 1))
            return
        self.latencies_ms.append((time.perf_counter() - started_s) * 1000)
        if len(self.latencies_ms) == self.count:
            self.done.set()

    def start(self, asked: tuple[bytes, float, int]) -> None:
        if self.free:
            self.free.pop().send(*asked)
        else:
            self.ready.append(asked)

    async def pace(self) -> None:
        began_s = time.perf_counter()
        sent = 0
        while self.waiting:
            due = min(self.count, int((time.perf_counter() - began_s) * self.rate) + 1)
            while sent < due and self.waiting:
                self.start((self.waiting.popleft(), time.perf_counter(), 1))
                sent += 1
            await asyncio.sleep(0.002)


async def main(origin: str, token: str, count: int, connections: int, rate: float, first: int) -> None:
    load = Load(requests(origin, token, first, count), rate)
    host, _, port = origin.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    began_s = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Line(load), host, int(port))
    if rate:
        began_s = time.perf_counter()
        await load.pace()
    await load.done.wait()
    took_s = time.perf_counter() - began_s
    ordered = sorted(load.latencies_ms)
    report = {
        "per_second": count / took_s,
        "took_s": took_s,
        "p50_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "max_ms": ordered[-1],
        "statuses": load.statuses,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    uvloop.run(
        main(
            sys.argv[1],
            sys.argv[2],
            int(sys.argv[3]),
            int(sys.argv[4]),
            float(sys.argv[5]),
            int(sys.argv[6]) if len(sys.argv) > 6 else 0,
        )
    )
