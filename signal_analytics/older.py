"""Answers under the names that an earlier system of this kind used, so that its dashboards go on.

Two of its numbers are put right: the legal risk is a mean and not a sum, which grew with the number of calls, and
weeks are ISO weeks. Hallucinations are counted where some were found, not where the operator ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from signal_analytics.call_row import CallRow
from signal_analytics.periods import Bucket

LABELS: Mapping[Bucket, str] = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}
SENTIMENTS = ("positive", "neutral", "negative", "mixed")


def older_bucket(measures: Mapping[str, Any]) -> dict[str, Any]:
    """One bucket's measures by their older names."""
    sentiment = measures["sentiment"]
    counts = {name: round(sentiment["n"] * (sentiment[f"{name}_pct"] or 0) / 100) for name in SENTIMENTS}
    return {
        "avgCSAT": measures["csat"]["mean"],
        "avgCES": measures["ces"]["mean"],
        "count": measures["calls"],
        "hallucination_count": measures["hallucination"]["total"] or 0,
        "legal_risk_score": measures["legal_risk"]["mean"],
        **{f"{name}_sentiment": count for name, count in counts.items()},
    }


def older_event(row: CallRow) -> dict[str, Any]:
    """One call's results by their older names; a label is 100 where it was given."""
    scores = {f"{name}_sentiment_score": 100 if row.sentiment == name else 0 for name in SENTIMENTS}
    return {
        "ts": row.started_at,
        "transcript_sid": row.transcript_sid,
        "call_sid": row.call_sid,
        "csat_score": row.csat,
        "ces_score": row.ces,
        "hallucination_occurrences": row.hallucinations,
        "legal_risk_score": row.legal_risk,
        **(scores if row.sentiment else dict.fromkeys(scores)),
    }
