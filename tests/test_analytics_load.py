"""Journals become one row per call, whatever the order, the repetition and the damage of their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.journal import JournalLocked
from shared.records import IntelResult, LegalRisk, Record, Turn
from shared.tombstones import Tombstones
from signal_analytics import load
from signal_analytics.call_row import CallRow
from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from tests.analytics_kit import CALL, at, ended, listed, result, rows, sid, skipped, stamp, started, write


@pytest.fixture
def table(tmp_path: Path) -> Iterator[CallTable]:
    opened = CallTable(tmp_path)
    yield opened
    opened.close()


def test_a_call_its_end_and_its_result_are_one_row(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started(), ended(), result(csat=4, ces=6)])
    (row,) = rows(table)
    assert (row.key, row.started_at, row.ended_at) == (CALL, at(0), at(5))
    assert (row.language, row.agent, row.channel, row.reason, row.turns) == (
        "pt-BR",
        "ana",
        "voice",
        "completed",
        7,
    )
    assert (row.csat, row.ces, row.duration_s) == (4.0, 6.0, 300.0)


def test_a_call_appears_when_it_starts(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started()])
    assert [row.ended_at for row in rows(table)] == [None]
    write(tmp_path, [ended()])
    assert [row.ended_at for row in rows(table)] == [at(5)]


def test_a_later_result_supersedes_an_earlier_one(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [result(6, csat=1), result(7, csat=5)])
    assert [row.csat for row in rows(table)] == [5.0]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_within_a_millisecond_the_writers_sequence_decides(
    table: CallTable, tmp_path: Path, order: tuple[int, int]
) -> None:
    write(tmp_path, [result(6, seq=seq, csat=seq) for seq in order])
    assert [row.csat for row in rows(table)] == [2.0]


def test_a_result_without_a_call_is_a_row_that_moves_when_the_call_is_known(
    table: CallTable, tmp_path: Path
) -> None:
    write(tmp_path, [result(6, call_sid=None, csat=3)])
    assert [row.key for row in rows(table)] == [sid("GT", 0)]
    write(tmp_path, [started(), result(7, csat=3)])
    assert [row.key for row in rows(table)] == [CALL]


def test_two_transcripts_of_a_call_are_one_row(table: CallTable, tmp_path: Path) -> None:
    first, second = result(6, number=1, csat=2), result(7, number=2, ces=5)
    assert isinstance(first, IntelResult)
    assert isinstance(second, IntelResult)
    first.legal_risk, first.hallucinations = LegalRisk(score=80, band="high"), 1
    second.legal_risk, second.hallucinations = LegalRisk(score=10, band="low"), 2
    second.started_at = at(3)
    write(tmp_path, [started(), first, second])
    (row,) = rows(table)
    assert (row.csat, row.ces) == (2.0, 5.0)
    assert (row.legal_risk, row.legal_risk_band, row.hallucinations) == (80.0, "high", 3)


def test_a_call_that_came_back_keeps_its_start_and_takes_its_last_end(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started(0), ended(2, reason="lost")])
    table.refresh()
    write(tmp_path, [started(3), ended(9)])
    (row,) = rows(table)
    assert (row.started_at, row.ended_at, row.reason) == (at(0), at(9), "completed")


def test_an_end_alone_still_tells_when_the_call_began(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [ended(5, duration_s=300)])
    assert [row.started_at for row in rows(table)] == [at(0)]


def test_bad_lines_are_skipped_and_counted(table: CallTable, tmp_path: Path) -> None:
    future = b'{"v":9,"id":"z","at":"2026-11-20T12:00:00Z","seq":1,"type":"from_the_future"}'
    bad = [b"<<<<<<< HEAD", b'{"half":', b"\x00\x00", b"", b"[]", b'{"id":5}', b'{"id":"x","a":"\xff"}', future]
    write(tmp_path, [started(), *bad, ended()], stream="calls")
    assert len(rows(table)) == 1
    assert skipped(table) == len(bad)


def test_records_that_change_no_measure_are_read_and_not_skipped(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started(), stamp(Turn(call_sid=CALL, turn=1, input="speech", caller_text="hello"), 1)])
    assert len(rows(table)) == 1
    assert skipped(table) == 0


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    write(tmp_path, [started(), ended(), b"broken"], stream="calls")
    for expected in (3, 0):
        table = CallTable(tmp_path)
        assert table.refresh().lines == expected
        assert (len(rows(table)), skipped(table)) == (1, 1)
        table.close()


@pytest.mark.parametrize("damage", [b"not a database" * 1000, b""], ids=["garbage", "empty"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, [started()])
    table = CallTable(tmp_path)
    table.refresh()
    table.close()
    (tmp_path / "analytics.duckdb").write_bytes(damage)
    table = CallTable(tmp_path)
    assert len(rows(table)) == 1
    table.close()


def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    write(tmp_path, [started()])
    table = CallTable(tmp_path)
    table.refresh()
    table._db.execute("UPDATE meta SET value = '0'; DELETE FROM calls")
    table.close()
    table = CallTable(tmp_path)
    assert len(rows(table)) == 1
    table.close()


def test_a_second_process_is_refused(tmp_path: Path, table: CallTable) -> None:
    with pytest.raises(JournalLocked):
        CallTable(tmp_path)


def test_the_file_is_for_its_owner_only(tmp_path: Path, table: CallTable) -> None:
    assert (tmp_path / "analytics.duckdb").stat().st_mode & 0o077 == 0


def test_pages_go_from_the_newest_to_the_oldest_call(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started(number // 2, sid("CA", number)) for number in range(7)])
    table.refresh()
    keys: list[str] = []
    before: tuple[datetime, str] | None = None
    while page := listed(table, Filters(), 2, before):
        keys += [row.key for row in page]
        before = (page[-1].started_at, page[-1].key)
    assert keys == [sid("CA", number) for number in (6, 5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(language=("pt",)), [1, 2]),
        (Filters(language=("pt-BR",)), [1]),
        (Filters(agent=("bob",)), [3]),
        (Filters(channel=("voice",)), [1, 2, 3]),
        (Filters(channel=("sms",)), []),
        (Filters(start=at(2)), [2, 3]),
        (Filters(end=at(2)), [1]),
        (Filters(language=("pt'; DROP TABLE calls --",)), []),
    ],
)
def test_filters(table: CallTable, tmp_path: Path, filters: Filters, expected: list[int]) -> None:
    write(
        tmp_path,
        [started(1, sid("CA", 1)), started(2, sid("CA", 2), "pt"), started(3, sid("CA", 3), "en-US", "bob")],
    )
    table.refresh()
    found = listed(table, filters)
    assert sorted(int(row.key[2:], 16) for row in found) == expected


def some_journal() -> list[Record]:
    """Calls with corrections, second legs, late ends and results that came before their call."""
    records: list[Record] = []
    for number in range(12):
        call_sid = sid("CA", number)
        records.append(started(number, call_sid))
        if number % 2:
            records.append(started(number + 3, call_sid, "en-US", "bob"))
        if number % 3:
            records += [ended(number + 5, call_sid), ended(number + 8, call_sid, "lost")]
        for version in range(number % 4):
            known = call_sid if version else None
            records.append(result(number + 9 + version, number, known, csat=1 + (number + version) % 5))
        if number % 5 == 0:
            records.append(result(number + 20, 100 + number, call_sid, ces=1 + number % 7))
    return records


JOURNAL = some_journal()


@given(st.permutations(JOURNAL), st.lists(st.sampled_from(JOURNAL), max_size=10), st.integers(1, 4))
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_shuffling_repeating_and_splitting_the_lines_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, shuffled: list[Record], repeated: list[Record], parts: int
) -> None:
    expected = all_rows(tmp_path_factory.mktemp("straight"), [JOURNAL])
    lines = shuffled + repeated
    size = len(lines) // parts + 1
    split = [lines[start : start + size] for start in range(0, len(lines), size)]
    assert all_rows(tmp_path_factory.mktemp("shuffled"), split) == expected


def all_rows(folder: Path, parts: Sequence[Sequence[Record]]) -> list[CallRow]:
    table = CallTable(folder)
    found: list[CallRow] = []
    for part in parts:
        write(folder, part)
        found = rows(table)
    table.close()
    return found


def test_what_was_erased_does_not_come_back_with_a_restored_line(tmp_path: Path) -> None:
    write(tmp_path, [started(0, sid("CA", 1)), started(1, sid("CA", 2)), result(2, 3, sid("CA", 1), csat=5)])
    Tombstones(tmp_path).add("test", [("sid", sid("CA", 1))])
    table = CallTable(tmp_path)
    assert [row.key for row in rows(table)] == [sid("CA", 2)]
    assert skipped(table) == 0
    table.close()


def test_a_load_in_parts_gives_the_same_rows_as_one_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [started(n, sid("CA", n), caller=f"+1555{n % 3}") for n in range(9)]
    once, parts = tmp_path / "once", tmp_path / "parts"
    found = []
    for folder, most in ((once, 100), (parts, 2)):
        monkeypatch.setattr("signal_analytics.load.PART_CALLS", most)
        write(folder, lines)
        opened = CallTable(folder)
        changed = opened.refresh()
        assert (changed.calls, changed.first, changed.last) == (9, at(0), at(8))
        found.append([(row.key, row.repeated) for row in listed(opened)])
        opened.close()
    assert found[0] == found[1]
    assert sum(repeated is True for _, repeated in found[0]) == 6


def test_a_part_that_fails_is_made_up_for_by_the_next_refresh(
    table: CallTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal_analytics.load.PART_CALLS", 2)
    write(tmp_path, [started(n, sid("CA", n)) for n in range(5)])
    with monkeypatch.context() as broken:
        wanted, asked = load.sql, []

        def failing(name: str) -> str:
            asked.append(name)
            return "SELECT error('disk full')" if asked.count("assemble") == 2 else wanted(name)

        broken.setattr(load, "sql", failing)
        with pytest.raises(duckdb.Error, match="disk full"):
            table.refresh()
    assert len(listed(table)) == 2
    assert len(rows(table)) == 5


def test_a_line_that_concerns_no_call_changes_none(table: CallTable, tmp_path: Path) -> None:
    write(tmp_path, [started()])
    assert table.refresh().calls == 1
    write(tmp_path, [b'{"v":1,"id":"z","at":"2026-11-20T12:00:00Z","seq":1,"type":"erased"}'], "calls")
    changed = table.refresh()
    assert (changed.lines, changed.calls) == (1, 0)
    assert table.query(lambda db: db.execute("SELECT count(*) FROM touched").fetchall()) == [(0,)]


def test_a_table_made_anew_goes_on_with_a_greater_version(table: CallTable, tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, [started(number, sid("CA", number))])
        table.refresh()
    before, tag = table.version, table.tag
    changed = table.rebuild()
    assert (changed.calls, changed.lines) == (3, 3)
    assert changed.version == table.version > before
    assert table.tag != tag


def test_a_table_made_anew_of_nothing_has_changed_nothing_since(table: CallTable) -> None:
    assert (table.rebuild().lines, table.version) == (0, 1)
    assert table.query(lambda db: db.execute("SELECT count(*) FROM touched").fetchall()) == [(0,)]
