"""Reports: a frame of measures as the JSON that the interface promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

GROUPS = ("csat", "ces", "sentiment", "legal_risk")


def measures_of(row: dict[str, Any]) -> dict[str, Any]:
    """One row of measures, nested by group: `csat_mean` becomes `csat.mean`; what is missing becomes null."""
    nested: dict[str, Any] = {"calls": int(row["calls"])}
    for group in GROUPS:
        prefix = f"{group}_"
        nested[group] = {
            name.removeprefix(prefix): _number(value) for name, value in row.items() if name.startswith(prefix)
        }
    return nested


def buckets_of(frame: pd.DataFrame, edges: Sequence[datetime], zone: ZoneInfo) -> list[dict[str, Any]]:
    """One object per bucket: its start in local time with offset, and its measures."""
    rows = frame.to_dict("records")
    return [
        {"start": start.astimezone(zone).isoformat(), **measures_of({str(name): v for name, v in row.items()})}
        for start, row in zip(edges, rows, strict=False)
    ]


def _number(value: float | int) -> float | int | None:
    """The number without the noise of binary fractions; null when it is missing."""
    if isinstance(value, int):
        return value
    return None if math.isnan(value) else round(value, 6)
