"""The speech clock: which words are heard by when. Time is a number here, nothing waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.speech import ClauseChunker, Manner, Played, Sound, SpeechClock, Started, Stopped, manner_of

ONE_S = "fourteen chars"
assert len(ONE_S) == 14


def clock() -> SpeechClock:
    return SpeechClock(start_delay_s=0.5)


def say(
    speech: SpeechClock, text: str, now_s: float = 0.0, *, last: bool = True, preemptible: bool = False
) -> list[Sound]:
    return speech.add_text(text, last=last, manner=Manner(preemptible=preemptible), now_s=now_s)


def texts(sounds: list[Sound]) -> list[str]:
    return [sound.text for sound in sounds if isinstance(sound, Played)]


def test_speech_begins_after_a_delay_and_takes_its_time() -> None:
    speech = clock()
    say(speech, ONE_S)
    assert speech.advance(0.4) == []
    assert speech.advance(0.6) == [Started(0.5)]
    assert speech.advance(1.4) == []
    played, stopped = speech.advance(2.0)
    assert isinstance(played, Played)
    assert (played.text, played.start_s, played.end_s) == (ONE_S, 0.5, 1.5)
    assert stopped == Stopped(1.5)
    assert speech.idle


def test_a_jump_in_time_tells_everything_in_order() -> None:
    speech = clock()
    say(speech, "First sentence. Second sentence.")
    sounds = speech.advance(100)
    assert [type(sound).__name__ for sound in sounds] == ["Started", "Played", "Played", "Stopped"]
    assert texts(sounds) == ["First sentence.", " Second sentence."]


def test_speech_starts_before_the_reply_is_complete() -> None:
    speech = clock()
    say(speech, "First sentence. And", last=False)
    assert texts(speech.advance(2.0)) == ["First sentence."]
    assert not speech.idle


def test_the_end_of_a_cycle_without_words_is_silence() -> None:
    speech = clock()
    say(speech, "First sentence. ", last=False)
    assert Stopped not in {type(sound) for sound in speech.advance(5.0)}
    say(speech, "", 6.0)
    assert [type(sound) for sound in speech.advance(6.0)] == [Stopped]
    assert speech.idle


def test_a_pause_of_the_model_inside_a_clause_is_spoken_up_to_there() -> None:
    speech = clock()
    say(speech, "Half a clau", last=False)
    assert texts(speech.advance(0.4)) == []
    assert texts(speech.advance(3.0)) == ["Half a clau"]


def test_an_interruption_reports_the_current_piece_only_and_forgets_the_rest() -> None:
    speech = clock()
    say(speech, "First sentence. Second sentence here. Third sentence.")
    heard = texts(speech.advance(1.6))
    *_, part, stopped = speech.cut(2.0)
    assert heard == ["First sentence."]
    assert isinstance(part, Played)
    assert part.cut
    assert " Second sentence here.".startswith(part.text)
    assert part.text == " Second"
    assert stopped == Stopped(2.0)
    assert speech.idle
    assert speech.advance(60) == []


def test_silence_cannot_be_interrupted() -> None:
    speech = clock()
    assert speech.cut(1.0) == []
    say(speech, ONE_S, 1.0)
    assert speech.cut(1.2) == []  # not yet heard: Twilio purges nothing
    assert texts(speech.advance(9.0)) == [ONE_S]


def test_a_later_message_cuts_only_what_may_be_preempted() -> None:
    speech = clock()
    say(speech, "One moment please, I am looking it up right now.", preemptible=True)
    speech.advance(1.0)
    cut = say(speech, "Here it is.", 1.0)
    assert [type(sound) for sound in cut] == [Played, Stopped]
    assert texts(speech.advance(9.0)) == ["Here it is."]

    speech = clock()
    say(speech, "This must be heard.")
    speech.advance(1.0)
    assert say(speech, "Here it is.", 1.0, preemptible=True) == []
    assert texts(speech.advance(9.0)) == ["This must be heard.", "Here it is."]


def test_tokens_of_one_reply_do_not_cut_each_other() -> None:
    speech = clock()
    say(speech, "One moment please, ", last=False, preemptible=True)
    speech.advance(1.0)
    assert say(speech, "I am looking.", 1.0, preemptible=True) == []
    assert texts(speech.advance(9.0)) == ["One moment please,", " I am looking."]


def test_digits_and_sounds_wait_their_turn() -> None:
    speech = clock()
    say(speech, "Listen.")
    speech.add_digits("12", 0.5, 0.0)
    speech.add_sound("http://127.0.0.1/a.mp3", 2.0, Manner(), 0.0)
    played = [s for s in speech.advance(9.0) if isinstance(s, Played)]
    assert [p.piece.kind for p in played] == ["text", "digits", "sound"]
    assert played[-1].end_s - played[-1].start_s == 2.0


@pytest.mark.parametrize(
    ("value", "usual", "by_speech", "by_key"),
    [
        (None, "any", True, True),
        (None, "none", False, False),
        (None, "speech", True, False),
        (None, "dtmf", False, True),
        (True, "none", True, True),
        (False, "any", False, False),
        ("true", "none", True, True),
    ],
)
def test_who_may_cut_a_piece(value: bool | str | None, usual: str, by_speech: bool, by_key: bool) -> None:
    manner = manner_of(value, False, usual)
    assert (manner.by_speech, manner.by_key) == (by_speech, by_key)


@given(st.lists(st.text(alphabet="ab .,!?\n", max_size=12), max_size=12))
def test_chunks_joined_are_the_text(tokens: list[str]) -> None:
    chunker = ClauseChunker()
    chunks = [clause for token in tokens for clause in chunker.feed(token)]
    rest = chunker.rest
    assert "".join(chunks) + rest == "".join(tokens)
    assert chunker.flush() == ([rest] if rest.strip() else [])


@given(st.lists(st.tuples(st.text(alphabet="abc. ", min_size=1, max_size=30), st.floats(0, 3)), max_size=8))
def test_whatever_is_said_is_heard_once_and_in_order(said: list[tuple[str, float]]) -> None:
    speech, now_s, heard = clock(), 0.0, ""
    for text, pause_s in said:
        sounds = say(speech, text, now_s)
        now_s += pause_s
        heard += "".join(texts([*sounds, *speech.advance(now_s)]))
    heard += "".join(texts(speech.advance(now_s + 1000)))
    assert heard.split() == "".join(text for text, _ in said if text.strip()).split() or len(said) > 1
    assert heard.replace(" ", "") == "".join(text for text, _ in said).replace(" ", "")
    assert speech.idle


def test_long_text_without_a_stop_is_cut_between_words() -> None:
    chunks = ClauseChunker().feed("word " * 40)
    assert all(len(chunk) <= 90 for chunk in chunks)
    assert len(chunks) > 1
