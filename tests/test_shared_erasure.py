"""Erasing a person from journals: nobody else loses anything, and no reader its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.erasure import erase, mentions, remaining
from shared.journal import Journal
from shared.journal_reader import BadLine, Entry, JournalReader
from shared.person import is_erased, person
from shared.records import (
    AuditRecord,
    CallEnded,
    CallStarted,
    ConversationEvent,
    DeadLetter,
    Erased,
    IntelEvent,
    IntelResult,
    Record,
    Turn,
    decode,
    encode,
)
from shared.tombstones import Tombstones

ADA, BOB = "+15551234567", "+15557654321"
OURS = "+15555550100"


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


def call(number: int, caller: str, text: str = "Hello.") -> list[Record]:
    call_sid = sid("CA", number)
    started = CallStarted(
        call_sid=call_sid,
        session_id=sid("VX", number),
        caller=caller,
        called=OURS,
        direction="inbound",
        language="en-US",
        agent="default",
    )
    turn = Turn(call_sid=call_sid, turn=1, input="speech", caller_text=text)
    return [started, turn, CallEnded(call_sid=call_sid, reason="completed", duration_s=3.0, turns=1)]


def write(data_dir: Path, stream: str, records: list[Record], **options: int) -> None:
    with closing(Journal.open(data_dir, stream, **options)) as journal:
        for record in records:  # one by one, so that small segments are sealed
            journal.append(record).result(5)


def erase_ada(data_dir: Path, *streams: str) -> dict[str, int]:
    journals = [Journal.open(data_dir, stream) for stream in streams]
    try:
        done = erase(data_dir, person(ADA), Tombstones(data_dir), "test", journals)
    finally:
        for journal in journals:
            journal.close()
    return dict(done.removed)


def found(data_dir: Path, stream: str) -> list[Record]:
    lines = JournalReader(data_dir, stream).read(100_000)
    assert not [line for line in lines if isinstance(line, BadLine)]
    return [decode(line.raw) for line in lines if isinstance(line, Entry)]


def left(data_dir: Path, *streams: str) -> int:
    return remaining(data_dir, person(ADA), Tombstones(data_dir), streams).total()


@pytest.mark.parametrize(
    "text",
    [
        "+15551234567",
        "15551234567",
        "5551234567",
        "(555) 123-4567",
        "555.123.4567",
        "001 555 123 4567",
        "%2B15551234567",
    ],
)
def test_a_number_is_known_in_the_spellings_people_use(text: str) -> None:
    assert person(ADA).mentioned(text.encode())


@pytest.mark.parametrize(
    "text", ["95551234567", "55512345678", "555123456", "+25551234567", "2026-11-29T09:15:55.512345"]
)
def test_other_numbers_are_not(text: str) -> None:
    found = person(ADA).spelling.search(text.encode())
    assert found is None or found[0] != text.encode()
    assert text == "+25551234567" or found is None


@pytest.mark.parametrize("text", ["", "5551234567", "+0123456789", "+1", "+1555123456789012345", "'; DROP TABLE"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164|country"):
        person(text)


def test_a_call_goes_with_all_its_records_and_other_calls_stay(tmp_path: Path) -> None:
    write(tmp_path, "calls", [*call(1, ADA), *call(2, BOB)])
    assert left(tmp_path, "calls") == 3
    assert erase_ada(tmp_path, "calls") == {"calls": 3}
    kinds = [type(record).__name__ for record in found(tmp_path, "calls")]
    assert kinds == ["Erased"] * 3 + ["CallStarted", "Turn", "CallEnded"]
    assert left(tmp_path, "calls") == 0


def test_an_outbound_call_is_the_one_who_was_called(tmp_path: Path) -> None:
    started = call(1, OURS)[0]
    assert isinstance(started, CallStarted)
    started.called, started.direction = ADA, "outbound"
    write(tmp_path, "calls", [started])
    assert erase_ada(tmp_path, "calls") == {"calls": 1}


def test_a_mention_in_somebody_elses_call_is_masked_and_the_turn_stays(tmp_path: Path) -> None:
    write(tmp_path, "calls", call(2, BOB, text="Call Ada on (555) 123-4567, or “5551234567”."))
    assert erase_ada(tmp_path, "calls") == {}
    turn = found(tmp_path, "calls")[1]
    assert isinstance(turn, Turn)
    assert turn.caller_text == "Call Ada on (*************, or “**********”."
    assert left(tmp_path, "calls") == 0


def test_what_hangs_on_the_call_goes_too_whoever_is_asked_first(tmp_path: Path) -> None:
    transcript = sid("GT", 1)
    body = msgspec.json.encode({"transcript_sid": transcript, "event_type": "x"}).decode()
    write(tmp_path, "calls", [*call(1, ADA), *call(2, BOB)])
    write(tmp_path, "intel_events", [IntelEvent(event_key="k1", body=body, headers={}, transcript_sid=transcript)])
    write(tmp_path, "intel_results", [IntelResult(source="v2", transcript_sid=transcript, call_sid=sid("CA", 1))])
    write(tmp_path, "dead_letters", [DeadLetter(reason="r", body=body), DeadLetter(reason="r", body="{}")])
    write(tmp_path, "audit", [AuditRecord(actor="eve", role="agent", action="say", target=sid("CA", 1))])
    assert erase_ada(tmp_path, "calls") == {"calls": 3}
    # By now only tombstones know which calls they were.
    rest = ("intel_events", "intel_results", "dead_letters", "audit")
    assert left(tmp_path, *rest) == 4
    assert erase_ada(tmp_path, *rest) == {"intel_events": 1, "intel_results": 1, "dead_letters": 1}
    assert left(tmp_path, "calls", *rest) == 0
    (audited,) = found(tmp_path, "audit")
    assert isinstance(audited, AuditRecord)
    assert (audited.action, audited.target) == ("say", "*" * 34)


def test_a_conversation_goes_and_the_platforms_own_address_is_nobody(tmp_path: Path) -> None:
    def event(number: int, **payload: str) -> ConversationEvent:
        key = f"key-{number}-{len(payload)}"
        conversation = sid("CH", number)
        return ConversationEvent(
            event_type="onX", source="webhook", conversation_sid=conversation, payload=payload, event_key=key
        )

    address = {"MessagingBinding.Address": f"whatsapp:{ADA}", "MessagingBinding.ProxyAddress": OURS}
    other = {"MessagingBinding.Address": BOB, "MessagingBinding.ProxyAddress": ADA}
    write(tmp_path, "conversation_events", [event(1, **address), event(1, Body="hi"), event(2, **other)])
    assert erase_ada(tmp_path, "conversation_events") == {"conversation_events": 2}
    assert Tombstones(tmp_path).covers(["key-1-2"])
    assert not Tombstones(tmp_path).covers(["key-2-2"])
    assert left(tmp_path, "conversation_events") == 0


def test_a_conversation_that_goes_on_is_a_new_one_and_an_old_line_of_it_stays_away(tmp_path: Path) -> None:
    def event(text: str) -> ConversationEvent:
        payload = {"Author": ADA, "Body": text}
        return ConversationEvent(
            event_type="onX", source="webhook", conversation_sid=sid("CH", 1), payload=payload
        )

    old = event("before")
    write(tmp_path, "conversation_events", [old])
    assert erase_ada(tmp_path, "conversation_events") == {"conversation_events": 1}
    later = event("after")
    write(tmp_path, "conversation_events", [later])
    tombstones = Tombstones(tmp_path)
    assert not is_erased(encode(later), tombstones)
    assert is_erased(encode(old), tombstones)  # from a restored copy
    assert left(tmp_path, "conversation_events") == 1  # kept since then, and erased when asked for again
    assert erase_ada(tmp_path, "conversation_events") == {"conversation_events": 1}
    assert left(tmp_path, "conversation_events") == 0


def test_sealed_archived_open_and_torn_files_are_clean(tmp_path: Path) -> None:
    write(tmp_path, "calls", [*call(1, ADA), *call(2, BOB)], segment_bytes=1)
    sealed = sorted((tmp_path / "sealed/calls").iterdir())
    assert len(sealed) > 3
    folder = tmp_path / "archive/20260101T000000Z/calls"
    folder.mkdir(parents=True)
    sealed[0].rename(folder / sealed[0].name)
    torn = tmp_path / "calls.ndjson.torn"
    torn.write_bytes(b'{"id":"x","caller":"+15551234567\n{"id":"y","caller":"+1999\n')
    write(tmp_path, "calls", call(3, ADA))
    assert erase_ada(tmp_path, "calls") == {"calls": 6}
    assert torn.read_bytes() == b'{"id":"y","caller":"+1999\n'
    assert sum(mentions(path, person(ADA)) for path in tmp_path.rglob("*") if path.is_file()) == 0
    assert sum(mentions(path, person(BOB)) for path in tmp_path.rglob("*") if path.is_file()) == 1
    assert not list(tmp_path.rglob("*.erase"))
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.ndjson") if path.is_file()}
    assert modes == {0o600}


def test_erasing_twice_changes_nothing_more(tmp_path: Path) -> None:
    write(tmp_path, "calls", call(1, ADA))
    erase_ada(tmp_path, "calls")
    before = {path: path.read_bytes() for path in tmp_path.glob("sealed/**/*.ndjson")}
    assert erase_ada(tmp_path, "calls") == {}
    assert {path: path.read_bytes() for path in before} == before


def test_a_later_call_of_the_same_number_is_a_new_one(tmp_path: Path) -> None:
    write(tmp_path, "calls", call(1, ADA))
    erase_ada(tmp_path, "calls")
    tombstones = Tombstones(tmp_path)
    assert tombstones.covers([sid("CA", 1)])
    assert not tombstones.covers([sid("CA", 9)])
    (line,) = [
        record for record in found(tmp_path, "tombstones") if record.id and getattr(record, "kind", "") == "phone"
    ]
    assert tombstones.covers_phone(ADA, line.at)
    assert not tombstones.covers_phone(ADA, line.at.replace(year=line.at.year + 1))
    assert ADA not in (tmp_path / "tombstones.test.ndjson").read_text()


def test_tombstones_without_their_key_are_not_trusted_silently(tmp_path: Path) -> None:
    write(tmp_path, "calls", call(1, ADA))
    erase_ada(tmp_path, "calls")
    (tmp_path / "erasure.key").write_bytes(b"short")
    with pytest.raises(OSError, match="damaged"):
        Tombstones(tmp_path)


def test_a_crash_before_the_rename_leaves_the_segment_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "calls", [*call(1, ADA), *call(2, BOB)])

    def fail(*_: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="power cut"):
            erase_ada(tmp_path, "calls")
    assert len(found(tmp_path, "calls")) == 6
    assert erase_ada(tmp_path, "calls") == {"calls": 3}


records = st.lists(st.tuples(st.sampled_from([ADA, BOB]), st.text(max_size=30)), min_size=1, max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=records, read_before=st.integers(0, 40), segment_bytes=st.integers(1, 2500), broken=st.booleans())
def test_a_follower_neither_skips_nor_repeats_a_record_over_an_erasure(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[tuple[str, str]],
    read_before: int,
    segment_bytes: int,
    broken: bool,
) -> None:
    data_dir = tmp_path_factory.mktemp("erase")
    if broken:  # a damaged first line gives its segment its name
        (data_dir / "calls.ndjson").write_bytes(b'{"broken": "+15551234567", "padding": "' + b"x" * 120 + b"\n")
    written = [record for n, (caller, text) in enumerate(calls) for record in call(n, caller, text)]
    write(data_dir, "calls", written, segment_bytes=segment_bytes)
    follower = JournalReader(data_dir, "calls")
    seen = list(_ids(follower, read_before))
    erase_ada(data_dir, "calls")
    write(data_dir, "calls", later := call(99, BOB))
    seen += _ids(follower, 100_000)
    seen += _ids(follower, 100_000)
    expected = [record.id for record in [*written, *later]]
    assert [one for one in seen if one and not one.startswith("!")] == expected
    assert len(seen) == len(expected) + broken
    kept = [record.id for record in found_or_bad(data_dir) if not isinstance(record, Erased)]
    gone = {
        record.id for n, (caller, text) in enumerate(calls) if caller == ADA for record in call_ids(written, n)
    }
    assert kept == [one for one in expected if one not in gone]


def call_ids(written: list[Record], number: int) -> list[Record]:
    return written[3 * number : 3 * number + 3]


def found_or_bad(data_dir: Path) -> list[Record]:
    lines = JournalReader(data_dir, "calls").read(100_000)
    return [decode(line.raw) for line in lines if isinstance(line, Entry)]


def _ids(reader: JournalReader, limit: int) -> Iterator[str]:
    while limit > 0 and (lines := reader.read(limit)):
        limit -= len(lines)
        yield from (line.id if isinstance(line, Entry) else "" for line in lines)
