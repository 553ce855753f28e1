"""Tallies: what is counted of the calls in each bucket and group. Integers only, so that they add up exactly.

However the calls are split, shuffled or distributed, the sums are the same: a month is the sum of its days, and
the whole is the sum of its groups. Measures (measures.py) are computed from tallies, never from other measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from signal_analytics.filters import NOBODY, REPEAT_DAYS, SIGNALS, Filters, stored_time, trait_path

LABELS = ("positive", "neutral", "negative", "mixed")
QUARTER_S = 900
MOST_QUARTERS = 1_000_000  # about 28 years
ALL = ""  # the group of all calls
WHOLE = -1  # the bucket of the whole period
NONE = "\x00"  # the group of calls that have no such property


def _score(name: str, counted: Mapping[str, str]) -> dict[str, str]:
    """n, sum and sum of squares of a score in thousandths, and how many answers meet each condition."""
    thousandths = f"round({name} * 1000)::BIGINT"
    return {
        f"{name}_n": f"count({name})",
        f"{name}_sum": f"sum({thousandths})",
        f"{name}_squares": f"sum({thousandths} * {thousandths})",
        **{
            f"{name}_{suffix}": f"count(CASE WHEN {condition} THEN 1 END)" for suffix, condition in counted.items()
        },
    }


def _rate(name: str, condition: str, among: str) -> dict[str, str]:
    return {
        f"{name}_n": f"count(CASE WHEN {among} THEN 1 END)",
        f"{name}_count": f"count(CASE WHEN {among} AND {condition} THEN 1 END)",
    }


_NOBODY = ", ".join(f"'{name}'" for name in NOBODY)
# Whether a caller came back is known when the days to come back in are over.
_FOLLOWED = f"caller NOT IN ({_NOBODY}) AND started_at + INTERVAL {REPEAT_DAYS} DAYS <= $as_of"
_TENTHS = "(duration_ms // 100)"

# name: SQL over `calls`; everything is a count or a sum of integers. CASE and not FILTER, which costs four times
# as much in a grouping of many aggregates (measured with DuckDB 2.0).
COUNTS: dict[str, str] = {
    "calls": "count(*)",
    "handled_n": "count(duration_ms)",
    "handled_sum": "sum(duration_ms)",
    "handled_tenths": f"sum({_TENTHS})",
    "handled_squares": f"sum({_TENTHS} * {_TENTHS})",
    **_score("csat", {"top2": SIGNALS["satisfied"]}),
    **_score("csat_surveyed", {"top2": SIGNALS["satisfied"].replace("csat", "csat_surveyed")}),
    **_score("ces", {"easy": SIGNALS["easy"]}),
    "nps_n": "count(nps)",
    "nps_promoters": f"count(CASE WHEN {SIGNALS['promoter']} THEN 1 END)",
    "nps_detractors": f"count(CASE WHEN {SIGNALS['detractor']} THEN 1 END)",
    **{f"sentiment_{label}": f"count(CASE WHEN sentiment = '{label}' THEN 1 END)" for label in LABELS},
    **_score("legal_risk", {"high": SIGNALS["high_risk"]}),
    **_rate("hallucination", "hallucinations > 0", "hallucinations IS NOT NULL"),
    "hallucination_total": "sum(hallucinations)",
    **_rate("escalation_requested", "escalation_requested", "escalation_requested IS NOT NULL"),
    **_rate("escalation_performed", "escalated", "escalated IS NOT NULL"),
    **_rate("containment", "contained", "contained IS NOT NULL"),
    **_rate("resolved_containment", "contained AND resolved", "contained IS NOT NULL AND resolved IS NOT NULL"),
    **_rate("abandonment", "abandoned", "abandoned IS NOT NULL"),
    **_rate("repeat_contact", SIGNALS["repeated"], _FOLLOWED),
    "talk_n": "count(CASE WHEN agent_ms IS NOT NULL OR caller_ms IS NOT NULL THEN 1 END)",
    "talk_agent": "sum(agent_ms)",
    "talk_caller": "sum(caller_ms)",
    "talk_silence": "sum(silence_ms)",
    "talk_silence_n": "count(silence_ms)",
    "interruptions_n": "sum(agent_turns)",
    "interruptions_count": "sum(interruptions)",
    "tools_n": "sum(tools)",
    "tools_count": "sum(tools_ok)",
    **_rate("dtmf", "key_turns > 0", "key_turns IS NOT NULL"),
    "silence_prompts_n": "count(silence_prompts)",
    "silence_prompts_total": "sum(silence_prompts)",
    "languages_n": "count(language_switches)",
    "languages_switches": "sum(language_switches)",
    "languages_switched": "count(CASE WHEN language_switches > 0 THEN 1 END)",
    "tokens_n": "count(prompt_tokens)",
    "tokens_prompt": "sum(prompt_tokens)",
    "tokens_completion": "sum(completion_tokens)",
    "cost_n": "count(cost_micros)",
    "cost_micros": "sum(cost_micros)",
}

# Histograms, sparse: (rows, value) of `chosen`; legal risk in tenths of a point.
HISTOGRAMS = {
    "risks": (
        "SELECT bucket, grp, round(legal_risk * 10)::INTEGER AS value FROM chosen WHERE legal_risk IS NOT NULL"
    ),
    "latencies": "SELECT bucket, grp, unnest(latencies)::INTEGER AS value FROM chosen",
    "categories": "SELECT bucket, grp, unnest(categories) AS value FROM chosen",
    "languages": 'SELECT bucket, grp, "language" AS value FROM chosen WHERE "language" IS NOT NULL',
}
DIMENSIONS = {
    "language": '"language"',
    "channel": "channel",
    "agent": "agent",
    "service": "service_sid",
    "direction": "direction",
}


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counts have one row per (bucket, group) with the columns of COUNTS; histograms one per (…, value)."""

    counts: pd.DataFrame
    risks: pd.DataFrame
    latencies: pd.DataFrame
    categories: pd.DataFrame
    languages: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Question:
    """Calls of the filters, by the half-open buckets between the edges and, if asked, by a property."""

    edges: Sequence[datetime]
    filters: Filters
    by: str | None = None  # a name of DIMENSIONS, or `segment:TRAIT`


def tallied(db: duckdb.DuckDBPyConnection, question: Question) -> Tallies:
    """The tallies of a question; buckets and groups without calls have no row."""
    db.register("slots", _slots(db, question.edges))
    try:
        where, values = question.filters.where()
        group, joined = _group(question.by, values)
        ((values["as_of"],),) = db.execute("SELECT max(started_at) FROM calls").fetchall()
        chosen = f"""
            WITH chosen AS (
                SELECT calls.*, slots.bucket, {group} AS grp FROM calls
                JOIN slots ON slots.quarter = epoch_us(calls.started_at) // {QUARTER_S * 1_000_000} {joined}
                WHERE {where}
            )
        """
        counts = ", ".join(f"coalesce({expression}, 0)::BIGINT AS {name}" for name, expression in COUNTS.items())
        return Tallies(
            db.execute(f"{chosen} SELECT bucket, grp, {counts} FROM chosen GROUP BY bucket, grp", values).df(),
            *(
                db.execute(
                    f"{chosen} SELECT bucket, grp, value, count(*) AS n FROM ({rows}) GROUP BY ALL",
                    {name: value for name, value in values.items() if name != "as_of"},
                ).df()
                for rows in HISTOGRAMS.values()
            ),
        )
    finally:
        db.unregister("slots")


def rolled_up(tallies: Tallies, *keep: str) -> Tallies:
    """The sums over all that is not kept: without `bucket` in bucket WHOLE, without `grp` in group ALL."""

    def summed(frame: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
        lost = {name: value for name, value in (("bucket", WHOLE), ("grp", ALL)) if name not in keep}
        return frame.assign(**lost).groupby(["bucket", "grp", *by], as_index=False, sort=False).sum()

    return Tallies(summed(tallies.counts), *(summed(frame, ["value"]) for frame in frames_of(tallies)[1:]))


def joined(parts: Sequence[Tallies]) -> Tallies:
    """The rows of all parts; they must not share a bucket and group."""
    columns = zip(*(frames_of(part) for part in parts), strict=True)
    return Tallies(*(pd.concat(frames, ignore_index=True) for frames in columns))


def frames_of(tallies: Tallies) -> tuple[pd.DataFrame, ...]:
    """The five frames in the order of the fields."""
    return tuple(getattr(tallies, field.name) for field in fields(tallies))


def _group(by: str | None, values: dict[str, Any]) -> tuple[str, str]:
    """SQL of the group and of the join it needs."""
    if by is None:
        return f"'{ALL}'", ""
    if by.startswith("segment:"):
        values["by_trait"] = trait_path(by.removeprefix("segment:"))
        return (
            f"coalesce(nullif(json_extract_string(customers.traits, $by_trait), ''), '{NONE}')",
            "LEFT JOIN customers ON customers.phone = calls.caller",
        )
    return f"coalesce(nullif({DIMENSIONS[by]}, ''), '{NONE}')", ""


def _slots(db: duckdb.DuckDBPyConnection, edges: Sequence[datetime]) -> pd.DataFrame:
    """The bucket of every quarter of an hour in which calls started: zones differ by whole quarters.

    (Before 1972 a few did not; a bucket may be off by minutes there.)
    """
    start, end = stored_time(edges[0]), stored_time(edges[-1])
    quarter = f"epoch_us(started_at) // {QUARTER_S * 1_000_000}"
    inside = "FROM calls WHERE started_at >= ? AND started_at < ?"
    ((first, last),) = db.execute(f"SELECT min({quarter}), max({quarter}) {inside}", [start, end]).fetchall()
    if first is None:
        first, last = 0, -1
    if last - first < MOST_QUARTERS:
        quarters = np.arange(first, last + 1, dtype="int64")
    else:  # a clock was far off: take only the quarters that occur
        quarters = (
            db.execute(f"SELECT DISTINCT {quarter} AS quarter {inside}", [start, end]).df()["quarter"].to_numpy()
        )
    moments = np.array([int(edge.timestamp()) for edge in edges], dtype="int64")
    bucket = np.searchsorted(moments, quarters * QUARTER_S, side="right") - 1
    return pd.DataFrame({"quarter": quarters, "bucket": np.clip(bucket, 0, len(edges) - 2)})
