"""The language operators of the sandbox's Intelligence and the results they give, by stated rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.assessment import Assessment, all_phrases
from sandbox.redaction import find_personal_data
from sandbox.reported_call import ReportedCall
from sandbox.sids import derived_sid
from sandbox.words import found_phrases

EXTRACT_THRESHOLD = 0.5
EMPTY_RESULT: dict[str, Any] = {
    "extract_match": None,
    "match_probability": None,
    "normalized_result": None,
    "utterance_results": None,
    "utterance_match": None,
    "predicted_label": None,
    "predicted_probability": None,
    "label_probabilities": None,
    "extract_results": None,
    "text_generation_results": None,
    "json_results": None,
}
SUMMARIES = {
    "en": 'The caller began with: "{first}" Caller turns: {turns}. {end} The mood was {sentiment}.',
    "pt": 'Quem ligou começou por: "{first}" Falas de quem ligou: {turns}. {end} O tom foi {sentiment}.',
    "es": 'Quien llamó empezó por: "{first}" Turnos de quien llamó: {turns}. {end} El tono fue {sentiment}.',
}
SILENT = {
    "en": "The caller said nothing.",
    "pt": "Quem ligou não disse nada.",
    "es": "Quien llamó no dijo nada.",
}
ENDS = {
    "en": {
        "caller": "The caller hung up.",
        "agent": "The agent ended the call.",
        "failed": "The connection was lost.",
    },
    "pt": {
        "caller": "Quem ligou desligou.",
        "agent": "O agente encerrou a chamada.",
        "failed": "A conexão caiu.",
    },
    "es": {
        "caller": "Quien llamó colgó.",
        "agent": "El agente terminó la llamada.",
        "failed": "Se perdió la conexión.",
    },
}
MOODS = {
    "en": {"positive": "positive", "neutral": "neutral", "negative": "negative", "mixed": "mixed"},
    "pt": {"positive": "positivo", "neutral": "neutro", "negative": "negativo", "mixed": "misto"},
    "es": {"positive": "positivo", "neutral": "neutro", "negative": "negativo", "mixed": "mixto"},
}

Verdict = Callable[[ReportedCall, Assessment], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; `verdict` gives the filled fields of its result, or None when it has nothing to say."""

    name: str
    operator_type: str
    verdict: Verdict
    sid: str
    author: str = "twilio"


def results(call: ReportedCall, assessment: Assessment, transcript_sid: str) -> list[dict[str, Any]]:
    """Every operator's result for a call, as the API shows it but for the address."""
    found = []
    for operator in OPERATORS:
        verdict = operator.verdict(call, assessment)
        if verdict is not None:
            identity = {
                "operator_type": operator.operator_type,
                "name": operator.name,
                "operator_sid": operator.sid,
                "transcript_sid": transcript_sid,
            }
            found.append({**identity, **EMPTY_RESULT, **verdict})
    return found


def _sentiment(_: ReportedCall, assessment: Assessment) -> dict[str, Any]:
    label = assessment.sentiment
    return {"predicted_label": label, "predicted_probability": 1.0, "label_probabilities": {label: 1.0}}


def _summary(call: ReportedCall, assessment: Assessment) -> dict[str, Any]:
    language = call.language[:2] if call.language[:2] in SUMMARIES else "en"
    said = [sentence.text for sentence in call.sentences if sentence.speaker == "caller"]
    end = ENDS[language].get(call.ended_by, ENDS[language]["caller"])
    mood = MOODS[language][assessment.sentiment]
    text = f"{SILENT[language]} {end}"
    if said:
        text = SUMMARIES[language].format(turns=len(said), first=said[0], end=end, sentiment=mood)
    return {"text_generation_results": {"result": text, "format": "text"}}


def _csat(_: ReportedCall, assessment: Assessment) -> dict[str, Any] | None:
    return None if assessment.csat is None else {"json_results": assessment.csat}


def _effort(_: ReportedCall, assessment: Assessment) -> dict[str, Any] | None:
    if assessment.effort_score is None:
        return None
    score = {"score": assessment.effort_score, "scale": 7, "direction": "7=easy"}
    return {"json_results": {**score, "reason": assessment.effort_reason}}


def _legal_risk(_: ReportedCall, assessment: Assessment) -> dict[str, Any]:
    return {"json_results": {"findings": [asdict(finding) for finding in assessment.findings]}}


def _hallucination(_: ReportedCall, assessment: Assessment) -> dict[str, Any]:
    wrong = assessment.corrected_itself
    return {
        "json_results": {
            "correct": "no" if wrong else "yes",
            "provided_knowledge_conflict": "yes" if wrong else "no",
        }
    }


def _escalation(_: ReportedCall, assessment: Assessment) -> dict[str, Any]:
    return {"json_results": {"escalation": assessment.escalation}}


# ---- those that nothing uses until they are attached ----


def _transfer(call: ReportedCall, _: Assessment) -> dict[str, Any]:
    label = "Transfer" if call.handoff_data else "NoTransfer"
    return {"predicted_label": label, "predicted_probability": 1.0, "label_probabilities": {label: 1.0}}


def _voicemail(call: ReportedCall, _: Assessment) -> dict[str, Any]:
    """A call in which the other side never spoke is taken for a voicemail."""
    label = "not_voicemail" if any(s.speaker == "caller" for s in call.sentences) else "voicemail"
    return {"predicted_label": label, "predicted_probability": 1.0, "label_probabilities": {label: 1.0}}


def _escalation_phrases(call: ReportedCall, _: Assessment) -> dict[str, Any]:
    asked = all_phrases().escalation
    found = [
        (index, sentence.text, "Escalation Request")
        for index, sentence in enumerate(call.sentences)
        if sentence.speaker == "caller" and found_phrases(sentence.text, asked)
    ]
    return _extraction(found, probability=1.0)


def _personal_data(call: ReportedCall, _: Assessment) -> dict[str, Any]:
    found = [
        (index, f"[Redacted:{piece.label}]", piece.label)
        for index, sentence in enumerate(call.sentences)
        for piece in find_personal_data(sentence.text)
    ]
    return _extraction(found, probability=None)


def _extraction(found: list[tuple[int, str, str]], probability: float | None) -> dict[str, Any]:
    """(sentence index, text, label) in the shape of an extract result; its top probability is the threshold."""
    texts: dict[str, list[str]] = {}
    for _, text, label in found:
        texts.setdefault(label, []).append(text)
    utterances = [
        {
            "utterance_index": index,
            "match_probability": probability,
            "label_probabilities": None if probability is None else {label: probability},
            "utterance_parts": [{"text": text, "label": label}],
        }
        for index, text, label in found
    ]
    return {
        "extract_match": bool(found),
        "match_probability": EXTRACT_THRESHOLD,
        "extract_results": texts,
        "utterance_results": utterances,
    }


def _named(name: str, operator_type: str, verdict: Verdict, sid: str | None = None) -> Operator:
    """Operators without a SID of Twilio's are custom ones, as an account makes them."""
    return Operator(name, operator_type, verdict, sid or derived_sid("LY", name), "twilio" if sid else "sandbox")


# Twilio's own have the SIDs that real accounts show.
DEFAULT_OPERATORS = (
    _named("Sentiment Analysis", "conversation-classify", _sentiment, "LY6bdafd206f3d4146b13f45bf415ca361"),
    _named("Conversation Summary", "text-generation", _summary, "LY8d2be74b94a34733b28594fadf331f0c"),
    _named("Virtual Agent Predictive CSAT", "json", _csat),
    _named("Customer Effort Score", "json", _effort),
    _named("Legal Risk", "json", _legal_risk),
    _named("Hallucination Detection", "json", _hallucination),
    _named("Human Escalation Request", "json", _escalation),
)
OPERATORS = (
    *DEFAULT_OPERATORS,
    _named("Call Transfer", "conversation-classify", _transfer, "LY18c9ec75ca6d40d5b85237379737b990"),
    _named("Voicemail Detection", "conversation-classify", _voicemail, "LY76d4a78c64d24a5cb47580fc3ad651c6"),
    _named("Escalation Request", "extract", _escalation_phrases, "LY6cef7397c1d44994abdb1033c8e87e36"),
    _named("PII Extraction", "pii-extract", _personal_data, "LY00000000000000000000000000000001"),
)
