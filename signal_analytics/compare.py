"""Comparison of two periods: what changed, and whether more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from signal_analytics.intervals import Z_95, Interval, Numbers, mean_difference, ratio, share_difference
from signal_analytics.measures import RATES, UNIT
from signal_analytics.tallies import LABELS, Tallies

# measure: (how many, among how many), of the tallies
SHARES = {
    **{f"{name}.pct": (f"{name}_count", f"{name}_n") for name in RATES},
    "csat.top2_pct": ("csat_top2", "csat_n"),
    "csat_surveyed.top2_pct": ("csat_surveyed_top2", "csat_surveyed_n"),
    "ces.easy_pct": ("ces_easy", "ces_n"),
    "legal_risk.high_pct": ("legal_risk_high", "legal_risk_n"),
    "languages.switched_pct": ("languages_switched", "languages_n"),
    **{f"sentiment.{label}_pct": (f"sentiment_{label}", "sentiment_n") for label in LABELS},
}
# measure: (n, sum, squares) of the tallies, and how many units make one
MEANS = {
    "csat.mean": ("csat_n", "csat_sum", "csat_squares", UNIT),
    "csat_surveyed.mean": ("csat_surveyed_n", "csat_surveyed_sum", "csat_surveyed_squares", UNIT),
    "ces.mean": ("ces_n", "ces_sum", "ces_squares", UNIT),
    "legal_risk.mean": ("legal_risk_n", "legal_risk_sum", "legal_risk_squares", UNIT),
    "handled.mean_s": ("handled_n", "handled_tenths", "handled_squares", 10.0),
}


def differences(now: Tallies, before: Tallies) -> pd.DataFrame:
    """One row per measure, indexed by its name: now, before, difference, low, high (95 %), significant.

    Both tallies have one row. Shares by Newcombe's method, means by Welch's, the net promoter score by the
    variance of a difference of two shares of one sample. `significant` when the interval leaves out 0.
    """
    pair = [_sums(tallies) for tallies in (now, before)]
    frame = pd.concat([_shares(pair), _means(pair), _scores(pair)])
    known = frame["low"].notna() & frame["high"].notna()
    significant = ((frame["low"] > 0) | (frame["high"] < 0)).astype("object").where(known)
    return frame.assign(difference=frame["now"] - frame["before"], significant=significant)


def _sums(tallies: Tallies) -> dict[str, int]:
    sums = {str(name): int(value) for name, value in tallies.counts.iloc[0].items() if name != "grp"}
    return sums | {"sentiment_n": sum(sums[f"sentiment_{label}"] for label in LABELS)}


def _shares(pair: Sequence[dict[str, int]]) -> pd.DataFrame:
    now, before = (
        (np.array([sums[count] for count, _ in SHARES.values()]), np.array([sums[n] for _, n in SHARES.values()]))
        for sums in pair
    )
    return 100.0 * _rows(list(SHARES), ratio(*now), ratio(*before), share_difference(now, before))


def _means(pair: Sequence[dict[str, int]]) -> pd.DataFrame:
    names = list(MEANS.values())
    now, before = (
        (
            np.array([sums[n] for n, _, _, _ in names]),
            np.array([sums[total] for _, total, _, _ in names]),
            np.array([sums[squares] for _, _, squares, _ in names]),
        )
        for sums in pair
    )
    means = ratio(now[1], now[0]), ratio(before[1], before[0])
    frame = _rows(list(MEANS), *means, mean_difference(now, before))
    return frame.div([unit for _, _, _, unit in names], axis="index")


def _scores(pair: Sequence[dict[str, int]]) -> pd.DataFrame:
    n = np.array([sums["nps_n"] for sums in pair])
    promoters, detractors = (
        np.array([sums[f"nps_{name}"] for sums in pair]) for name in ("promoters", "detractors")
    )
    scores = ratio(promoters - detractors, n)
    spread = ratio(ratio(promoters + detractors, n) - scores**2, n)
    half = Z_95 * np.sqrt(spread[:1] + spread[1:])
    difference = scores[:1] - scores[1:]
    return 100.0 * _rows(["nps.score"], scores[:1], scores[1:], (difference - half, difference + half))


def _rows(names: list[str], now: Numbers, before: Numbers, interval: Interval) -> pd.DataFrame:
    return pd.DataFrame({"now": now, "before": before, "low": interval[0], "high": interval[1]}, index=names)


def differences_as_dict(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The rows by their names, as the answers have them: what is missing is null."""
    return {
        str(name): {
            column: _plain(row[column]) for column in ("now", "before", "difference", "low", "high", "significant")
        }
        for name, row in frame.iterrows()
    }


def _plain(value: Any) -> float | bool | None:
    if isinstance(value, bool):
        return value
    return None if pd.isna(value) else round(float(value), 6)
