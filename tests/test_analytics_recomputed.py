"""The platform's numbers against an independent recomputation in plain Python, over invented calls."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.periods import edges
from signal_analytics.report import aggregates
from signal_analytics.tallies import Question
from tests import analytics_plain as plain
from tests.analytics_journals import DAYS, FIRST_DAY, write_invented

ZONE = ZoneInfo("America/Sao_Paulo")


def agree(folder: Path, calls: int, seed: int) -> None:
    """Raises AssertionError naming the first measure that differs, in any week, group or in all."""
    write_invented(folder, calls, seed)
    expected = plain.calls_of(folder)
    plain.mark_repeats(expected)
    table = CallTable(folder)
    table.refresh()
    start, end = FIRST_DAY - timedelta(days=1), FIRST_DAY + timedelta(days=DAYS + 1)
    asked = Question(edges("week", start, end, ZONE), Filters(start=start, end=end), "language")
    found = table.query(lambda db: aggregates(db, asked, ZONE))
    table.close()
    same(found["total"], plain.measures(expected), "total")
    weeks, languages = defaultdict(list), defaultdict(list)
    for call in expected:
        weeks[plain.bucket_of(call, ZONE)].append(call)
        languages[call["language"]].append(call)
    for bucket in found["buckets"]:
        week = datetime.fromisoformat(bucket["start"]).strftime("%G-W%V")
        same(bucket, plain.measures(weeks.pop(week, [])), week)
    assert not weeks
    for group in found["groups"]:
        same(group["total"], plain.measures(languages.pop(group["group"])), str(group["group"]))
    assert not languages


def same(found: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        for name, value in expected.items():
            same(found[name], value, f"{where}.{name}")
    elif expected is None or isinstance(expected, int):
        assert found == expected, where
    else:
        assert found == pytest.approx(expected, abs=2e-6, rel=1e-6), where


def test_the_recomputation_agrees_on_two_thousand_calls(tmp_path: Path) -> None:
    agree(tmp_path, 2_000, seed=7)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_recomputation_agrees_on_fifty_thousand_calls(tmp_path: Path, seed: int) -> None:
    agree(tmp_path, 50_000, seed)
