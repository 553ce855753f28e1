"""What is masked before it leaves in a log or an export, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.redaction import is_card, redact, redact_thoroughly, redact_value


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +14155550123 now", "call +***23 now"),
        ("%2B14155550123", "+***23"),
        ("write ada@example.com", "write ***@***"),
        ("card 4111 1111 1111 1111.", "card ****1111."),
        ("card 4111-1111-1111-1111", "card ****1111"),
        ("amex 378282246310005", "amex ****0005"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
        ("key sk-abcdefgh1234", "key sk-***"),
        ("key SK" + "0a" * 16, "key sk-***"),
        ("/x?token=abc&y=1", "/x?token=***&y=1"),
    ],
)
def test_logs_mask_what_can_be_told_for_certain(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",  # the check digit is wrong
        "0000 0000 0000 0000",
        "CA" + "0123456789abcdef" * 2,
        "2026-11-20T10:00:00Z",
        "123456789012",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["(415) 555-2671", "415-555-2671", "(11) 96123-4567", "912 34 56 78"])
def test_exports_mask_national_numbers_as_people_write_them(text: str) -> None:
    found = redact_thoroughly(f"Please call {text} today.")
    assert text not in found
    assert "+***" in found


def test_in_a_value_of_json_our_own_ids_and_times_stay() -> None:
    value = {"id": "0198" * 8, "started_at": "2026-11-20T10:00:00Z", "call_sid": "CA" + "1" * 32, "csat": 4.0}
    assert redact_value(value) == value
    assert redact_value({"summary": ["+14155550123", {"note": "ada@example.com"}]}) == {
        "summary": ["+***23", {"note": "***@***"}]
    }


@given(st.integers(10**14, 10**15 - 1))
def test_of_ten_check_digits_one_fits(number: int) -> None:
    assert sum(is_card(f"{number}{digit}") for digit in range(10)) == 1


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
