"""Journal lines that could not be read: counted, and listed with file and line."""

from __future__ import annotations

from typing import Any

import duckdb


def skipped_lines(db: duckdb.DuckDBPyConnection) -> int:
    """How many journal lines could not be read so far."""
    ((lines,),) = db.execute("SELECT count(*) FROM rejects").fetchall()
    return int(lines)


def listed_rejects(db: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, Any]]:
    """The lines met last, the newest first. A sealed segment has another name than when it was open."""
    found = db.execute(
        "SELECT stream, file, line, reason FROM rejects ORDER BY rowid DESC LIMIT ?", [limit]
    ).fetchall()
    return [dict(zip(("stream", "file", "line", "reason"), values, strict=True)) for values in found]
