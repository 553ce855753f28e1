"""The routes of the exports; who takes what with them is written down."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from shared.records import new_id
from shared.service import SETTINGS, audit, json_response
from signal_analytics.call_row import oldest_calls
from signal_analytics.exports import csv_header, csv_rows, write_parquet, write_partitions
from signal_analytics.query import parse_page
from signal_analytics.worker import WORKER

PAGE = 2000
ATTACHMENT = {"Content-Disposition": 'attachment; filename="calls.{}"'}


async def as_csv(request: web.Request) -> web.StreamResponse:
    """The calls of a question, oldest first, page by page: as long as it may be, it needs little memory."""
    filters, worker = parse_page(request.query).filters, request.app[WORKER]
    audit(request, "export", f"csv {request.query_string}")
    response = web.StreamResponse(headers=_headers("csv"))
    response.content_type = "text/csv"
    await response.prepare(request)
    await response.write(csv_header())
    after: tuple[datetime, str] | None = None
    while True:
        rows = await worker.ask(lambda db: oldest_calls(db, filters, PAGE, after))  # noqa: B023
        if rows:
            await response.write(csv_rows(rows))
            after = rows[-1].started_at, rows[-1].key
        if len(rows) < PAGE:
            await response.write_eof()
            return response


async def as_parquet(request: web.Request) -> web.Response:
    """The calls of a question as one Parquet file."""
    filters, worker = parse_page(request.query).filters, request.app[WORKER]
    audit(request, "export", f"parquet {request.query_string}")
    path = request.app[SETTINGS].data_dir / f"analytics.export.{new_id()}.tmp"

    def work(db: Any) -> bytes:
        try:
            write_parquet(db, filters, path)
            return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    body = await worker.ask(work)
    return web.Response(body=body, content_type="application/vnd.apache.parquet", headers=_headers("parquet"))


async def partitions(request: web.Request) -> web.Response:
    """Brings the Parquet files by day up to date."""
    folder = export_folder(request.app[SETTINGS].data_dir)
    audit(request, "export", "partitions")
    return json_response(await request.app[WORKER].ask(lambda db: write_partitions(db, folder)))


def export_folder(data_dir: Path) -> Path:
    return data_dir / "export" / "calls"


def _headers(kind: str) -> dict[str, str]:
    return {name: value.format(kind) for name, value in ATTACHMENT.items()}
