"""What callers answered when asked, from Twilio's operator result to the number; records of other versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from intelligence_webhooks.results import result_of_transcript
from intelligence_webhooks.rules import packaged_rules
from intelligence_webhooks.wire import Transcript
from shared.records import LanguageSwitched, Record, SilencePrompt, encode
from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.periods import edges
from signal_analytics.report import aggregates
from signal_analytics.tallies import Question
from tests.analytics_kit import CALL, at, ended, result, rows, sid, skipped, stamp, started, turn, write
from tests.intelligence_kit import fixture

UTC_ZONE = ZoneInfo("UTC")


def operator_result(name: str, kind: str, **found: Any) -> bytes:
    (pattern, *_) = fixture("operator_results_json_beside_text")
    return json.dumps(
        pattern | {"name": name, "operator_type": kind, "text_generation_results": None} | found
    ).encode()


def analysed(number: int, *operator_results: bytes) -> Record:
    """What the intelligence service writes about call `number`, whose operators said that."""
    transcript = msgspec.convert(fixture("transcript") | {"sid": sid("GT", number)}, Transcript)
    record = result_of_transcript("event-1", transcript, [], operator_results, packaged_rules())
    record.call_sid, record.started_at = sid("CA", number), at(0)
    return stamp(record, 6, number)


def measured(folder: Path) -> dict[str, Any]:
    table = CallTable(folder)
    table.refresh()
    asked = Question(edges("day", at(0), at(1), UTC_ZONE), Filters())
    found = table.query(lambda db: aggregates(db, asked, UTC_ZONE))
    assert skipped(table) == 0
    table.close()
    total: dict[str, Any] = found["total"]
    return total


def test_what_callers_answered_in_a_survey_becomes_nps_and_surveyed_csat(tmp_path: Path) -> None:
    surveys = [
        operator_result("Survey NPS", "json", json_results={"nps": 10}),
        operator_result("Post-call survey: Net Promoter", "json", json_results={"rating": "9", "scale": 10}),
        operator_result(
            "NPS survey", "text-generation", text_generation_results={"result": "**NPS:** 6 out of 10"}
        ),
        operator_result("Survey NPS", "json", json_results={"nps": 8}),
    ]
    rated = operator_result("CSAT Survey", "json", json_results={"rating": 4})
    write(tmp_path, [analysed(number, survey, rated) for number, survey in enumerate(surveys)])
    found = measured(tmp_path)
    shares = [found["nps"][name] for name in ("n", "promoters_pct", "passives_pct", "detractors_pct", "score")]
    assert shares == [4, 50.0, 25.0, 25.0, 25.0]
    assert (found["csat_surveyed"]["n"], found["csat_surveyed"]["mean"], found["csat"]["n"]) == (4, 4.0, 0)


def test_an_answer_off_the_scale_or_guessed_by_a_model_is_no_nps(tmp_path: Path) -> None:
    refused = [
        operator_result("Survey NPS", "json", json_results={"nps": 11}),
        operator_result("Survey NPS", "json", json_results={"nps": 4, "scale": 5}),
        operator_result("Inferred NPS", "json", json_results={"nps": 10}),
    ]
    write(tmp_path, [analysed(number, answer) for number, answer in enumerate(refused)])
    found = measured(tmp_path)
    assert (found["calls"], found["nps"]["n"], found["nps"]["score"]) == (3, 0, None)


@pytest.mark.parametrize("reason", ["silent", "limit", "shutdown", "of a later version"])
def test_a_call_that_ended_in_another_way_is_ended_and_not_contained(tmp_path: Path, reason: str) -> None:
    prompts = [stamp(SilencePrompt(call_sid=CALL, turn=1, count=n), n) for n in (1, 2, 3)]
    switched = LanguageSwitched(call_sid=CALL, turn=1, from_language="en-US", to_language="pt-BR", cause="dtmf")
    write(tmp_path, [started(), turn(1), *prompts, stamp(switched, 4, 9), ended(5, reason=reason)])
    found = measured(tmp_path)
    assert (found["containment"]["n"], found["containment"]["count"]) == (1, 0)
    assert (found["silence_prompts"]["total"], found["languages"]["switches"]) == (3, 1)


def without(record: Record, *names: str) -> bytes:
    line = json.loads(encode(record))
    return json.dumps({name: value for name, value in line.items() if name not in names}).encode()


def test_records_of_an_older_version_without_what_came_later_are_read(tmp_path: Path) -> None:
    later = ("v", "nps", "csat_surveyed", "operators", "speakers", "reference_sids", "usage", "cost_usd", "speech")
    older = [without(one, *later, "latency", "tools") for one in (started(), turn(), ended(), result(csat=4))]
    write(tmp_path, [line.replace(b"{", b'{"v": 0, ', 1) for line in older])
    found = measured(tmp_path)
    assert (found["calls"], found["csat"]["mean"], found["interruptions"]["n"]) == (1, 4.0, 1)
    assert (found["cost"]["n"], found["talk"]["n"], found["nps"]["n"]) == (0, 0, 0)


def test_a_broken_line_beside_it_does_not_cost_an_answer(tmp_path: Path) -> None:
    """A file with a broken line is cleaned record by record: nothing that a record holds may be lost there."""
    odd = encode(result(nps=9)).replace(b'"duration_s":null', b'"duration_s":"x"')
    write(tmp_path, [encode(result(nps=9)), odd], "intel_results")
    table = CallTable(tmp_path)
    assert [row.nps for row in rows(table)] == [9.0]
    table.close()
