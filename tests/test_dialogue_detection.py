"""Which language a caller speaks: real detection, and the memory that keeps a single word from switching."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.detection import Detect, LanguageTracker, build_detector

TAGS = ("en", "pt", "es")
WORDS = ["ok", "no", "No.", "sim", "Sí!", "claro", "4711", "", "   ", "no no", "+55 11", "OK, ok"]
CALLS = {
    "en": [
        "Good morning, how are you?",
        "I would like to know your opening hours",
        "Where is my order?",
        "Thanks a lot",
    ],
    "pt": [
        "Bom dia, tudo bem?",
        "Eu queria saber o horário da loja",
        "Onde está o meu pedido?",
        "Muito obrigado",
    ],
    "es": [
        "Buenos días, ¿cómo está?",
        "Quisiera saber el horario de la tienda",
        "¿Dónde está mi pedido?",
        "Muchas gracias",
    ],
}


@pytest.fixture(scope="module")
def detect() -> Detect:
    return build_detector(TAGS)


@pytest.mark.parametrize("spoken", TAGS)
@pytest.mark.parametrize("configured", TAGS)
def test_a_caller_is_answered_in_the_language_of_the_first_sentence(
    detect: Detect, spoken: str, configured: str
) -> None:
    tracker = LanguageTracker(detect, TAGS, configured)
    assert [tracker.hear(text) for text in CALLS[spoken]] == [spoken] * 4


@pytest.mark.parametrize(
    "text", ["ok", "no", "No.", "sim", "Sí!", "claro", "4711", "", "   ", "no no", "+55 11", "OK, ok"]
)
@pytest.mark.parametrize("current", TAGS)
def test_a_lone_word_or_digits_never_switch(detect: Detect, text: str, current: str) -> None:
    tracker = LanguageTracker(detect, TAGS, current)
    assert [tracker.hear(text) for _ in range(20)] == [current] * 20


def test_a_caller_who_changes_language_is_followed_within_two_sentences(detect: Detect) -> None:
    tracker = LanguageTracker(detect, TAGS, "en")
    for text in CALLS["en"]:
        tracker.hear(text)
    followed = [tracker.hear(text) for text in CALLS["pt"]]
    assert followed[1:] == ["pt", "pt", "pt"]


def test_one_foreign_phrase_in_the_middle_switches_nothing() -> None:
    weak: dict[str, dict[str, float]] = {"adios amigo": {"en": 0.2, "pt": 0.2, "es": 0.6}}
    tracker = LanguageTracker(lambda text: weak.get(text, {"en": 0.9, "pt": 0.05, "es": 0.05}), TAGS, "en")
    assert [tracker.hear(text) for text in ("good day to you", "adios amigo", "see you")] == ["en"] * 3


def test_a_language_that_was_asked_for_holds(detect: Detect) -> None:
    tracker = LanguageTracker(detect, TAGS, "en")
    tracker.hear("Good morning, how are you?")
    tracker.settle("es")
    assert tracker.hear("no") == "es"
    assert tracker.hear("Madrid") == "es"


def test_a_single_language_needs_no_detector() -> None:
    tracker = LanguageTracker(build_detector(["en"]), ["en"], "en")
    assert tracker.hear("Bom dia, tudo bem?") == "en"


def test_a_language_lingua_does_not_know_is_left_out() -> None:
    assert build_detector(["en", "zz"])("hello there") == {}


@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_leaves_one_of_the_declared_languages(texts: list[str]) -> None:
    tracker = LanguageTracker(_detector(), TAGS, "en")
    for text in texts:
        assert tracker.hear(text) in TAGS


_built: list[Detect] = []


def _detector() -> Detect:
    if not _built:
        _built.append(build_detector(TAGS))
    return _built[0]
