"""Damaged bytes, clocks that jump, days that clocks change: what is sound is counted, what is not is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.records import encode
from shared.segments import seal
from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.periods import Bucket, edges
from signal_analytics.rejects import listed_rejects
from signal_analytics.report import aggregates
from signal_analytics.tallies import Question
from tests.analytics_journals import DAYS, FIRST_DAY, write_invented
from tests.analytics_kit import CALL, listed, rows, sid, skipped, started, turn, write

CALLS = 60
SOUND = [encode(started(number, sid("CA", number))) for number in range(CALLS)]
calm = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@calm
@given(st.integers(0, 2**32), st.sampled_from([0.0005, 0.01]))
def test_random_damage_costs_the_damaged_lines_and_no_others(
    tmp_path_factory: pytest.TempPathFactory, seed: int, ratio: float
) -> None:
    random = Random(seed)  # noqa: S311
    data = bytearray(b"\n".join(SOUND) + b"\n")
    for place in range(len(data) - 1):
        if random.random() < ratio:
            data[place] = random.choice([0, 0x0A, 0x0D, 0x22, 0x7B, 0xEF, 0xFF, random.randrange(256)])
    folder = tmp_path_factory.mktemp("damaged")
    write(folder, [])
    (folder / "calls.ndjson").write_bytes(data)
    table = CallTable(folder)
    found = {row.key for row in rows(table)}
    lines = bytes(data[:-1]).split(b"\n")
    untouched = {sid("CA", number) for number, line in enumerate(SOUND) if line in lines}
    assert untouched <= found
    assert len(found) + skipped(table) <= len(lines)
    for reject in table.query(lambda db: listed_rejects(db, 1000)):
        assert lines[reject["line"] - 1] not in SOUND
    table.close()


BAD_LINES = dict(
    zip(
        ("NULs", "half", "BOM", "type", "null", "two", "deep", "empty", "long"),
        (
            b"\x00" * 40,
            SOUND[0][:50],
            b"\xef\xbb\xbf" + SOUND[0],
            SOUND[0].replace(b'"seq":1', b'"seq":"one"'),
            SOUND[0].replace(b'"direction":"inbound"', b'"direction":null'),
            SOUND[0] + SOUND[1],
            b"[" * 5000,
            b"",
            b'{"id":"' + b"x" * (16 * 1024 * 1024 + 1) + b'"}',
        ),
        strict=True,
    )
)


# A sealed segment is read from its own file: one case of each way in which a file is refused.
@pytest.mark.parametrize(
    ("bad", "sealed"), [*((name, False) for name in BAD_LINES), ("NULs", True), ("null", True), ("empty", True)]
)
def test_a_bad_line_is_named_and_its_neighbours_are_counted(tmp_path: Path, bad: str, sealed: bool) -> None:
    write(tmp_path, [SOUND[1], BAD_LINES[bad], SOUND[2] + b"\r", SOUND[3]], "calls")
    if sealed:
        seal(tmp_path, "calls", "2026-11-20")
        write(tmp_path, [SOUND[4]], "calls")
    table = CallTable(tmp_path)
    assert sorted(row.key for row in rows(table)) == [
        sid("CA", n) for n in ((1, 2, 3, 4) if sealed else (1, 2, 3))
    ]
    (reject,) = table.query(lambda db: listed_rejects(db, 10))
    assert (reject["file"], reject["line"]) == ("2026-11-20-1.ndjson" if sealed else "calls.ndjson", 2)
    assert reject["reason"]
    table.close()


def test_a_line_with_a_key_twice_or_half_a_surrogate_is_still_read(tmp_path: Path) -> None:
    twice = SOUND[1].replace(b'"agent":"ana"', b'"agent":"bob","agent":"ana"')
    write(tmp_path, [twice, SOUND[2].replace(b'"ana"', b'"a\\ud800"')], "calls")
    table = CallTable(tmp_path)
    found = rows(table)
    assert len(found) + skipped(table) == 2
    assert [row.agent for row in found if row.key == sid("CA", 1)] == ["ana"]
    table.close()


def test_a_clock_set_back_does_not_bring_back_an_earlier_version(tmp_path: Path) -> None:
    opened = turn(10, 1, seq=5, outcome="open")
    finished = turn(-50, 1, seq=6, outcome="completed", interrupted=True)
    write(tmp_path, [started(), opened, finished])
    table = CallTable(tmp_path)
    assert [row.interruptions for row in rows(table)] == [1]
    table.close()


@pytest.mark.parametrize("at", ["2038-01-19T03:14:08Z", "1969-12-31T23:59:59Z", "2026-11-20T12:00:00+05:30"])
def test_times_past_2038_before_1970_and_with_an_offset_are_what_they_say(tmp_path: Path, at: str) -> None:
    line = SOUND[1].replace(b"2026-11-20T12:01:00Z", at.encode())
    assert line != SOUND[1]
    write(tmp_path, [line], "calls")
    table = CallTable(tmp_path)
    assert [row.started_at for row in rows(table)] == [datetime.fromisoformat(at).astimezone(UTC)]
    table.close()


@pytest.fixture(scope="module")
def two_months(tmp_path_factory: pytest.TempPathFactory) -> CallTable:
    folder = tmp_path_factory.mktemp("two_months")
    write_invented(folder, 250, seed=11)
    table = CallTable(folder)
    table.refresh()
    return table


# Every bucket and every zone; how they meet is proved of the edges alone in test_analytics_periods.
@pytest.mark.parametrize(
    ("bucket", "zone"),
    [
        ("hour", "Australia/Lord_Howe"),
        ("day", "Europe/Berlin"),
        ("day", "Asia/Kolkata"),
        ("week", "America/Sao_Paulo"),
        ("month", "Asia/Kolkata"),
        ("quarter", "Europe/Berlin"),
        ("year", "America/Sao_Paulo"),
    ],
)
def test_buckets_partition_the_calls_and_roll_up_to_the_whole(
    two_months: CallTable, bucket: Bucket, zone: str
) -> None:
    # 29 March: clocks change in Berlin; 5 April: by half an hour on Lord Howe
    start, end = FIRST_DAY - timedelta(days=2), FIRST_DAY + timedelta(days=DAYS + 2)
    place = ZoneInfo(zone)
    asked = Question(edges(bucket, start, end, place), Filters(start=start, end=end))
    found = two_months.query(lambda db: aggregates(db, asked, place))
    calls = listed(two_months)
    for one in found["buckets"]:
        begins, ends = (datetime.fromisoformat(one[name]) for name in ("start", "end"))
        inside = [row for row in calls if begins <= row.started_at < ends]
        assert one["calls"] == len(inside)
        assert one["csat"]["n"] == sum(row.csat is not None for row in inside)
    total = found["total"]
    assert total["calls"] == len(calls) == sum(one["calls"] for one in found["buckets"])
    for name in ("csat", "ces", "sentiment", "legal_risk", "containment", "interruptions", "tools"):
        assert total[name]["n"] == sum(one[name]["n"] for one in found["buckets"]), name
    weighted = sum(one["csat"]["mean"] * one["csat"]["n"] for one in found["buckets"] if one["csat"]["n"])
    assert total["csat"]["mean"] == pytest.approx(weighted / total["csat"]["n"], abs=1e-5)


def test_one_call_is_enough_for_every_question(tmp_path: Path) -> None:
    write(tmp_path, [started()])
    table = CallTable(tmp_path)
    assert [row.key for row in rows(table)] == [CALL]
    start = FIRST_DAY
    for by in ("language", "channel", "agent", "service", "direction", "segment:plan"):
        asked = Question(edges("year", start, start + timedelta(days=1), ZoneInfo("UTC")), Filters(), by)
        found = table.query(lambda db, q=asked: aggregates(db, q, ZoneInfo("UTC"), q))  # type: ignore[misc]
        assert (found["total"]["calls"], len(found["groups"])) == (1, 1)
    table.close()
