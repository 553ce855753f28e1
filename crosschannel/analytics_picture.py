"""A picture of one measure over time; its library is loaded only when a picture is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


class NoPlotting(Exception):
    """No picture can be drawn, with a sentence that says what to do."""


def draw(answer: Mapping[str, Any], measure: str, path: Path) -> None:
    """Draws a measure with its interval and the number of calls into `path`. Raises NoPlotting."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlotting("--plot needs matplotlib: pip install 'crosschannel[plot]'") from error
    starts = [datetime.fromisoformat(bucket["start"]).replace(tzinfo=None) for bucket in answer["buckets"]]
    values = [_number(bucket, measure) for bucket in answer["buckets"]]
    if all(value != value for value in values):
        raise NoPlotting(f"there is nothing to draw: no call of this period has {measure}")
    lows, highs = (
        [_number(bucket, _limit(measure, side)) for bucket in answer["buckets"]] for side in ("low", "high")
    )
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot(starts, values, marker="o", color="#0263e0")
    above.fill_between(starts, lows, highs, alpha=0.15, color="#0263e0", linewidth=0)
    above.set_ylabel(measure)
    above.set_title(f"{measure} by {answer['bucket']} ({answer['tz']})")
    below.bar(starts, [bucket["calls"] for bucket in answer["buckets"]], width=_width(starts), color="#8891aa")
    below.set_ylabel("calls")
    figure.autofmt_xdate()
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise NoPlotting(f"{path} cannot be written: {error}") from error


def _limit(measure: str, side: str) -> str:
    """Where the measure's interval is: means of scores have one of their own beside the share's."""
    group, _, name = measure.rpartition(".")
    return f"{group}.mean_{side}" if name == "mean" else f"{group}.{side}"


def _number(bucket: Mapping[str, Any], measure: str) -> float:
    found: Any = bucket
    for part in measure.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return float("nan") if found is None or isinstance(found, dict) else float(found)


def _width(starts: list[datetime]) -> float:
    """Most of a bucket, in days."""
    return 0.8 * (starts[1] - starts[0]).total_seconds() / 86_400 if len(starts) > 1 else 0.8
