"""The recorded week loaded into a new data directory, so that the first `make up` shows a company at work."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import msgspec

from crosschannel.week.first_start import STORE_FILE, has_data
from crosschannel.week.tape import ACCOUNT, INTELLIGENCE, NUMBER, SERVICE, Item, mover, read, shift_of
from sandbox.sids import derived_sid
from sandbox.store import Store
from shared.config import TwilioAccount
from shared.secrets_file import private_directory

FILE = "week.ndjson.xz"
UNFINISHED = "week.unfinished"
OUR_NUMBER = "+15555550100"


def load_week(data_dir: Path, account: TwilioAccount, now: datetime | None = None) -> int:
    """How many calls and conversations were loaded; 0 when there is data already, or no recorded week.

    Journals are written as sealed segments, one for each day, so that services find them as they would find their
    own. Nothing is written when the file cannot be read. Raises OSError when the disk refuses.
    """
    packed = resources.files("crosschannel.week").joinpath(FILE)
    if has_data(data_dir) or not packed.is_file():
        return 0
    _, items = read(packed.read_bytes())
    return load_items(items, data_dir, account, now or datetime.now(UTC))


def load_items(items: Iterable[Item], data_dir: Path, account: TwilioAccount, now: datetime) -> int:
    """Writes the items into an empty data directory: apart at first, so that a kill leaves no half week."""
    own = _own_values(account)
    lines: dict[str, list[str]] = defaultdict(list)
    documents: list[tuple[str, tuple[str, str, str, str | None, str]]] = []
    count = 0
    for item in items:
        count += 1
        move = mover(shift_of(item, now))
        for stream, texts in item.lines.items():
            lines[stream] += (move(own(text)) for text in texts)
        for kind, scope, sid, name, body in item.documents:
            moved = move(own(body))
            row = (kind, own(scope), sid, None if name is None else own(name), moved)
            documents.append((_made_at(moved), row))
    unfinished = data_dir / UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    private_directory(unfinished)
    for stream, texts in lines.items():
        _seal(unfinished, stream, texts)
    _store(unfinished, documents)
    for made in unfinished.iterdir():
        made.rename(data_dir / made.name)
    unfinished.rmdir()
    return count


def _own_values(account: TwilioAccount) -> _Replacer:
    return _Replacer(
        {
            ACCOUNT: account.account_sid,
            INTELLIGENCE: account.intelligence_service_sid or derived_sid("GA", account.account_sid),
            NUMBER: account.phone_number or OUR_NUMBER,
            SERVICE: derived_sid("IS", account.account_sid),
        }
    )


class _Replacer:
    """Puts the values of this installation where the placeholders are."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __call__(self, text: str) -> str:
        for placeholder, value in self._values.items():
            text = text.replace(placeholder, value)
        return text


def _seal(data_dir: Path, stream: str, texts: list[str]) -> None:
    """One sealed segment for each day, numbered from its first to its last line."""
    folder = private_directory(private_directory(data_dir / "sealed") / stream)
    days: dict[str, list[str]] = defaultdict(list)
    for number, text in enumerate(sorted(texts, key=_at), 1):
        days[_at(text)[:10]].append(_numbered(text, number))
    for day, found in days.items():
        path = folder / f"{day}-1.ndjson"
        path.touch(mode=0o600)
        path.write_text("".join(f"{text}\n" for text in found), encoding="utf-8")
        # Readers pass over segments that were last written before the time they want.
        last_s = datetime.fromisoformat(_at(found[-1])).timestamp()
        os.utime(path, (last_s, last_s))


def _at(text: str) -> str:
    """The time of a journal line; it stands in every line as `"at":"…Z"`."""
    start = text.index('"at":"') + 6
    return text[start : text.index('"', start)]


def _numbered(text: str, number: int) -> str:
    start = text.index('"seq":') + 6
    end = start
    while text[end].isdigit():
        end += 1
    return f"{text[:start]}{number}{text[end:]}"


def _made_at(body: str) -> str:
    """What documents are ordered by: the first date in them, their creation."""
    start = body.find('"date_created":"')
    return body[start + 16 : start + 36] if start >= 0 else ""


def _store(data_dir: Path, documents: list[tuple[str, tuple[str, str, str, str | None, str]]]) -> None:
    if not documents:
        return
    store = Store(data_dir / STORE_FILE)
    store.open()
    try:
        with store.transaction():
            for _, (kind, scope, sid, name, body) in sorted(documents, key=lambda document: document[0]):
                store.add(kind, scope, sid, msgspec.json.decode(body), name)
    finally:
        store.close()
