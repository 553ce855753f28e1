"""What becomes of data that is kept: cleared into the archive, erased on a person's wish."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from flask import Request, Response

from intelligence_webhooks.ledger import FILE_NAME
from intelligence_webhooks.replies import audit, json_reply, log, read_json
from intelligence_webhooks.store import Store
from shared.erase_route import EraseReport, EraseRequest, check, search
from shared.erasure import erase
from shared.journal import Journal, JournalError
from shared.problem import Problem
from shared.records import Cleared, utc_now
from shared.secrets_file import private_directory
from shared.segments import sealed_paths, sync_directory

DEADLINE_S = 30.0


class ClearReport(msgspec.Struct):
    """How many lines of each stream were moved, to which folder of DATA_DIR, and when."""

    archived: dict[str, int]
    archived_until: datetime
    folder: str


def clear(store: Store, request: Request) -> Response:
    """What was moved to the archive; nothing is destroyed and every event stays known. Raises Problem 503."""
    try:
        with store.reconciling:  # a reconcile under way would fill what is being put aside
            report = clear_store(store)
    except (JournalError, OSError, TimeoutError) as error:
        log.error("clear not finished", reason=str(error))
        raise Problem(503, "Not everything could be archived. Ask again.", code=50300) from error
    audit(store, request, "cleared", outcome=f"{sum(report.archived.values())} lines")
    return json_reply(report)


def clear_store(store: Store) -> ClearReport:
    """Seals and moves the segments, then says so in the journal, from which a rebuild learns it too."""
    until = utc_now()
    folder = Path("archive") / until.strftime("%Y%m%dT%H%M%S%fZ")
    archived = {}
    for journal in (store.events, store.results, store.dead_letters):
        journal.seal().result(DEADLINE_S)
        archived[journal.series] = _move(journal, store.settings.data_dir, folder)
    record = Cleared(until=until, folder=str(folder), archived=archived)
    store.events.append(record).result(DEADLINE_S)
    store.intake.settle()
    return ClearReport(archived, until, str(folder))


def _move(journal: Journal, data_dir: Path, folder: Path) -> int:
    """Moves the sealed segments of a journal; how many lines they hold."""
    lines = 0
    paths = sealed_paths(data_dir, journal.series)
    if not paths:
        return 0
    private_directory(data_dir / "archive")
    private_directory(data_dir / folder)
    target = private_directory(data_dir / folder / journal.series)
    for path in paths:
        with path.open("rb") as file:
            lines += sum(1 for _ in file)
        path.rename(target / path.name)
    for directory in (target, target.parent, target.parent.parent, data_dir, paths[0].parent):
        sync_directory(directory)
    return lines


def erase_caller(store: Store, request: Request) -> Response:
    """What was removed of a person here, or is still found. Raises Problem 400, 409 or 503."""
    asked = read_json(request, EraseRequest)
    settings, tombstones = store.settings, store.tombstones
    who = check(asked, settings)
    if asked.search:
        return json_reply(EraseReport(left=search(settings, who, tombstones, store.journals)))
    try:
        store.intake.settle()
        done = erase(settings.data_dir, who, tombstones, settings.service, store.journals)
        rows = store.ledger.erase(who, tombstones)
    except (JournalError, OSError, TimeoutError) as error:
        log.error("erasure not finished", reason=str(error))
        raise Problem(503, "Not everything could be erased. Ask again.", code=50300) from error
    audit(store, request, "erased", outcome=f"{done.removed.total()} removed")
    report = EraseReport(removed=dict(done.removed), masked=dict(done.masked), derived={FILE_NAME: rows})
    return json_reply(report)
