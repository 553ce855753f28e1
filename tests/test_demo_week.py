"""The demo week: planned, packed, moved so that it ends today, and loaded where nothing is yet."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crosschannel.week import load, plan
from crosschannel.week.first_start import STORE_FILE, has_data, show_a_week
from crosschannel.week.load import load_items, load_week
from crosschannel.week.pack import pack
from crosschannel.week.tape import Head, Item, mover, read, shift_of, write
from sandbox.sids import derived_sid
from sandbox.store import Store
from shared.config import TwilioAccount, load_settings
from shared.journal import Journal
from shared.journal_reader import BadLine, JournalReader
from shared.records import CallEnded, CallStarted, IntelEvent, IntelResult, decode

ACCOUNT = TwilioAccount(
    "ACdec0de" + "4" * 26, "token", phone_number="+15555550123", intelligence_service_sid="GA" + "4" * 32
)
OTHER = TwilioAccount(
    "ACdec0de" + "8" * 26, "token", phone_number="+15555550177", intelligence_service_sid="GA" + "8" * 32
)
NOW = datetime(2026, 12, 3, 15, 30, tzinfo=UTC)  # a Thursday
SID, TRANSCRIPT = "CA" + "2" * 32, "GT" + "2" * 32


def lines_of(data_dir: Path, stream: str) -> list[bytes]:
    found = []
    reader = JournalReader(data_dir, stream)
    while lines := reader.read():
        assert not [line for line in lines if isinstance(line, BadLine)]
        found += [line.raw for line in lines if not isinstance(line, BadLine)]
    return found


def recorded_folder(folder: Path) -> None:
    """What a platform leaves of one call."""
    journal = Journal.open(folder, "calls")
    started = CallStarted(
        call_sid=SID,
        session_id="VX",
        caller="+15555550101",
        called=str(ACCOUNT.phone_number),
        direction="inbound",
        language="en-US",
        agent="reception",
        account_sid=ACCOUNT.account_sid,
    )
    for record in (started, CallEnded(call_sid=SID, reason="completed", duration_s=9, turns=0)):
        journal.append(record).result(5)
    journal.close()
    event = IntelEvent(event_key="k", body="{}", headers={}, kind="v2", transcript_sid=TRANSCRIPT)
    events = Journal.open(folder, "intel_events")
    events.append(event).result(5)
    events.close()
    results = Journal.open(folder, "intel_results")
    for csat in (1.0, 5.0):
        results.append(
            IntelResult(source="v2", transcript_sid=TRANSCRIPT, call_sid=SID, csat=csat, event_id=event.id)
        ).result(5)
    results.close()
    store = Store(folder / "sandbox.sqlite")
    store.open()
    store.add(
        "Transcripts", ACCOUNT.account_sid, TRANSCRIPT, {"sid": TRANSCRIPT, "date_created": "2026-11-29T10:00:00Z"}
    )
    store.add("Sentences", TRANSCRIPT, "GX1", {"transcript": "hello", "account_sid": ACCOUNT.account_sid})
    store.add("Services", ACCOUNT.account_sid, "IS1", {"not": "a call's"})
    store.close()


def test_what_a_call_left_is_packed_and_loaded_elsewhere_at_its_moment(tmp_path: Path) -> None:
    recorded, new = tmp_path / "recorded", tmp_path / "new"
    recorded.mkdir()
    new.mkdir()
    recorded_folder(recorded)
    items = pack(recorded, ACCOUNT, {SID: timedelta(days=1, hours=9)})
    assert load_items(items, new, OTHER, NOW) == 1
    records = [
        decode(raw) for stream in ("calls", "intel_events", "intel_results") for raw in lines_of(new, stream)
    ]
    started, ended, event, result = records
    assert isinstance(started, CallStarted)
    assert isinstance(event, IntelEvent)
    assert isinstance(result, IntelResult)
    assert (started.account_sid, started.called) == (OTHER.account_sid, OTHER.phone_number)
    assert started.at == datetime(2026, 12, 1, 9, tzinfo=UTC), "Tuesday, nine o'clock of the week that ends now"
    assert result.csat == 5.0, "only the last result is kept"
    assert result.event_id == event.id, "ids move together"
    assert int(started.id[:12], 16) == pytest.approx(started.at.timestamp() * 1000, abs=2)
    assert [record.seq for record in (started, ended)] == [1, 2]
    store = Store(new / "sandbox.sqlite")
    store.open()
    assert store.get("Transcripts", OTHER.account_sid, TRANSCRIPT) is not None
    assert store.get("Services", OTHER.account_sid, "IS1") is None
    sentence = store.get("Sentences", TRANSCRIPT, "GX1")
    store.close()
    assert sentence == {"transcript": "hello", "account_sid": OTHER.account_sid}


def test_the_week_ends_now_and_nothing_is_in_the_future() -> None:
    began = datetime(2026, 11, 29, 10, tzinfo=UTC)
    for day in range(7):
        for hour in range(24):
            item = Item(began_at=began, after_s=timedelta(days=day, hours=hour).total_seconds())
            moved = began + shift_of(item, NOW)
            assert NOW - timedelta(days=7) - timedelta(minutes=16) <= moved <= NOW
            assert (moved.weekday(), moved.hour) == (day, hour)


def test_dates_and_ids_move_and_other_texts_stay() -> None:
    move = mover(timedelta(days=2, seconds=1))
    assert move('{"at":"2026-11-29T23:59:59.500000Z"}') == '{"at":"2026-12-02T00:00:00.500000Z"}'
    assert move('["2026-11-29T10:00:00Z"]') == '["2026-12-01T10:00:01Z"]'
    assert move('"Sun, 29 Nov 2026 10:00:00 +0000"') == '"Tue, 01 Dec 2026 10:00:01 +0000"'
    timed = "019daf000000" + "7abc8" + "0" * 15
    assert int(move(f'"{timed}"')[1:13], 16) - int(timed[:12], 16) == 172_801_000
    others = f'"CA{timed}" "+15555550101" "on 2026-11-29T10:00:00Z" "2026-11-29"'
    assert move(others) == others


def test_a_folder_with_data_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calls.ndjson").write_text("")
    assert load_week(tmp_path, OTHER) == 0
    assert not (tmp_path / "sealed").exists()


def test_services_that_start_at_once_load_one_week(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = {"TWILIO_ACCOUNT_SID": OTHER.account_sid, "TWILIO_AUTH_TOKEN": "t", "OPENAI_API_KEY": "sk-demo"}
    env = {**values, "DATA_DIR": str(tmp_path)}
    settings = load_settings("crosschannel", env)
    show_a_week(env, load_settings("crosschannel", {**env, "DEMO_WEEK": "0"}))
    show_a_week({**env, "TWILIO_ACCOUNT_SID": "AC" + "1" * 32}, settings)
    assert not has_data(tmp_path)
    (tmp_path / load.UNFINISHED / "sealed").mkdir(parents=True)  # somebody was killed while loading
    assert not has_data(tmp_path)
    code = "import sys,msgspec; from crosschannel.week.first_start import *; from shared.config import *; "
    code += "env = msgspec.json.decode(sys.argv[1]); show_a_week(env, load_settings('crosschannel', env))"
    started = [subprocess.Popen([sys.executable, "-c", code, json.dumps(env)]) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert capfd.readouterr().err.count("Loaded a recorded week") == 1
    assert not (tmp_path / load.UNFINISHED).exists()
    sids = [json.loads(raw)["call_sid"] for raw in lines_of(tmp_path, "calls") if b'"call_started"' in raw]
    assert len(sids) == len(set(sids)) > 100


def test_a_tape_is_read_as_it_was_written(tmp_path: Path) -> None:
    head = Head(recorded_at=NOW, calls=1, chats=0, seed=7)
    item = Item(began_at=NOW, after_s=5, lines={"calls": ["{}"]}, documents=[("a", "b", "c", None, "{}")])
    write(tmp_path / "x", head, [item])
    found, items = read((tmp_path / "x").read_bytes())
    assert (found, list(items)) == (head, [item])
    write(tmp_path / "y", Head(recorded_at=NOW, calls=1, chats=0, seed=7, v=9), [])
    with pytest.raises(ValueError, match="version 9"):
        read((tmp_path / "y").read_bytes())


def test_the_plan_is_the_same_for_the_same_seed_and_looks_like_a_week() -> None:
    week = plan.calls(400, 7)
    assert week == plan.calls(400, 7) != plan.calls(400, 8)
    assert [call.after for call in week] == sorted(call.after for call in week)
    languages = {call.language for call in week}
    days = [sum(call.after.days == day for call in week) for day in range(7)]
    assert languages == {"en-US", "pt-BR", "es-US"}
    assert days[6] < min(days[:6])
    assert {call.persona for call in week} == set(plan.PERSONAS)
    assert len({call.number for call in week}) > 80


def test_the_shipped_week_is_whole(tmp_path: Path) -> None:
    packed = Path(load.__file__).parent / load.FILE
    head, _ = read(packed.read_bytes())
    assert load_week(tmp_path, OTHER, NOW) == head.calls + head.chats
    assert load_week(tmp_path, OTHER, NOW) == 0, "the second start loads nothing"
    calls = [decode(raw) for raw in lines_of(tmp_path, "calls")]
    started = {record.call_sid: record for record in calls if isinstance(record, CallStarted)}
    ended = {record.call_sid for record in calls if isinstance(record, CallEnded)}
    results = [decode(raw) for raw in lines_of(tmp_path, "intel_results")]
    events = {json.loads(raw)["id"] for raw in lines_of(tmp_path, "intel_events")}
    assert len(started) == head.calls
    assert ended == set(started)
    assert {one.call_sid for one in results if isinstance(one, IntelResult)} == set(started)
    assert {one.event_id for one in results if isinstance(one, IntelResult)} <= events
    assert all(NOW - timedelta(days=7, hours=1) <= record.at <= NOW for record in calls)
    assert {one.language for one in results if isinstance(one, IntelResult)} >= {"en-US", "pt-BR", "es-US"}
    everything = b"".join(path.read_bytes() for path in (tmp_path / "sealed").rglob("*.ndjson"))
    assert everything.count(b"ACdec0de") == everything.count(OTHER.account_sid.encode())
    assert b"{account}" not in everything
    store = Store(tmp_path / STORE_FILE)
    store.open()
    transcripts = store.select("Transcripts", OTHER.account_sid)
    conversations = store.select("Conversations", derived_sid("IS", OTHER.account_sid))
    store.close()
    assert len(transcripts) == head.calls
    assert len(conversations) == head.chats
