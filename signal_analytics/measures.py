"""Measures: pure functions from a frame to a frame, none in place.

A frame of calls has one row per call: `started_at` datetime64[us, UTC], `csat` (1-5), `ces` (1-7, 7 = easy),
`sentiment` (label), `legal_risk` (0-100), `legal_risk_band` (low, medium, high); missing values where nothing
was measured. A frame of measures has one row per bucket; every rate stands beside its n, and where n is 0
the rate is missing, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

Z_95 = 1.96
SATISFIED_FROM = 4.0
EASY_FROM = 5.0
RISK_PERCENTILE = 0.95
LABELS = ("positive", "neutral", "negative", "mixed")


def with_bucket(calls: pd.DataFrame, edges: Sequence[datetime]) -> pd.DataFrame:
    """The calls that start within the edges, with `bucket`: the number of the half-open bucket they start in.

    >>> # edges 00:00, 01:00, 02:00: a call at 01:00 is in bucket 1, one at 02:00 in none
    """
    moments = pd.DatetimeIndex(list(edges)).as_unit("us")
    starts = pd.DatetimeIndex(calls["started_at"]).as_unit("us")
    bucket = moments.searchsorted(starts, side="right") - 1
    inside = (bucket >= 0) & (bucket < len(edges) - 1)
    return calls.assign(bucket=bucket)[inside]


def measured(calls: pd.DataFrame, buckets: int) -> pd.DataFrame:
    """All measures of calls that have a `bucket`: one row for each of the `buckets`, empty ones included."""
    parts = [_calls(calls), csat(calls), ces(calls), sentiment(calls), legal_risk(calls)]
    frame = pd.concat(parts, axis="columns").reindex(range(buckets))
    counts = [name for name in frame.columns if name == "calls" or name.endswith("_n")]
    return frame.assign(**{name: frame[name].fillna(0).astype("int64") for name in counts})


def csat(calls: pd.DataFrame) -> pd.DataFrame:
    """Mean CSAT and the share of 4 and 5 (top-2-box) with its Wilson interval, in percent.

    Of 1, 4, 5, 5: n 4, mean 3.75, top2 75 %.
    """
    answers = calls.dropna(subset=["csat"]).assign(top2=lambda frame: frame["csat"] >= SATISFIED_FROM)
    frame = answers.groupby("bucket").agg(
        csat_n=("csat", "size"), csat_mean=("csat", "mean"), top2=("top2", "sum")
    )
    interval = wilson(frame["top2"], frame["csat_n"])
    return frame.assign(
        csat_top2_pct=100.0 * frame["top2"] / frame["csat_n"],
        csat_low=100.0 * interval["low"],
        csat_high=100.0 * interval["high"],
    ).drop(columns="top2")


def ces(calls: pd.DataFrame) -> pd.DataFrame:
    """Mean effort score (CES 2.0, 7 = easy) and the share of 5, 6 and 7, in percent.

    Of 2, 5, 7: n 3, mean 4.67, easy 66.7 %.
    """
    answers = calls.dropna(subset=["ces"]).assign(easy=lambda frame: frame["ces"] >= EASY_FROM)
    frame = answers.groupby("bucket").agg(ces_n=("ces", "size"), ces_mean=("ces", "mean"), easy=("easy", "sum"))
    return frame.assign(ces_easy_pct=100.0 * frame["easy"] / frame["ces_n"]).drop(columns="easy")


def sentiment(calls: pd.DataFrame) -> pd.DataFrame:
    """The share of each label among the calls that have one, mixed included, in percent.

    Of positive, positive, mixed, negative: 50, 0 (neutral), 25, 25.
    """
    known = calls[calls["sentiment"].isin(LABELS)]
    flags = known.assign(**{f"sentiment_{label}_pct": known["sentiment"] == label for label in LABELS})
    names = [f"sentiment_{label}_pct" for label in LABELS]
    shares = 100.0 * flags.groupby("bucket")[names].mean()
    return flags.groupby("bucket").size().to_frame("sentiment_n").join(shares)


def legal_risk(calls: pd.DataFrame) -> pd.DataFrame:
    """Mean and 95th percentile of the calls' scores, and the share of calls in the high band, in percent.

    A period's risk is never a sum, which would grow with the number of calls. The percentile interpolates
    linearly: of 0, 10, …, 100 it is 95.
    """
    known = calls.dropna(subset=["legal_risk"]).assign(high=lambda frame: frame["legal_risk_band"] == "high")
    groups = known.groupby("bucket")
    frame = groups.agg(legal_risk_n=("legal_risk", "size"), legal_risk_mean=("legal_risk", "mean"))
    return frame.assign(
        legal_risk_p95=groups["legal_risk"].quantile(RISK_PERCENTILE),
        legal_risk_high_pct=100.0 * groups["high"].mean(),
    )


def wilson(successes: pd.Series[int], n: pd.Series[int]) -> pd.DataFrame:
    """The 95 % Wilson interval of successes/n as `low` and `high`, clamped to 0..1; missing where n is 0.

    25 of 30: 0.664 to 0.927. Source: Wilson 1927, z = 1.96.
    """
    count = n.astype("float64").where(n > 0)
    share = successes.astype("float64") / count
    spread = 1 + Z_95**2 / count
    centre = (share + Z_95**2 / (2 * count)) / spread
    half = Z_95 * (share * (1 - share) / count + Z_95**2 / (4 * count**2)) ** 0.5 / spread
    return pd.DataFrame({"low": (centre - half).clip(0, 1), "high": (centre + half).clip(0, 1)})


def _calls(calls: pd.DataFrame) -> pd.DataFrame:
    return calls.groupby("bucket").size().to_frame("calls")
