"""Exports: the calls of a question as CSV or Parquet, and all calls as Parquet files by the day they started.

Whoever opens a CSV in a spreadsheet runs what looks like a formula: such cells get an apostrophe. Source: OWASP,
CSV injection.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from shared.secrets_file import private_directory
from signal_analytics.call_row import COLUMNS, FIELDS, CallRow
from signal_analytics.filters import Filters

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\0", "\r", "\n")
CSV_FIELDS = (*FIELDS, "summary")
# In files, times have their zone and callers see no hashes.
_SELECT = f"SELECT {COLUMNS}, summary, findings, unparsed FROM calls"


def csv_header() -> bytes:
    return _csv([CSV_FIELDS])


def csv_rows(rows: Sequence[CallRow]) -> bytes:
    """The rows as RFC 4180 lines; numbers stay numbers, text cannot be run."""
    return _csv([[_cell(value) for value in _values(row)] for row in rows])


def _values(row: CallRow) -> list[Any]:
    return [*(getattr(row, name) for name in FIELDS), row.evidence.summary if row.evidence else None]


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def write_parquet(db: duckdb.DuckDBPyConnection, filters: Filters, path: Path) -> None:
    """The calls of the filters as one Parquet file, complete or not there at all."""
    where, values = filters.where()
    _copy(db, f"{_SELECT} WHERE {where} ORDER BY started_at, key", values, path)


def write_partitions(db: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Any]:
    """Brings `folder/date=YYYY-MM-DD/calls.parquet` up to date: only days that have changed are written anew."""
    found = db.execute("SELECT DISTINCT started_at::DATE FROM calls ORDER BY 1").fetchall()
    days = [day for (day,) in found]
    dirty = {day for (day,) in db.execute("SELECT day FROM dirty_days").fetchall()}
    written = [day for day in days if day in dirty or not _partition(folder, day).exists()]
    for day in written:
        private_directory(_partition(folder, day).parent)
        statement = f"{_SELECT} WHERE started_at::DATE = $day ORDER BY started_at, key"
        _copy(db, statement, {"day": day}, _partition(folder, day))
    for day in dirty - set(days):  # its last call has moved to another day
        _partition(folder, day).unlink(missing_ok=True)
    db.execute("DELETE FROM dirty_days")
    return {"folder": str(folder), "written": written, "unchanged": len(days) - len(written)}


def _partition(folder: Path, day: date) -> Path:
    return folder / f"date={day.isoformat()}" / "calls.parquet"


def _copy(db: duckdb.DuckDBPyConnection, statement: str, values: dict[str, Any], path: Path) -> None:
    draft = path.with_name(path.name + ".new")
    db.execute(f"CREATE OR REPLACE TEMP TABLE exported AS {statement}", values)
    try:
        name = str(draft).replace("'", "''")
        db.execute(f"COPY (FROM exported) TO '{name}' (FORMAT parquet, COMPRESSION zstd)")
        draft.chmod(0o600)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
        db.execute("DROP TABLE IF EXISTS exported")
