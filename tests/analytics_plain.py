"""The measures once more, from the journals in plain Python and without any of the platform's own code."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Call = dict[str, Any]
WEEK = timedelta(days=7)


def read(folder: Path, stream: str) -> Iterator[Call]:
    """The lines of a stream that are JSON objects, each id once."""
    seen = set()
    for raw in (folder / f"{stream}.ndjson").read_bytes().split(b"\n"):
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if isinstance(line, dict) and line["id"] not in seen:
            seen.add(line["id"])
            yield line


def calls_of(folder: Path) -> list[Call]:
    """One dictionary per call: its lines by kind, its results, when it started."""
    told: dict[str, Call] = defaultdict(lambda: {"turns": {}, "lines": [], "results": []})
    for line in read(folder, "calls"):
        call = told[line["call_sid"]]
        if line["type"] == "turn":
            known = call["turns"].get(line["turn"])
            if known is None or (line["at"], line["seq"]) > (known["at"], known["seq"]):
                call["turns"][line["turn"]] = line
        else:
            call["lines"].append(line)
    latest: dict[str, Call] = {}
    for line in read(folder, "intel_results"):
        known = latest.get(line["transcript_sid"])
        if known is None or (line["at"], line["seq"]) > (known["at"], known["seq"]):
            latest[line["transcript_sid"]] = line
    for line in latest.values():
        told[line["call_sid"] or line["transcript_sid"]]["results"].append(line)
    return [
        _call(call)
        for call in told.values()
        if _first(call, "call_started") or _first(call, "call_ended") or call["results"]
    ]


def _first(call: Call, kind: str) -> Call | None:
    return next((line for line in call["lines"] if line["type"] == kind), None)


def _call(call: Call) -> Call:
    start, end = _first(call, "call_started"), _first(call, "call_ended")
    result = call["results"][0] if call["results"] else None
    if start:
        begun = datetime.fromisoformat(start["at"])
    elif result:
        begun = datetime.fromisoformat(result["started_at"])
    else:
        assert end is not None
        begun = datetime.fromisoformat(end["at"]) - timedelta(milliseconds=round(end["duration_s"] * 1000))
    turns = list(call["turns"].values())
    return {
        "start": start,
        "end": end,
        "result": result or {},
        "begun": begun.astimezone(UTC),
        "turns": turns,
        "answered": [
            t for t in turns if t["input"] != "operator" and t["outcome"] in ("completed", "interrupted")
        ],
        "kinds": Counter(line["type"] for line in call["lines"]),
        "caller": start["caller"] if start and start["caller"] != "anonymous" else None,
        "language": _language(turns, start, result),
    }


def _language(turns: list[Call], start: Call | None, result: Call | None) -> str | None:
    spoken = [turn["language"] for turn in sorted(turns, key=lambda turn: turn["turn"]) if turn.get("language")]
    told = spoken[-1:] or [line["language"] for line in (start, result) if line]
    return told[0] if told else None


def mark_repeats(calls: list[Call]) -> None:
    """Adds `repeated`: whether the same caller came back within seven days; None where that is not known yet."""
    newest = max(call["begun"] for call in calls)
    by_caller: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        call["repeated"] = None
        if call["caller"]:
            by_caller[call["caller"]].append(call)
    for own in by_caller.values():
        for call in own:
            if call["begun"] + WEEK <= newest:
                call["repeated"] = any(
                    call["begun"] < other["begun"] <= call["begun"] + WEEK for other in own if other is not call
                )


def measures(calls: list[Call]) -> Call:
    """What the platform answers for these calls, as far as it can be recomputed simply."""
    results = [call["result"] for call in calls]
    ended = [call for call in calls if call["end"]]
    inbound = [call for call in ended if call["start"] and call["start"]["direction"] == "inbound"]
    durations = [call["end"]["duration_s"] if call["end"] else call["result"].get("duration_s") for call in calls]
    known = [value for value in durations if value is not None]
    told = [call for call in calls if call["turns"]]
    begun = [call for call in calls if call["start"]]
    tools = [tool for call in told for turn in call["turns"] for tool in turn.get("tools", [])]
    risks = [result["legal_risk"]["score"] for result in results if result.get("legal_risk")]
    tokens = [usage for call in calls if (usage := _usage(call)) is not None]
    return {
        "calls": len(calls),
        "handled": {"n": len(known), "mean_s": _mean(known)},
        "csat": _scores(results, "csat", "top2_pct", lambda score: score >= 4),
        "csat_surveyed": _scores(results, "csat_surveyed", "top2_pct", lambda score: score >= 4),
        "ces": _scores(results, "ces", "easy_pct", lambda score: score >= 5),
        "nps": _nps([result["nps"] for result in results if result.get("nps") is not None]),
        "sentiment": _sentiment([result["sentiment"] for result in results if result.get("sentiment")]),
        "legal_risk": {
            "n": len(risks),
            "mean": _mean(risks),
            "p95": _p95(risks),
            "high_pct": _pct([r >= 70 for r in risks]),
        },
        "hallucination": _rate([r["hallucinations"] > 0 for r in results if r.get("hallucinations") is not None]),
        "escalation_requested": _rate(
            [r["escalation_requested"] for r in results if r.get("escalation_requested") is not None]
        ),
        "escalation_performed": _rate([_escalated(call) for call in ended]),
        "containment": _rate([_contained(call) for call in ended]),
        "resolved_containment": _rate(
            [_contained(c) and done for c in ended if (done := _resolved(c)) is not None]
        ),
        "abandonment": _rate([_gave_up(call) for call in inbound]),
        "repeat_contact": _rate([call["repeated"] for call in calls if call["repeated"] is not None]),
        "interruptions": _rate([turn["interrupted"] for call in told for turn in call["answered"]]),
        "tools": _rate([tool["outcome"] == "ok" for tool in tools]),
        "dtmf": _rate([any(turn["input"] == "dtmf" for turn in call["turns"]) for call in told]),
        "talk": _talk([turn.get("speech", {}) for call in told for turn in call["turns"]]),
        "languages": {
            "n": len(begun),
            "switched_pct": _pct([call["kinds"]["language_switched"] > 0 for call in begun]),
            "mix": dict(Counter(call["language"] for call in calls if call["language"])),
        },
        "tokens": {"n": len(tokens), "total": sum(tokens) if tokens else None},
    }


def bucket_of(call: Call, zone: ZoneInfo) -> str:
    """The ISO week in which the call starts on the zone's clocks."""
    year, week, _ = call["begun"].astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def _scores(results: list[Call], name: str, share: str, counts: Callable[[float], bool]) -> Call:
    found = [result[name] for result in results if result.get(name) is not None]
    low, high = _wilson(sum(map(counts, found)), len(found))
    return {
        "n": len(found),
        "mean": _mean(found),
        share: _pct([counts(score) for score in found]),
        "low": low,
        "high": high,
    }


def _rate(flags: list[bool]) -> Call:
    low, high = _wilson(sum(flags), len(flags))
    return {"n": len(flags), "count": sum(flags), "pct": _pct(flags), "low": low, "high": high}


def _wilson(count: int, n: int) -> tuple[float | None, float | None]:
    if not n:
        return None, None
    z, share = 1.96, count / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


def _pct(flags: list[bool]) -> float | None:
    return 100 * sum(flags) / len(flags) if flags else None


def _mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _p95(values: list[float]) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def _nps(scores: list[float]) -> Call:
    balance = [100 * ((score >= 9) - (score <= 6)) for score in scores]
    return {"n": len(scores), "score": _mean(balance)}


def _sentiment(labels: list[str]) -> Call:
    shares = {
        f"{name}_pct": _pct([label == name for label in labels])
        for name in ("positive", "neutral", "negative", "mixed")
    }
    net = _mean([(label == "positive") - (label == "negative") for label in labels])
    return {"n": len(labels), **shares, "net": net}


def _escalated(call: Call) -> bool:
    return bool(call["kinds"]["handoff"]) or call["end"]["reason"] == "handoff"


def _gave_up(call: Call) -> bool:
    inbound = bool(call["start"]) and call["start"]["direction"] == "inbound"
    return (
        inbound and call["end"]["reason"] == "completed" and not call["answered"] and not call["kinds"]["handoff"]
    )


def _contained(call: Call) -> bool:
    return call["end"]["reason"] in ("completed", "agent_ended") and not _escalated(call) and not _gave_up(call)


def _resolved(call: Call) -> bool | None:
    for operator in call["result"].get("operators", []):
        if actions := operator["value"]["actions"]:
            return all(action["successful_completion"] for action in actions)
    return None


def _usage(call: Call) -> int | None:
    if call["end"] and call["end"].get("usage"):
        return sum(call["end"]["usage"].values())
    counted = [turn["usage"] for turn in call["turns"] if turn.get("usage")]
    return sum(usage["prompt_tokens"] + usage["completion_tokens"] for usage in counted) if counted else None


def _talk(speech: list[Call]) -> Call:
    agent, caller, silence = (
        sum(s.get(name, 0) for s in speech) for name in ("agent_ms", "caller_ms", "silence_ms")
    )
    share = 100 * agent / (agent + caller) if agent + caller else None
    has_silence = any("silence_ms" in found for found in speech)
    return {
        "agent_share_pct": share,
        "silence_pct": 100 * silence / (agent + caller + silence) if has_silence else None,
    }
