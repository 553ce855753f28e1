"""Latencies as histograms: bins that grow by 2 %, so that counts add up and percentiles stay within 1 %.

Source: DDSketch (Masson, Rim, Lee 2019) with relative accuracy 0.01: bin = ceil(log_g(value)), g = 1.01/0.99; a
bin stands for 2 g^bin / (g + 1). Where several stages share a list, a bin is packed as stage * 1000 + bin.
"""

from __future__ import annotations

import math

STAGES = ("model_request", "first_byte", "first_text", "first_speech", "complete")
ACCURACY = 0.01
GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
STAGE_STEP = 1000
LARGEST_BIN = 800  # about two and a half hours in milliseconds


def bin_sql(milliseconds: str) -> str:
    """SQL for the bin of a column; null for null, and for what is no duration."""
    binned = f"ceil(ln({milliseconds}) / {math.log(GROWTH)!r})"
    kept = f"greatest(0, least({LARGEST_BIN}, {binned}))::USMALLINT"
    return f"CASE WHEN {milliseconds} > 0 THEN {kept} WHEN {milliseconds} = 0 THEN 0::USMALLINT END"


def bin_of(milliseconds: float) -> int:
    """The bin of one duration of more than 0."""
    return max(0, min(LARGEST_BIN, math.ceil(math.log(milliseconds) / math.log(GROWTH))))


def value_of(bin_: int) -> float:
    """The duration in milliseconds that a bin stands for."""
    return float(2 * GROWTH**bin_ / (GROWTH + 1))
