"""Reports: frames of measures as the JSON that the interface promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from signal_analytics.compare import differences, differences_as_dict
from signal_analytics.measures import KEY, measured
from signal_analytics.tallies import (
    ALL,
    COUNTS,
    NONE,
    WHOLE,
    Question,
    Tallies,
    frames_of,
    joined,
    rolled_up,
    tallied,
)

MOST_GROUPS = 20
OTHER = "(other)"
EMPTY = -2  # the bucket of no calls at all
# The distribution of legal risk: how many calls have 0 to under 10 points, …, 90 to 100.
BIN, LAST_BIN = 10, 9
TENTHS = 10 * BIN
Rows = dict[tuple[int, str], dict[str, Any]]


def aggregates(
    db: duckdb.DuckDBPyConnection, question: Question, zone: ZoneInfo, compared: Question | None = None
) -> dict[str, Any]:
    """Buckets, groups and totals of a question, and its comparison with another period."""
    tallies = _largest_groups(tallied(db, question))
    whole = rolled_up(tallies, "bucket")
    total = rolled_up(whole)
    if question.by is None:
        rows = _rows([whole, total])
    else:
        by_group = rolled_up(tallies, "grp")
        rows = _rows([whole, total, tallies, by_group])
    answer: dict[str, Any] = {
        "total": _found(rows, WHOLE, ALL),
        "buckets": _buckets(rows, question.edges, zone, ALL),
    }
    if question.by is not None:
        answer["groups"] = [
            {
                "group": None if group == NONE else group,
                "total": rows[WHOLE, group],
                "buckets": _buckets(rows, question.edges, zone, group),
            }
            for group in _order(by_group.counts)
        ]
    if compared is not None:
        answer["compare"] = _comparison(db, total, compared, zone)
    return answer


def measures_of(tallies: Tallies) -> dict[str, Any]:
    """The measures of all calls of the tallies."""
    return _found(_rows([rolled_up(tallies)]), WHOLE, ALL)


def no_measures() -> dict[str, Any]:
    """The measures of no calls at all."""
    return _found(_rows([]), WHOLE, ALL)


def measures_by_group(tallies: Tallies) -> list[tuple[str | None, dict[str, Any]]]:
    """The measures of each group, the largest first; None is the group of calls without the property."""
    by_group = rolled_up(tallies, "grp")
    rows = _rows([by_group])
    return [(None if group == NONE else group, rows[WHOLE, group]) for group in _order(by_group.counts)]


def _comparison(
    db: duckdb.DuckDBPyConnection, total: Tallies, compared: Question, zone: ZoneInfo
) -> dict[str, Any]:
    before = rolled_up(tallied(db, compared))
    pair = [tallies if len(tallies.counts) else _nothing() for tallies in (total, before)]
    return {
        "from": local(compared.edges[0], zone),
        "to": local(compared.edges[-1], zone),
        "total": _found(_rows([before]), WHOLE, ALL),
        "differences": differences_as_dict(differences(*pair)),
    }


def local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat()


def number(value: Any) -> float | int | bool | None:
    """The number without the noise of binary fractions; null when it is missing."""
    if isinstance(value, bool | int):
        return value
    return None if value is None or math.isnan(value) else round(float(value), 6)


def _buckets(rows: Rows, edges: Sequence[datetime], zone: ZoneInfo, group: str) -> list[dict[str, Any]]:
    """One object per bucket: its start and end in local time, and its measures; empty buckets are present."""
    return [
        {"start": local(start, zone), "end": local(end, zone), **_found(rows, bucket, group)}
        for bucket, (start, end) in enumerate(pairwise(edges))
    ]


def _found(rows: Rows, bucket: int, group: str) -> dict[str, Any]:
    return rows.get((bucket, group), rows[EMPTY, ALL])


def _rows(parts: Sequence[Tallies]) -> Rows:
    """Nested measures by (bucket, group), with those of no calls at all in the bucket EMPTY."""
    tallies = joined([*parts, _nothing()])
    frame = measured(tallies)
    keys = [(int(bucket), str(group)) for bucket, group in frame.index]
    names = [str(name).split(".") for name in frame.columns]
    values = frame.to_numpy(dtype="object").tolist()
    rows = dict(zip(keys, (_nested(names, row) for row in values), strict=True))
    for row in rows.values():
        row["legal_risk"]["findings"], row["legal_risk"]["distribution"], row["languages"]["mix"] = {}, {}, {}
    bins = (tallies.risks["value"] // TENTHS).clip(upper=LAST_BIN) * BIN
    binned = tallies.risks.assign(value=bins).groupby([*KEY, "value"], as_index=False)["n"].sum()
    for bucket, group, start, n in binned[[*KEY, "value", "n"]].itertuples(index=False):
        rows[int(bucket), str(group)]["legal_risk"]["distribution"][str(int(start))] = int(n)
    for histogram, measure, place in (
        (tallies.categories, "legal_risk", "findings"),
        (tallies.languages, "languages", "mix"),
    ):
        ordered = histogram.sort_values(["n", "value"], ascending=[False, True])
        for bucket, group, value, n in ordered[[*KEY, "value", "n"]].itertuples(index=False):
            rows[int(bucket), str(group)][measure][place][str(value)] = int(n)
    return rows


def _nested(names: Sequence[Sequence[str]], values: Sequence[Any]) -> dict[str, Any]:
    """`csat.mean` becomes `mean` in `csat`."""
    nested: dict[str, Any] = {}
    for (*path, last), value in zip(names, values, strict=True):
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = number(value)
    return nested


def _nothing() -> Tallies:
    """A row of zeros, and histograms without a row."""
    counts = pd.DataFrame([{"bucket": EMPTY, "grp": ALL, **dict.fromkeys(COUNTS, 0)}])
    numbers = pd.DataFrame({"bucket": [], "grp": [], "value": [], "n": []}).astype(
        {"bucket": "int64", "grp": "str", "value": "int32", "n": "int64"}
    )
    names = numbers.astype({"value": "str"})
    return Tallies(counts, numbers, numbers, names, names)


def _order(counts: pd.DataFrame) -> list[str]:
    """Groups by their number of calls, the rest last."""
    ordered = counts.sort_values(["calls", "grp"], ascending=[False, True])["grp"].tolist()
    return sorted(ordered, key=lambda group: group == OTHER)


def _largest_groups(tallies: Tallies) -> Tallies:
    """The tallies with all but the largest groups put together, so that an answer stays readable."""
    sizes = tallies.counts.groupby("grp")["calls"].sum().sort_values(ascending=False, kind="stable")
    if len(sizes) <= MOST_GROUPS:
        return tallies
    kept = set(sizes.index[: MOST_GROUPS - 1])
    renamed = [
        frame.assign(grp=frame["grp"].where(frame["grp"].isin(kept), OTHER)) for frame in frames_of(tallies)
    ]
    return rolled_up(Tallies(*renamed), "bucket", "grp")
