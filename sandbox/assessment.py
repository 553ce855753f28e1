"""What the language operators find in a call, by stated rules over its own sentences.

Sentiment: praise and complaint phrases of the caller; both make `mixed`, none `neutral`.
Effort: each repeated question, effort phrase, misunderstanding and request for a person takes a point from 7.
CSAT: the mean of speed (effort), completeness (how the call ended) and sentiment, each 1 to 5.
Legal risk: risky phrases, each a finding with its category's severity. Hallucination: the agent corrects itself.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import msgspec

from sandbox.reported_call import ReportedCall, Sentence
from sandbox.words import found_phrases, overlap, plain, without_phrases

EASIEST = 7
LONG_CALL_TURNS = 12
REPEATED_AT = 0.6
REPEATED_WORDS = 3
SENTIMENT_SCORES = {"positive": 5, "neutral": 4, "mixed": 2, "negative": 1}


class RiskPhrases(msgspec.Struct, frozen=True):
    """One category of risk, whose words count, and how severe it is (0 to 100)."""

    category: str
    speaker: str
    severity: int
    phrases: list[str]


class Phrases(msgspec.Struct, frozen=True):
    """The phrases of one language, or of all."""

    positive: list[str]
    negative: list[str]
    effort: list[str]
    misunderstood: list[str]
    escalation: list[str]
    thanks: list[str]
    correction: list[str]
    risk: list[RiskPhrases]


@dataclass(frozen=True, slots=True)
class Finding:
    """A risky sentence: `severity` 0 to 100, `evidence` is what was said."""

    category: str
    severity: int
    evidence: str
    sentence_index: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """All findings. The parts of `csat` are 1 to 5, `effort_score` is 1 to 7 (7 is easy).

    Both are None when the caller said nothing.
    """

    sentiment: str
    csat: dict[str, float] | None
    effort_score: int | None
    effort_reason: str
    escalation: bool
    corrected_itself: bool
    findings: list[Finding] = field(default_factory=list)


@cache
def all_phrases() -> Phrases:
    """The phrases of every language together; a phrase that two languages share counts once."""
    text = resources.files("sandbox").joinpath("lexicon.toml").read_text(encoding="utf-8")
    languages = msgspec.convert(tomllib.loads(text), dict[str, Phrases])
    merged = {
        name: list(dict.fromkeys(phrase for language in languages.values() for phrase in getattr(language, name)))
        for name in Phrases.__struct_fields__
        if name != "risk"
    }
    return Phrases(**merged, risk=[risk for language in languages.values() for risk in language.risk])


def assess(call: ReportedCall) -> Assessment:
    """Judges the call. The same sentences always give the same result."""
    phrases = all_phrases()
    said = [s.text for s in call.sentences if s.speaker == "caller"]
    answered = [s.text for s in call.sentences if s.speaker == "agent"]
    sentiment = _sentiment(said, phrases)
    escalation = any(found_phrases(text, phrases.escalation) for text in said)
    efforts = _efforts(said, answered, phrases) + (["asked for a person"] if escalation else [])
    csat = _csat(said, len(efforts), sentiment, phrases, call) if said else None
    return Assessment(
        sentiment=sentiment,
        csat=csat,
        effort_score=max(1, EASIEST - len(efforts)) if said else None,
        effort_reason="; ".join(dict.fromkeys(efforts)) or "answered at the first attempt",
        escalation=escalation,
        corrected_itself=any(found_phrases(text, phrases.correction) for text in answered),
        findings=_findings(call.sentences, phrases),
    )


def _sentiment(said: list[str], phrases: Phrases) -> str:
    """Complaints are taken out before praise is looked for, so that `not happy` is not also `happy`."""
    complaints = sum(len(found_phrases(text, phrases.negative)) for text in said)
    rest = [without_phrases(text, phrases.negative) for text in said]
    praise = sum(len(found_phrases(text, phrases.positive)) for text in rest)
    if complaints and praise:
        return "mixed"
    if complaints:
        return "negative"
    return "positive" if praise else "neutral"


def _efforts(said: list[str], answered: list[str], phrases: Phrases) -> list[str]:
    """One reason for every time that the caller had to try harder."""
    efforts = ["had to repeat the question" for i, text in enumerate(said) if _is_repeat(text, said[:i])]
    efforts += ["said so already" for text in said if found_phrases(text, phrases.effort)]
    efforts += ["was not understood" for text in answered if found_phrases(text, phrases.misunderstood)]
    if len(said) > LONG_CALL_TURNS:
        efforts.append("a long call")
    return efforts


def _is_repeat(text: str, earlier: list[str]) -> bool:
    enough = len(plain(text).split()) >= REPEATED_WORDS
    return enough and any(overlap(text, other) >= REPEATED_AT for other in earlier)


def _csat(said: list[str], efforts: int, sentiment: str, phrases: Phrases, call: ReportedCall) -> dict[str, float]:
    speed = max(1, 5 - efforts)
    completeness = _completeness(said, phrases, call)
    mood = SENTIMENT_SCORES[sentiment]
    return {
        "speed_of_resolution": speed,
        "completeness_of_resolution": completeness,
        "overall_sentiment": mood,
        "average_score": round((speed + completeness + mood) / 3, 1),
    }


def _completeness(said: list[str], phrases: Phrases, call: ReportedCall) -> int:
    """1 with a complaint at the end or a lost call, 3 when a person had to take over or the caller left without a
    goodbye, 5 with a thankful end, else 4."""
    last = said[-1]
    if call.ended_by == "failed" or found_phrases(last, phrases.negative):
        return 1
    if call.handoff_data:
        return 3
    if found_phrases(last, phrases.thanks):
        return 5
    return 3 if call.ended_by == "caller" else 4


def _findings(sentences: list[Sentence], phrases: Phrases) -> list[Finding]:
    return [
        Finding(risk.category, risk.severity, sentence.text, index)
        for index, sentence in enumerate(sentences)
        for risk in phrases.risk
        if risk.speaker == sentence.speaker and found_phrases(sentence.text, risk.phrases)
    ]
