"""Callers and their model in one process: reads a plan as JSON and prints what it measured as JSON.

Both sides are bare asyncio protocols, so that the generator is never what is measured: each call is a closed
loop of prompt → 60 chunks 20 ms apart, 200 ms after the request → a pause of 0.4 to 1.2 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import statistics
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MARK = re.compile(rb"zq(\d+)x(\d+)z")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run; `speaking` of the `calls` converse, the others are connected and silent. Times in seconds."""

    ws_url: str
    model_port: int
    pid: int
    calls: int = 50
    speaking: int = 50
    turns: int = 5
    tokens: int = 60
    gap_s: float = 0.02
    first_s: float = 0.2
    signature: str = ""
    account: str = ""
    tickets: tuple[str, ...] = ()
    connect_per_s: float = 200.0


@dataclass(slots=True)
class Measured:
    """`first_ms` is prompt → first text less the model's own time, `lag_ms` of every later chunk the same."""

    first_ms: list[float] = field(default_factory=list)
    lag_ms: list[float] = field(default_factory=list)
    turns: int = 0
    frames: int = 0
    errors: int = 0


class Model(asyncio.Protocol):
    """OpenAI's streaming chat over HTTP/1.1, as little of it as a client needs."""

    def __init__(self, plan: Plan, written: dict[tuple[int, int], list[float]]) -> None:
        self._plan, self._written = plan, written
        self._data = b""
        self._timer: asyncio.TimerHandle | None = None
        self._chunks = [self._chunk({"content": f"word{n} "}) for n in range(plan.tokens)]
        self._end = self._chunk({}, "stop") + self._event(
            {"choices": [], "usage": {"prompt_tokens": 50, "completion_tokens": plan.tokens, "total_tokens": 110}}
        )
        self._end += _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, sep, body = self._data.partition(b"\r\n\r\n")
        if not sep:
            return
        if head.startswith(b"GET "):  # a connection is warmed up
            self._data = b""
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]
            return
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if length is None or len(body) < int(length[1]):
            return
        self._data = b""
        marks = MARK.findall(body)
        key = (int(marks[-1][0]), int(marks[-1][1])) if marks else (-1, -1)
        asked_s = time.perf_counter()
        self._timer = asyncio.get_running_loop().call_later(self._plan.first_s, self._first, key, asked_s)

    def _first(self, key: tuple[int, int], asked_s: float) -> None:
        self._times = self._written[key] = [asked_s]
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        self._due_s = time.perf_counter()
        self._next(0)

    def _next(self, number: int) -> None:
        self._times.append(time.perf_counter())
        last = number + 1 == len(self._chunks)
        self._transport.write(self._chunks[number] + (self._end if last else b""))  # type: ignore[attr-defined]
        if not last:
            self._due_s += self._plan.gap_s
            wait_s = max(0.0, self._due_s - time.perf_counter())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._next, number + 1)

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        return self._event({"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    def _event(self, data: dict[str, Any]) -> bytes:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1790000000, "model": "bench"}
        return _http_chunk(b"data: " + json.dumps({**head, **data}).encode() + b"\n\n")


def _http_chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Caller(asyncio.Protocol):
    """Twilio's end of one call: a WebSocket client that masks with zeros."""

    def __init__(
        self, plan: Plan, number: int, measured: Measured, written: dict[tuple[int, int], list[float]]
    ) -> None:
        self._plan, self.number, self._measured, self._written = plan, number, measured, written
        self._data = b""
        self._open = False
        self._frames = 0
        self._turn = 0
        self._asked_s = 0.0
        self._dice = random.Random(number)  # noqa: S311 - pauses, not secrets
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        parts = urlsplit(self._plan.ws_url)
        headers = [
            f"GET {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            f"X-Twilio-Signature: {self._plan.signature}",
        ]
        self._transport.write(("\r\n".join(headers) + "\r\n\r\n").encode())

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self._measured.errors += 1
            self.done.set_result(None)
        if not self.ready.done():
            self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        now_s = time.perf_counter()
        self._data += data
        if not self._open:
            head, sep, rest = self._data.partition(b"\r\n\r\n")
            if not sep:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._transport.abort()
                return
            self._open, self._data = True, rest
            self._begin()
        while (frame := self._take()) is not None:
            opcode, payload = frame
            if opcode == 9:
                self._send(payload, 10)
            elif opcode == 1 and b'"text"' in payload:
                self._text(payload, now_s)

    def _begin(self) -> None:
        n = self.number
        parameters = {"ticket": self._plan.tickets[n]} if self._plan.tickets else {}
        setup = {
            "type": "setup",
            "sessionId": f"VX{n:032x}",
            "callSid": f"CA{n:032x}",
            "accountSid": self._plan.account,
            "from": "+15555550111",
            "to": "+15555550100",
            "direction": "inbound",
            "callType": "PSTN",
            "callStatus": "RINGING",
            "parentCallSid": "",
            "forwardedFrom": "",
            "callerName": "",
            "customParameters": parameters,
        }
        self._send(json.dumps(setup).encode())
        self.ready.set_result(None)

    def start(self) -> None:
        asyncio.get_running_loop().call_later(self._dice.uniform(0, 2.0), self._ask)

    def _ask(self) -> None:
        text = f"What about question zq{self.number}x{self._turn}z please?"
        self._frames = 0
        self._asked_s = time.perf_counter()
        self._send(json.dumps({"type": "prompt", "voicePrompt": text, "lang": "en-US", "last": True}).encode())

    def _text(self, payload: bytes, now_s: float) -> None:
        self._measured.frames += 1
        self._frames += 1
        times = self._written.get((self.number, self._turn))
        if times is None:
            return
        if self._frames == 1:
            own_s = times[1] - times[0]
            self._measured.first_ms.append((now_s - self._asked_s - own_s) * 1000)
        elif self._frames < len(times):
            self._measured.lag_ms.append((now_s - times[self._frames]) * 1000)
        if payload.endswith(b"true}"):
            self._measured.turns += 1
            del self._written[self.number, self._turn]
            self._turn += 1
            if self._turn < self._plan.turns:
                asyncio.get_running_loop().call_later(self._dice.uniform(0.4, 1.2), self._ask)
            elif not self.done.done():
                self.done.set_result(None)

    def _take(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        length, start = data[1] & 127, 2
        if length == 126:
            if len(data) < 4:
                return None
            length, start = int.from_bytes(data[2:4], "big"), 4
        if len(data) < start + length:
            return None
        self._data = data[start + length :]
        return data[0] & 15, data[start : start + length]

    def _send(self, payload: bytes, opcode: int = 1) -> None:
        size = len(payload)
        head = (
            struct.pack("!BB", 128 | opcode, 128 | size)
            if size < 126
            else struct.pack("!BBH", 128 | opcode, 254, size)
        )
        self._transport.write(head + b"\0\0\0\0" + payload)

    def hang_up(self) -> None:
        if self._transport.is_closing():
            return
        self._send(struct.pack("!H", 1000), 8)


def cpu_ms(pid: int) -> float:
    """The CPU time a process has used, in milliseconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> int:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


async def run(plan: Plan) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    written: dict[tuple[int, int], list[float]] = {}
    measured = Measured()
    server = await loop.create_server(
        lambda: Model(plan, written), "127.0.0.1", plan.model_port, reuse_address=True
    )
    parts = urlsplit(plan.ws_url)
    base_kb = resident_kb(plan.pid)
    callers: list[Caller] = []
    for number in range(plan.calls):
        _, caller = await loop.create_connection(
            lambda number=number: Caller(plan, number, measured, written), parts.hostname, parts.port
        )
        callers.append(caller)
        await caller.ready
        await asyncio.sleep(1 / plan.connect_per_s)
    await asyncio.sleep(1.0)
    idle_kb = resident_kb(plan.pid)
    used_ms, began_s, own_ms = cpu_ms(plan.pid), time.perf_counter(), time.process_time()
    for caller in callers[: plan.speaking]:
        caller.start()
    await asyncio.wait([caller.done for caller in callers[: plan.speaking]])
    took_s = time.perf_counter() - began_s
    used_ms = cpu_ms(plan.pid) - used_ms
    active_kb = resident_kb(plan.pid)
    for caller in callers:
        caller.hang_up()
    await asyncio.sleep(0.5)
    server.close()
    return {
        "calls": plan.calls,
        "speaking": plan.speaking,
        "turns": measured.turns,
        "errors": measured.errors + plan.speaking * plan.turns - measured.turns,
        "frames_per_turn": round(measured.frames / max(1, measured.turns), 1),
        "cpu_ms_per_turn": round(used_ms / max(1, measured.turns), 2),
        "core_pct": round(used_ms / took_s / 10, 1),
        "generator_core_pct": round((time.process_time() - own_ms) / took_s * 100, 1),
        "first_ms": _quantiles(measured.first_ms),
        "lag_ms": _quantiles(measured.lag_ms),
        "base_mb": round(base_kb / 1024, 1),
        "idle_kb_per_call": round((idle_kb - base_kb) / plan.calls, 1),
        "active_kb_per_call": round((active_kb - base_kb) / plan.calls, 1),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 2), "p95": round(cuts[94], 2), "p99": round(cuts[98], 2)}


def main() -> None:
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    plan = Plan(**json.loads(sys.stdin.read()))
    with runner:
        print(json.dumps(runner.run(run(plan))))


if __name__ == "__main__":
    main()
