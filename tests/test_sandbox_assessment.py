"""The rules by which the sandbox judges a call."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from sandbox.assessment import Assessment, assess
from sandbox.operators import results
from sandbox.reported_call import ReportedCall, Sentence


def call_of(*lines: str, ended_by: str = "caller") -> ReportedCall:
    """A call from lines such as `caller: Hello` and `agent: Hi`."""
    sentences = []
    for index, line in enumerate(lines):
        speaker, _, text = line.partition(": ")
        assert speaker in ("agent", "caller")
        sentences.append(Sentence("agent" if speaker == "agent" else "caller", text, index, index + 0.8))
    return ReportedCall(
        call_sid="CA1",
        session_id="VX1",
        caller="+15555550101",
        called="+15555550100",
        language="en-US",
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        duration_s=len(lines),
        sentences=sentences,
        ended_by=ended_by,
    )


def judged(*lines: str, ended_by: str = "caller") -> Assessment:
    return assess(call_of(*lines, ended_by=ended_by))


@pytest.mark.parametrize(
    ("said", "sentiment"),
    [
        ("That is wonderful, thank you so much!", "positive"),
        ("Que maravilha, adorei!", "positive"),
        ("Perfecto, muy amable", "positive"),
        ("This is unacceptable", "negative"),
        ("Isso é um absurdo", "negative"),
        ("Es inaceptable", "negative"),
        ("I am not happy with it", "negative"),
        ("Não gostei nada", "negative"),
        ("The book is great but the delivery was terrible", "mixed"),
        ("When do you open?", "neutral"),
        ("Qual o horário?", "neutral"),
    ],
)
def test_sentiment_is_what_the_caller_praises_and_complains_about(said: str, sentiment: str) -> None:
    assert judged(f"caller: {said}").sentiment == sentiment


def test_what_the_agent_says_is_not_the_callers_mood() -> None:
    assert judged("agent: That is terrible, I am so sorry", "caller: It is about a book").sentiment == "neutral"


def test_an_answer_at_the_first_attempt_is_the_easiest() -> None:
    easy = judged("caller: When are you open?", "agent: From nine to seven.", "caller: Thank you, bye")
    assert easy.effort_score == 7
    assert easy.csat is not None
    assert easy.csat["average_score"] == 4.7


def test_each_extra_effort_takes_a_point() -> None:
    hard = judged(
        "caller: Where is my order?",
        "agent: Could you say that another way?",
        "caller: Where is my order please?",
        "agent: What is the number?",
        "caller: I already told you",
    )
    assert hard.effort_score == 4
    assert "repeat the question" in hard.effort_reason


def test_efforts_never_go_below_one() -> None:
    assert judged(*["caller: I already told you that twice"] * 9).effort_score == 1


def test_asking_for_a_person_is_an_escalation_in_every_language() -> None:
    for said in ("I want to speak to a person", "Quero falar com uma pessoa", "Quiero hablar con una persona"):
        assert judged(f"caller: {said}").escalation, said
    assert not judged("agent: I can put you through to a human agent").escalation


def test_a_risky_promise_of_the_agent_is_a_finding_with_its_sentence() -> None:
    found = judged("caller: Will it arrive?", "agent: I guarantee that, there is no risk.").findings
    assert [(f.category, f.severity, f.sentence_index) for f in found] == [("misleading information", 75, 1)]
    assert found[0].evidence == "I guarantee that, there is no risk."
    assert judged("caller: Do you guarantee it? Guaranteed?").findings == []


def test_a_caller_who_threatens_with_a_court_is_a_finding() -> None:
    assert [f.category for f in judged("caller: Vou ligar para o meu advogado").findings] == ["legal threat"]


def test_an_agent_that_corrects_itself_has_hallucinated() -> None:
    assert judged("agent: Sorry, I made a mistake, we close at seven.").corrected_itself
    assert not judged("caller: I made a mistake").corrected_itself


def test_a_lost_call_is_not_complete() -> None:
    lost, done = judged("caller: Hello", ended_by="failed"), judged("caller: Hello")
    assert lost.csat is not None
    assert done.csat is not None
    assert lost.csat["completeness_of_resolution"] < done.csat["completeness_of_resolution"]


def average(*lines: str, ended_by: str = "caller", handoff: str | None = None) -> float:
    csat = assess(msgspec.structs.replace(call_of(*lines, ended_by=ended_by), handoff_data=handoff)).csat
    assert csat is not None
    return csat["average_score"]


def test_scores_spread_from_an_angry_caller_to_a_thankful_one() -> None:
    question = "caller: Where is my order?"
    found = [
        average(
            "caller: My order never arrived", "caller: I said, my order never arrived", "caller: Unacceptable!"
        ),
        average("caller: My order never arrived", handoff="{}"),
        average(question, handoff="{}"),
        average(question),
        average(question, "caller: Okay, goodbye."),
        average(question, "caller: Perfect, thank you so much. Goodbye!"),
    ]
    assert found == sorted(found)
    assert len(set(found)) == len(found) - 1, "leaving without a goodbye is like being handed over"
    assert (found[0], found[-1]) == (1.7, 5.0)


def test_a_silent_caller_gets_no_scores() -> None:
    call = call_of("agent: Hello? Are you there?")
    names = {result["name"] for result in results(call, assess(call), "GT1")}
    assert "Sentiment Analysis" in names
    assert not names & {"Virtual Agent Predictive CSAT", "Customer Effort Score"}


def test_results_fill_exactly_the_fields_of_their_type() -> None:
    call = call_of("caller: I guarantee you a great day")
    by_name = {result["name"]: result for result in results(call, assess(call), "GT1")}
    sentiment = by_name["Sentiment Analysis"]
    assert (sentiment["operator_type"], sentiment["json_results"]) == ("conversation-classify", None)
    assert sentiment["label_probabilities"] == {"positive": 1.0}
    assert by_name["Conversation Summary"]["text_generation_results"]["format"] == "text"
    effort = by_name["Customer Effort Score"]["json_results"]
    assert (effort["scale"], effort["direction"]) == (7, "7=easy")
