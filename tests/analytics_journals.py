"""Journals of invented calls: everything that can happen to one happens to some; the same seed, the same lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 60
LANGUAGES = ("en-US", "pt-BR", "es-US")
LABELS = ("positive", "neutral", "negative", "mixed")
CATEGORIES = ("privacy", "disclosure", "misleading")
STAGES = ("model_request_ms", "first_byte_ms", "first_text_ms", "first_speech_ms", "complete_ms")
WORDS = ("I", "would", "like", "to", "know", "your", "opening", "hours", "please", "and", "thank", "you")
Line = dict[str, Any]


class Writer:
    """Lines with ids, times and sequence numbers as a journal has them."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.seq = 0

    def line(self, kind: str, at: datetime, **fields: Any) -> Line:
        self.seq += 1
        milliseconds = int(at.timestamp() * 1000)
        identity = f"{milliseconds:012x}7{self.seq & 0xFFF:03x}{self.random.getrandbits(64):016x}"
        stamp = at.isoformat().replace("+00:00", "Z")
        return {"type": kind, "v": 1, "id": identity, "at": stamp, "seq": self.seq, **fields}


def invented(calls: int, seed: int = 7, words: int = 4) -> Iterator[tuple[str, Line]]:
    """(stream, line) of so many calls; `words` is how long texts are."""
    random = Random(seed)  # noqa: S311 - the same calls every time
    writer = Writer(random)
    for _ in range(calls):
        at = FIRST_DAY + timedelta(milliseconds=random.randrange(DAYS * 86_400_000))
        call_sid = f"CA{random.getrandbits(128):032x}"
        if random.random() < 0.95:
            yield from (("calls", line) for line in _call(writer, at, call_sid, words))
        if random.random() < 0.9:
            yield from (("intel_results", line) for line in _results(writer, at, call_sid, words))


def _text(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def _call(writer: Writer, at: datetime, call_sid: str, words: int) -> Iterator[Line]:
    random = writer.random
    caller = random.choice(("anonymous", *(f"+1555{n:07d}" for n in range(500))))
    direction = "outbound" if random.random() < 0.2 else "inbound"
    language = random.choice(LANGUAGES)
    opened = {"session_id": "VX1", "caller": caller, "called": "+15550100101", "direction": direction}
    if random.random() < 0.97:
        yield writer.line(
            "call_started", at, call_sid=call_sid, **opened, language=language, agent=random.choice(("ana", "bob"))
        )
    seconds = 2.0
    turns = random.randrange(0, 6)
    for number in range(1, turns + 1):
        yield from _turn(writer, at + timedelta(seconds=seconds), call_sid, number, words)
        seconds += 12
    if random.random() < 0.1:
        change = {"from_language": language, "to_language": random.choice(LANGUAGES), "cause": "request"}
        yield writer.line("language_switched", at + timedelta(seconds=3), call_sid=call_sid, turn=1, **change)
    if random.random() < 0.1:
        yield writer.line("silence_prompt", at + timedelta(seconds=4), call_sid=call_sid, turn=1, count=1)
    reason = random.choice(("completed", "completed", "completed", "agent_ended", "handoff", "failed", "lost"))
    if reason == "handoff" and random.random() < 0.8:
        yield writer.line(
            "handoff", at + timedelta(seconds=seconds), call_sid=call_sid, turn=turns, reason="person"
        )
    if random.random() < 0.95:
        ended = {"reason": reason, "duration_s": round(seconds + random.random(), 3), "turns": turns}
        if random.random() < 0.5:
            ended |= {"usage": {"prompt_tokens": 900, "completion_tokens": 80}}
            ended |= {"cost_usd": random.choice((None, 0.0021))}
        yield writer.line("call_ended", at + timedelta(seconds=seconds + 1), call_sid=call_sid, **ended)


def _turn(writer: Writer, at: datetime, call_sid: str, number: int, words: int) -> Iterator[Line]:
    random = writer.random
    kind = random.choice(("speech", "speech", "speech", "dtmf", "operator"))
    said = {"call_sid": call_sid, "turn": number, "input": kind, "caller_text": _text(random, words)}
    said["language"] = random.choice((*LANGUAGES, ""))
    yield writer.line("turn", at, **said, outcome="open", interrupted=False)
    outcome = random.choice(("completed", "completed", "interrupted", "superseded", "failed"))
    answer: Line = {**said, "outcome": outcome, "interrupted": outcome == "interrupted"}
    answer["reply_text"] = answer["heard_text"] = _text(random, 3 * words)
    if random.random() < 0.8:
        answer["latency"] = {
            stage: round(random.expovariate(1 / 600), 3) + 1 for stage in STAGES[: random.randrange(6)]
        }
        answer["usage"] = {"prompt_tokens": random.randrange(900), "completion_tokens": random.randrange(90)}
    if random.random() < 0.5:
        answer["speech"] = {"agent_ms": random.randrange(9000), "caller_ms": random.randrange(4000)}
        if random.random() < 0.7:
            answer["speech"]["silence_ms"] = random.randrange(3000)
    outcomes = random.choices(("ok", "error", "unknown"), k=random.choice((0, 0, 1, 2)))
    answer["tools"] = [{"tool_call_id": "t", "name": "lookup", "outcome": found} for found in outcomes]
    yield writer.line("turn", at + timedelta(seconds=2), **answer)
    if random.random() < 0.7:
        yield writer.line("turn", at + timedelta(seconds=6), **answer | {"interrupted": False})


def _results(writer: Writer, at: datetime, call_sid: str, words: int) -> Iterator[Line]:
    random = writer.random
    subject = f"GT{random.getrandbits(128):032x}"
    for version in range(random.choice((1, 1, 2))):
        known = random.random() < 0.9
        result: Line = {
            "source": "v2",
            "transcript_sid": subject,
            "call_sid": call_sid if random.random() < 0.9 else None,
            "service_sid": random.choice(("GA" + "1" * 32, "GA" + "2" * 32, None)),
            "channel": "voice",
            "language": random.choice(LANGUAGES),
            "started_at": at.isoformat(),
            "duration_s": round(random.random() * 90, 2),
            "csat": random.choice((None, 1, 2, 3, 4, 5, 4.5)) if known else None,
            "csat_surveyed": random.choice((None, None, 1, 5)),
            "ces": random.choice((None, 1, 2, 3, 4, 5, 6, 7)) if known else None,
            "nps": random.choice((None, None, 0, 6, 7, 9, 10)),
            "sentiment": random.choice((None, *LABELS)),
            "hallucinations": random.choice((None, 0, 0, 1, 2)),
            "escalation_requested": random.choice((None, True, False)),
            "summary": _text(random, 4 * words),
            "legal_risk": _risk(random, words),
            "operators": [_task(random)] if random.random() < 0.6 else [],
        }
        yield writer.line("intel_result", at + timedelta(minutes=3 + version), **result)


def _risk(random: Random, words: int) -> Line | None:
    if random.random() < 0.3:
        return None
    findings = [
        {
            "category": random.choice(CATEGORIES),
            "severity": random.randrange(101),
            "evidence": _text(random, words),
        }
        for _ in range(random.randrange(3))
    ]
    score = max((finding["severity"] for finding in findings), default=0)
    band = "high" if score >= 70 else "medium" if score >= 40 else "low"
    return {"score": score, "band": band, "findings": findings}


def _task(random: Random) -> Line:
    done = [
        {"task_summary": "hours", "successful_completion": random.random() < 0.7}
        for _ in range(random.randrange(3))
    ]
    return {"name": "Task Completion", "operator_type": "json", "parsed": True, "value": {"actions": done}}


def write_invented(folder: Path, calls: int, seed: int = 7, words: int = 4, damage: bool = True) -> None:
    """The journals of so many calls under `folder`; with `damage` some lines are repeated and some are broken."""
    folder.mkdir(mode=0o700, exist_ok=True)
    random = Random(seed)  # noqa: S311
    with (folder / "calls.ndjson").open("w") as own, (folder / "intel_results.ndjson").open("w") as results:
        files = {"calls": own, "intel_results": results}
        for stream, line in invented(calls, seed, words):
            text = json.dumps(line, separators=(",", ":")) + "\n"
            files[stream].write(text * (2 if damage and random.random() < 0.02 else 1))
            if damage and random.random() < 0.001:
                files[stream].write(
                    random.choice(("<<<<<<< HEAD\n", '{"half":\n', "\n", text[: len(text) // 2] + "\n"))
                )
