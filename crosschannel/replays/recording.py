"""A recorded call: what both sides did, out of the journal or out of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from shared.journal_reader import BadLine, JournalReader
from shared.records import (
    CallEnded,
    CallRecord,
    CallResumed,
    CallStarted,
    LanguageSwitched,
    ToolUse,
    Turn,
    decode_call,
)

VERSION = 1


class NoRecording(Exception):
    """There is nothing to replay; the message says why."""


class RecordedTurn(msgspec.Struct, kw_only=True):
    """One exchange. `lost_before`: the connection was lost and came back before it. `language` is the reply's."""

    input: Literal["speech", "dtmf", "operator"]
    caller_text: str
    reply_text: str = ""
    heard_text: str = ""
    interrupted: bool = False
    outcome: str = ""
    language: str = ""
    tools: list[ToolUse] = []
    first_text_ms: float | None = None
    lost_before: bool = False


class Recording(msgspec.Struct, kw_only=True):
    """A whole call. `reason` is how it ended, as in the journal: completed, agent_ended, handoff, failed, …"""

    call_sid: str
    caller: str
    called: str
    language: str
    turns: list[RecordedTurn]
    reason: str = ""
    agent: str = ""
    v: int = VERSION


def read_recording(source: str, data_dir: Path) -> Recording:
    """The recording in a file, or of the call with this sid in the journals. Raises NoRecording."""
    path = Path(source)
    if path.is_file():
        return _read_file(path)
    found = recording_of(journalled(data_dir), source)
    if found is None:
        raise NoRecording(f"{source} is neither a file nor a call in the journals of {data_dir}.")
    return found


def write_recording(recording: Recording, path: Path) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(recording)) + b"\n")


def journalled(data_dir: Path) -> Iterator[CallRecord]:
    """Every record of the `calls` stream that this version knows."""
    reader = JournalReader(data_dir, "calls")
    while lines := reader.read():
        for line in lines:
            if isinstance(line, BadLine):
                continue
            try:
                yield decode_call(line.raw)
            except (msgspec.MsgspecError, RecursionError):
                continue


def recording_of(records: Iterator[CallRecord], call_sid: str) -> Recording | None:
    """The call out of its records; a later record of a turn replaces the earlier. None when it is not there."""
    recording: Recording | None = None
    turns: dict[int, RecordedTurn] = {}
    lost = False
    for record in records:
        if record.call_sid != call_sid:
            continue
        match record:
            case CallStarted():
                recording = Recording(
                    call_sid=call_sid,
                    caller=record.caller,
                    called=record.called,
                    language=record.language,
                    turns=[],
                    agent=record.agent,
                )
            case Turn():
                before = turns.get(record.turn)
                turns[record.turn] = _turn(record, lost_before=before.lost_before if before else lost)
                lost = False
            case CallResumed():
                lost = True
            case LanguageSwitched() if record.turn in turns:
                turns[record.turn].language = record.to_language
            case CallEnded() if recording is not None:
                recording.reason = record.reason
            case _:
                pass
    if recording is None:
        return None
    recording.turns = [turns[number] for number in sorted(turns)]
    return recording


def _turn(record: Turn, *, lost_before: bool) -> RecordedTurn:
    return RecordedTurn(
        input=record.input,
        caller_text=record.caller_text,
        reply_text=record.reply_text,
        heard_text=record.heard_text,
        interrupted=record.interrupted,
        outcome=record.outcome,
        language=record.language,
        tools=record.tools,
        first_text_ms=record.latency.get("first_text_ms"),
        lost_before=lost_before,
    )


def _read_file(path: Path) -> Recording:
    try:
        recording = msgspec.json.decode(path.read_bytes(), type=Recording)
    except (OSError, msgspec.MsgspecError) as error:
        raise NoRecording(f"{path} is no recording: {error}.") from error
    if recording.v != VERSION:
        raise NoRecording(f"{path} is of version {recording.v}; this program reads version {VERSION}.")
    return recording
