"""Operator results of every type become one form, and scores only where they can be read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intelligence_webhooks import wording
from intelligence_webhooks.outcomes import needs_second_read, outcome_of_v2
from intelligence_webhooks.payload import parse_execution
from intelligence_webhooks.results import result_of_execution, result_of_transcript, role_of
from intelligence_webhooks.rules import Bands, load_rules, packaged_rules, parse_rules
from intelligence_webhooks.scores import Scores, score
from intelligence_webhooks.wire import Sentence, Transcript
from intelligence_webhooks.wording import Unreadable
from shared.config import ConfigError
from shared.records import IntelResult, OperatorOutcome
from tests.intelligence_kit import CALL_SID, fixture, fixture_bytes, sid

RULES = packaged_rules()
# How fast an example runs says more about the machine than about the code.
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcomes(name: str) -> list[OperatorOutcome]:
    return [outcome_of_v2(msgspec.json.encode(item)) for item in fixture(name)]


def scored(name: str) -> tuple[Scores, dict[str, OperatorOutcome]]:
    scores, marked = score(outcomes(name), RULES)
    return scores, {outcome.name: outcome for outcome in marked}


def v2_result(transcript: str = "transcript", results: str = "operator_results_json") -> IntelResult:
    return result_of_transcript(
        "event-1",
        msgspec.convert(fixture(transcript), Transcript),
        msgspec.convert(fixture("sentences"), list[Sentence]),
        [msgspec.json.encode(item) for item in fixture(results)],
        RULES,
    )


def v3_result(name: str, previous: IntelResult | None = None) -> IntelResult:
    return result_of_execution("event-1", parse_execution(fixture_bytes(name).decode()), previous, RULES)


def test_json_operators_give_every_score() -> None:
    scores, _ = scored("operator_results_json")
    assert (scores.csat, scores.ces, scores.sentiment) == (4.0, 6.0, "positive")
    assert (scores.hallucinations, scores.escalation_requested) == (1, False)
    assert scores.summary == "The customer asked for the balance and got it."


def test_the_legal_risk_of_a_call_is_its_worst_finding_and_no_sum() -> None:
    risk = scored("operator_results_json")[0].legal_risk
    assert risk is not None
    assert (risk.score, risk.band, len(risk.findings)) == (72.0, "high", 3)


def test_no_findings_is_a_score_of_zero_but_no_result_is_none() -> None:
    found = OperatorOutcome(name="Legal Risk", operator_type="json", value={"findings": []})
    risk = score([found], RULES)[0].legal_risk
    assert risk is not None
    assert (risk.score, risk.band) == (0.0, "low")
    assert score([], RULES)[0].legal_risk is None


@pytest.mark.parametrize(
    ("value", "band"), [(0, "low"), (39.9, "low"), (40, "medium"), (69.9, "medium"), (70, "high"), (100, "high")]
)
def test_bands_begin_at_their_lowest_score(value: float, band: str) -> None:
    assert Bands(medium_from=40, high_from=70).band(value) == band


@pytest.mark.parametrize(
    ("name", "csat", "ces", "risk", "hallucinations", "sentiment"),
    [
        ("operator_results_text_english", 4.0, 4.0, 40.0, 3, "mixed"),
        ("operator_results_text_portuguese", 5.0, 6.0, 75.0, 2, "positive"),
        ("operator_results_text_spanish", 3.0, 5.5, 20.0, 0, "negative"),
    ],
)
def test_text_operators_are_read_in_three_languages(
    name: str, csat: float, ces: float, risk: float, hallucinations: int, sentiment: str
) -> None:
    scores, marked = scored(name)
    assert (scores.csat, scores.ces, scores.hallucinations) == (csat, ces, hallucinations)
    assert scores.legal_risk is not None
    assert (scores.legal_risk.score, scores.sentiment) == (risk, sentiment)
    assert all(outcome.parsed for outcome in marked.values())


def test_findings_of_a_text_keep_category_and_evidence() -> None:
    risk = scored("operator_results_text_english")[0].legal_risk
    assert risk is not None
    assert [(f.category, f.severity, f.evidence) for f in risk.findings] == [
        ("Miscommunication", 30.0, "The agent misunderstood the question"),
        ("Potentially misleading advice", 40.0, "The agent gave advice"),
        ("hallucination", 40.0, ""),
    ]


def test_what_cannot_be_parsed_is_unparsed_and_never_zero() -> None:
    scores, marked = scored("operator_results_prose")
    assert scores == Scores()
    assert all(not outcome.parsed and outcome.reason for outcome in marked.values())
    assert marked["Inferred CSAT"].value is not None


def test_redacted_texts_are_unparsed() -> None:
    scores, marked = scored("operator_results_redacted")
    assert scores == Scores()
    assert {outcome.reason for outcome in marked.values()} == {"redacted"}


def test_values_off_their_scale_are_refused_and_not_clamped() -> None:
    scores, marked = scored("operator_results_out_of_range")
    assert scores == Scores()
    assert marked["Virtual Agent Predictive CSAT"].reason == "csat: 0 is outside 1 to 5"
    assert marked["Customer Effort Score"].reason == "ces: the scale is 5, not 7"
    assert not any(outcome.parsed for outcome in marked.values())


def test_an_effort_score_where_low_is_easy_is_turned_round() -> None:
    assert scored("operator_results_easy_is_low")[0].ces == 6.0


def test_json_beats_text_and_a_survey_is_kept_apart() -> None:
    scores, _ = scored("operator_results_json_beside_text")
    assert (scores.csat, scores.csat_surveyed) == (4.5, 1.0)


def test_a_hallucination_counts_when_it_happened_and_not_when_the_operator_ran() -> None:
    fine = OperatorOutcome(
        name="Hallucination Detection",
        operator_type="json",
        value={"correct": "yes", "provided_knowledge_conflict": "no"},
    )
    assert score([fine], RULES)[0].hallucinations == 0


def test_every_operator_type_has_one_form() -> None:
    found = {outcome.name: outcome for outcome in outcomes("operator_results_extract")}
    assert found["Escalation Request"].value == {"matched": True, "entities": {"Escalation": ["a person please"]}}
    assert found["Entity Recognition"].value == {"matched": False, "entities": {}}
    assert found["PII Extraction"].value["entities"] == {"Name": ["[Redacted:Name]"]}
    assert found["Dates"].value["normalized"] == {"Date": ["2026-11-20"]}
    assert found["Tone"].value["matched"] is True
    assert found["Prod_CallDisposition"].value == {"label": "Ordinary", "probability": 0.733338952065}
    assert found["Crystal Ball"].reason == "unknown operator type 'hologram'"
    assert not found[""].parsed
    assert score(list(found.values()), RULES)[0].escalation_requested is True


MANY = [*outcomes("operator_results_json"), *outcomes("operator_results_json_beside_text")]


@calm
@given(st.permutations(MANY))
def test_the_order_of_results_changes_nothing(shuffled: list[OperatorOutcome]) -> None:
    assert score(shuffled, RULES)[0] == score(MANY, RULES)[0]


def test_listed_results_without_any_result_field_are_read_again() -> None:
    hollow, full = fixture("operator_results_hollow")[0], fixture("operator_results_json")[0]
    assert needs_second_read(msgspec.json.encode(hollow))
    assert not needs_second_read(msgspec.json.encode(full))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("CSAT Score: 4-Good", 4.0),
        ("**CSAT Score**: **5**", 5.0),
        ("CSAT: 4/5", 4.0),
        ("Nota CSAT: 3", 3.0),
        ("the customer gave it a score of 2 (Bad)", 2.0),
        ("Pontuação de satisfação: 4,5", 4.5),
    ],
)
def test_wordings_of_csat(text: str, value: float) -> None:
    assert wording.read_number("csat", text) == value


@pytest.mark.parametrize("text", ["CSAT: 8/10", "CSAT: 4\nCSAT: 2", "no number at all", "4", "", "CSAT: good"])
def test_a_text_without_one_clear_score_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        wording.read_number("csat", text)


@calm
@given(st.text())
def test_readers_answer_or_refuse_any_text(text: str) -> None:
    for read in (
        lambda t: wording.read_number("ces", t),
        wording.read_count,
        wording.read_findings,
        wording.read_intents,
    ):
        try:
            read(text)
        except Unreadable:
            continue


def test_a_transcript_is_tied_to_its_call_and_starts_when_the_media_did() -> None:
    result = v2_result()
    assert (result.call_sid, result.channel, result.language) == (CALL_SID, "voice", "pt-BR")
    assert result.started_at is not None
    assert result.started_at.isoformat() == "2026-11-20T10:00:00+00:00"
    assert (result.duration_s, result.event_id, result.source) == (112.0, "event-1", "v2")


def test_without_reference_the_customer_key_names_the_call() -> None:
    result = v2_result("transcript_call_in_customer_key")
    assert result.call_sid == sid("CA", 5)
    assert result.started_at is not None
    assert result.started_at.isoformat() == "2026-11-20T10:02:00+00:00"


def test_a_channel_of_another_shape_does_not_stop_the_result() -> None:
    assert v2_result("transcript_odd_channel").call_sid is None


def test_a_finding_without_words_quotes_its_sentence() -> None:
    risk = v2_result().legal_risk
    assert risk is not None
    assert risk.findings[0].evidence == "Your money is always safe with us, guaranteed."
    assert risk.findings[1].evidence == "no disclaimer"


def test_a_v3_webhook_is_a_result_by_itself() -> None:
    result = v3_result("webhook_v3")
    assert (result.source, result.channel, result.call_sid) == ("v3", "whatsapp", CALL_SID)
    assert (result.csat, result.sentiment) == (4.0, "mixed")
    assert result.summary == "The customer asked for opening hours."
    assert result.transcript_sid is None
    assert result.started_at is not None


def test_v3_variants_of_format_and_names_are_understood() -> None:
    result = v3_result("webhook_v3_variants")
    assert (result.escalation_requested, result.ces, result.csat) == (True, 6.0, 2.0)
    odd = next(outcome for outcome in result.operators if outcome.name == "Odd")
    assert odd.reason == "unknown output format 'HOLOGRAM'"


def test_the_latest_run_of_a_v3_operator_counts_whatever_the_order_of_arrival() -> None:
    in_order = v3_result("webhook_v3_later_run", v3_result("webhook_v3"))
    swapped = v3_result("webhook_v3", v3_result("webhook_v3_later_run"))
    for result in (in_order, swapped):
        assert (result.sentiment, result.csat) == ("positive", 4.0)
    assert in_order.started_at == swapped.started_at


def test_a_table_with_an_unknown_score_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        parse_rules('[bands]\nmedium_from=1\nhigh_from=2\n[[feed]]\nscore="joy"\nreader="number"')


def test_every_published_operator_of_twilio_is_understood() -> None:
    scores, marked = scored("operator_results_published")
    assert (scores.csat, scores.hallucinations, scores.escalation_requested) == (4.0, 1, True)
    assert (scores.tasks_completed, scores.tasks, scores.toxic) == (2, 3, False)
    assert scores.emotions == ["anger", "surprise"]
    assert all(outcome.parsed for outcome in marked.values())


def test_a_json_result_is_known_by_its_fields_whatever_its_operator_is_called() -> None:
    scores, _ = scored("operator_results_other_names")
    assert (scores.csat, scores.hallucinations) == (4.0, 1)


@pytest.mark.parametrize(
    ("language", "intents"),
    [
        ("english", ["Comparison of plans", "Balance", "New card"]),
        ("portuguese", ["Segunda via do cartão", "Saldo", "Limite"]),
        ("spanish", ["Cambiar la cita"]),
    ],
)
def test_intents_are_read_out_of_text_in_three_languages(language: str, intents: list[str]) -> None:
    assert scored(f"operator_results_intents_{language}")[0].intents == intents


def test_the_disposition_is_the_classifiers_label() -> None:
    assert scored("operator_results_disposition")[0].disposition == "Voicemail"


def phrase(name: str, matched: bool, kind: str = "extract", sid: str = "") -> OperatorOutcome:
    return OperatorOutcome(name=name, operator_sid=sid, operator_type=kind, value={"matched": matched})


def classified(name: str, label: str) -> OperatorOutcome:
    return OperatorOutcome(name=name, operator_type="conversation-classify", value={"label": label})


def risk_of(*outcomes: OperatorOutcome) -> tuple[float, list[str]] | None:
    risk = score(outcomes, RULES)[0].legal_risk
    return (risk.score, [finding.category for finding in risk.findings]) if risk else None


@pytest.mark.parametrize(
    ("outcome", "risk"),
    [
        (phrase("RecordingDisclosureOperator", False), (50, ["recording disclosure missing"])),
        (phrase("RecordingDisclosureOperator", True), (0, [])),
        (phrase("Name Intro for Agents", False), (20, ["agent introduction missing"])),
        (phrase("Do Not Contact Me", True), (60, ["asked not to be contacted"])),
        (phrase("Do Not Contact Me", False), (0, [])),
        (phrase("x", True, sid="LY8479286e8f884d3488572e0c335fe698"), (60, ["asked not to be contacted"])),
        (classified("Prod_CallDisposition", "StopContactingMe"), (60, ["asked not to be contacted"])),
        (classified("Prod_CallDisposition", "Ordinary"), (0, [])),
        (phrase("PII Extraction", True, "pii-extract"), (30, ["personal data present"])),
        (OperatorOutcome(name="Toxicity", operator_type="json", value={"toxic": True}), (60, ["toxic language"])),
        (OperatorOutcome(name="Toxicity", operator_type="json", value={"toxic": False}), None),
        (phrase("Escalation Request", True), None),
    ],
)
def test_prebuilt_operators_tell_of_legal_risk(outcome: OperatorOutcome, risk: tuple[float, list[str]]) -> None:
    assert risk_of(outcome) == risk


def test_a_legal_result_that_cannot_be_read_is_not_made_up_for_by_a_clean_check() -> None:
    unreadable = OperatorOutcome(name="Legal Risk", operator_type="json", value={"other": 1})
    assert risk_of(unreadable, phrase("Recording Disclosure", True)) is None
    assert risk_of(unreadable, phrase("Recording Disclosure", False)) == (50, ["recording disclosure missing"])


@pytest.mark.parametrize(
    ("outcomes", "disposition"),
    [
        ([classified("Voicemail Detection", "voicemail")], "Voicemail"),
        ([classified("Voicemail Detection", "not_voicemail")], None),
        ([classified("Unavailable Party Detector", "UnavailableParty")], "UnavailableParty"),
        ([classified("Voicemail Detection", "voicemail"), classified("Prod_CallDisposition", "IVR")], "IVR"),
    ],
)
def test_who_was_reached_is_the_disposition(outcomes: list[OperatorOutcome], disposition: str | None) -> None:
    scores, marked = score(outcomes, RULES)
    assert scores.disposition == disposition
    assert all(outcome.parsed for outcome in marked)


def test_what_the_model_refused_is_unparsed() -> None:
    scores, marked = scored("operator_results_refused_by_model")
    assert (scores.ces, marked["Customer Effort Score"].reason) == (None, "refused by the model")


def test_the_direction_of_the_effort_score_is_stored_with_it() -> None:
    assert v2_result().ces_direction == "7=easy"
    assert v2_result(results="operator_results_disposition").ces_direction is None


@pytest.mark.parametrize(
    ("transcript", "roles"),
    [
        ("transcript", {1: "ai_agent", 2: "customer"}),
        ("transcript_customer_on_channel_one", {1: "customer", 2: "ai_agent"}),
        ("transcript_odd_channel", {}),
    ],
)
def test_roles_come_from_participants_and_never_from_channel_numbers(
    transcript: str, roles: dict[int, str]
) -> None:
    result = v2_result(transcript)
    assert {speaker.channel: speaker.role for speaker in result.speakers} == roles
    assert result.legal_risk is not None
    assert result.legal_risk.findings[0].speaker == roles.get(1, "unknown")


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("agent", "agent"),
        ("Agent", "agent"),
        ("HUMAN_AGENT", "agent"),
        ("AI_AGENT", "ai_agent"),
        ("Generalist AI Assistant", "ai_agent"),
        ("Virtual Agent", "ai_agent"),
        ("CUSTOMER", "customer"),
        ("UNKNOWN", "unknown"),
        (None, "unknown"),
    ],
)
def test_twilios_role_texts(label: str | None, role: str) -> None:
    assert role_of(label) == role


def test_a_customer_key_ties_a_transcript_to_its_conversation() -> None:
    result = v2_result("transcript_conversation_in_customer_key")
    assert (result.conversation_sid, result.call_sid) == (sid("CH", 7)[:2] + "7" * 32, CALL_SID)


def test_a_table_of_ones_own_decides_names_and_bands(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        '[bands]\nmedium_from=10\nhigh_from=20\n[[feed]]\nscore="csat"\nreader="number"\nnames=["beurteilung"]'
        '\njson_fields=["average_score"]\nminimum=1\nmaximum=5\n[[feed]]\nscore="legal_risk"\nreader="findings"'
        '\noperator_sids=["LY1"]\njson_fields=["findings"]'
    )
    rules = load_rules(path)
    risk = OperatorOutcome(
        name="x", operator_sid="LY1", operator_type="json", value={"findings": [{"category": "c", "severity": 20}]}
    )
    scores, _ = score([*outcomes("operator_results_other_names"), risk], rules)
    assert (scores.csat, scores.hallucinations) == (4.0, None)
    assert scores.legal_risk is not None
    assert scores.legal_risk.band == "high"


@pytest.mark.parametrize("text", ["", "[bands", '[bands]\nmedium_from=1\nhigh_from=2\n[[feed]]\nscore="csat"'])
def test_a_table_that_cannot_be_used_is_a_fault_of_the_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    for broken in (path, tmp_path / "missing.toml"):
        with pytest.raises(ConfigError, match="INTELLIGENCE_RULES_FILE"):
            load_rules(broken)
