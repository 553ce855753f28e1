"""Twilio's signatures, against published vectors and a computation of our own."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from shared.signature import (
    BadSignature,
    check_form,
    check_json,
    check_websocket,
    relay_url,
    sign_form,
    sign_json,
    sign_websocket,
)

TOKEN = "12345"
FORM_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
FORM_SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="  # published by Twilio
JSON_URL = "https://ex.com/webhook"
JSON_BODY = b'{"transcript_sid":"GT1"}'
JSON_SIGNATURE = "FECEpzGE78llQMpr+cQz1XtvQ0Y="


def hmac_of(text: str, token: str = TOKEN) -> str:
    """The signature, computed without the code under test."""
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def folded(params: Mapping[str, str | Sequence[str]]) -> str:
    pairs = {
        (name, v) for name, values in params.items() for v in ([values] if isinstance(values, str) else values)
    }
    return "".join(name + value for name, value in sorted(pairs))


# ---- forms --------------------------------------------------------------------------------------------------


def test_the_published_form_vector() -> None:
    assert sign_form(FORM_URL, FORM, TOKEN) == FORM_SIGNATURE == hmac_of(FORM_URL + folded(FORM))
    check_form(FORM_URL, FORM, FORM_SIGNATURE, [TOKEN])


@pytest.mark.parametrize(
    "changed",
    [
        {**FORM, "Digits": "1235"},
        {**FORM, "digits": "1234"},
        {**FORM, "Extra": ""},
        {name: value for name, value in FORM.items() if name != "Digits"},
        {**FORM, "Digits": " 1234"},
        {},
    ],
)
def test_a_changed_form_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        check_form(FORM_URL, changed, FORM_SIGNATURE, [TOKEN])


@pytest.mark.parametrize(
    "url",
    [
        "https://mycompany.com/myapp.php?bar=2&foo=1",
        "https://mycompany.com/myapp.php/?foo=1&bar=2",
        "http://mycompany.com/myapp.php?foo=1&bar=2",
        "https://other.com/myapp.php?foo=1&bar=2",
        "https://mycompany.com/myapp.php?foo=1&bar=%32",
        "https://mycompany.com:8443/other.php?foo=1&bar=2",
    ],
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(BadSignature):
        check_form(url, FORM, FORM_SIGNATURE, [TOKEN])


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_the_port_of_the_address_may_be_told_or_not(port: str) -> None:
    url = f"https://h{port}/w"
    check_form(url, FORM, hmac_of("https://h/w" + folded(FORM)), [TOKEN])


def test_blank_and_repeated_values_are_part_of_the_signature() -> None:
    params = {"Body": "", "MediaUrl": ["https://b", "https://a", "https://b"], "To": ["+1"]}
    signature = hmac_of("https://h/w" + "Body" + "MediaUrlhttps://a" + "MediaUrlhttps://b" + "To+1")
    assert sign_form("https://h/w", params, TOKEN) == signature
    check_form("https://h/w", params, signature, [TOKEN])
    with pytest.raises(BadSignature):
        check_form("https://h/w", {**params, "MediaUrl": ["https://a"]}, signature, [TOKEN])


def test_a_multidict_of_a_request_is_taken_whole() -> None:
    params = MultiDict([("a", "1"), ("b", "x"), ("a", "2")])
    check_form("https://h/w", params, hmac_of("https://h/wa1a2bx"), [TOKEN])
    with pytest.raises(BadSignature):
        check_form("https://h/w", params, hmac_of("https://h/wa1bx"), [TOKEN])


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.dictionaries(words, st.one_of(words, st.lists(words, min_size=1, max_size=3)), max_size=5), words)
def test_any_form_is_signed_as_an_independent_computation_does(
    params: dict[str, str | list[str]], token: str
) -> None:
    signature = sign_form("https://h/w?x=1", params, token)
    assert signature == hmac_of("https://h/w?x=1" + folded_by_name(params), token)
    if token:
        check_form("https://h/w?x=1", params, signature, [token])
        with pytest.raises(BadSignature):
            check_form("https://h/w?x=1", params, signature, [token + "x"])


def folded_by_name(params: Mapping[str, str | Sequence[str]]) -> str:
    text = ""
    for name in sorted(params):
        values = params[name]
        text += "".join(name + value for value in sorted({values} if isinstance(values, str) else set(values)))
    return text


# ---- JSON ---------------------------------------------------------------------------------------------------


def test_the_json_vector() -> None:
    digest = hashlib.sha256(JSON_BODY).hexdigest()
    signed_url, signature = sign_json(JSON_URL, JSON_BODY, TOKEN)
    assert signed_url == f"{JSON_URL}?bodySHA256={digest}"
    assert signature == JSON_SIGNATURE == hmac_of(signed_url)
    check_json(signed_url, JSON_BODY, JSON_SIGNATURE, [TOKEN])


def test_a_query_of_its_own_stays_in_front_of_the_hash() -> None:
    signed_url, signature = sign_json(JSON_URL + "?a=%20b", JSON_BODY, TOKEN)
    assert signed_url.startswith(JSON_URL + "?a=%20b&bodySHA256=")
    check_json(signed_url, JSON_BODY, signature, [TOKEN])


def test_a_body_that_was_tampered_with_is_refused() -> None:
    signed_url, signature = sign_json(JSON_URL, JSON_BODY, TOKEN)
    for body in (JSON_BODY + b" ", b"", JSON_BODY.replace(b"GT1", b"GT2")):
        with pytest.raises(BadSignature):
            check_json(signed_url, body, signature, [TOKEN])


def test_a_signed_address_without_the_bodys_hash_covers_no_body() -> None:
    """The `params={}` trick: the signature of the bare address is right, the body could be anyone's."""
    for url in (JSON_URL, JSON_URL + "?bodySHA256=", JSON_URL + "?x=1"):
        with pytest.raises(BadSignature):
            check_json(url, JSON_BODY, hmac_of(url), [TOKEN])


def test_two_hashes_in_the_address_are_refused() -> None:
    signed_url, _ = sign_json(JSON_URL, JSON_BODY, TOKEN)
    twice = f"{signed_url}&bodySHA256={hashlib.sha256(b'other').hexdigest()}"
    for body in (JSON_BODY, b"other"):
        with pytest.raises(BadSignature):
            check_json(twice, body, hmac_of(twice), [TOKEN])


def test_a_new_hash_in_the_address_needs_a_new_signature() -> None:
    forged_url, _ = sign_json(JSON_URL, b"forged", "not the token")
    with pytest.raises(BadSignature):
        check_json(forged_url, b"forged", JSON_SIGNATURE, [TOKEN])


def test_any_bytes_can_be_a_signed_body() -> None:
    for body in (b"\xff\xfe\0", b"", b"\r\n", "é".encode()):
        signed_url, signature = sign_json(JSON_URL, body, TOKEN)
        check_json(signed_url, body, signature, [TOKEN])


# ---- handshakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("wss://voice.example.com/websocket", "wss://voice.example.com/websocket"),
        ("wss://voice.example.com:443/websocket", "wss://voice.example.com/websocket"),
        ("wss://voice.example.com/websocket", "wss://voice.example.com:443/websocket"),
        ("wss://Voice.Example.com:443/websocket", "wss://Voice.Example.com/websocket"),
        ("wss://ws:443/ws", "wss://ws/ws"),
        ("wss://[2001:db8::1]:443/ws", "wss://[2001:db8::1]/ws"),
        ("wss://[2001:db8::1]/ws", "wss://[2001:db8::1]:443/ws"),
        ("ws://127.0.0.1:8080/websocket", "ws://127.0.0.1:8080/websocket"),
        ("ws://relay:80/websocket", "ws://relay/websocket"),
    ],
)
def test_a_handshake_is_signed_with_or_without_the_default_port(signed: str, seen: str) -> None:
    assert sign_websocket(signed, TOKEN) == hmac_of(signed)
    check_websocket(seen, hmac_of(signed), [TOKEN])


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://h/ws", "wss://h/ws"),
        ("ws://h/ws", "wss://h/ws"),
        ("wss://h/ws", "wss://h/websocket"),
        ("wss://h/ws?x=1", "wss://h/ws"),
        ("wss://h:444/ws", "wss://h/ws"),
        ("wss://other/ws", "wss://h/ws"),
    ],
)
def test_a_handshake_to_another_address_is_refused(signed: str, seen: str) -> None:
    with pytest.raises(BadSignature):
        check_websocket(seen, hmac_of(signed), [TOKEN])


def test_the_relays_address_has_no_query() -> None:
    assert relay_url("https://voice.example.com") == "wss://voice.example.com/websocket"
    assert relay_url("http://127.0.0.1:8080", "/ws") == "ws://127.0.0.1:8080/ws"


# ---- what every check refuses -------------------------------------------------------------------------------

CHECKS = {
    "form": lambda url, header, tokens: check_form(url, FORM, header, tokens),
    "json": lambda url, header, tokens: check_json(sign_json(url, JSON_BODY, TOKEN)[0], JSON_BODY, header, tokens),
    "websocket": lambda url, header, tokens: check_websocket(url, header, tokens),
}
SIGNED = {
    "form": lambda url, token: hmac_of(url + folded(FORM), token),
    "json": lambda url, token: hmac_of(sign_json(url, JSON_BODY, TOKEN)[0], token),
    "websocket": lambda url, token: hmac_of(url, token),
}


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("header", [None, "", " ", "x", "RSOYDt4T1cUTdK1PDd93", "ö" * 28, "\udcff" * 28, "=" * 28])
def test_a_missing_or_malformed_header_is_refused(kind: str, header: str | None) -> None:
    with pytest.raises(BadSignature):
        CHECKS[kind]("wss://h/w", header, [TOKEN])


@pytest.mark.parametrize("kind", CHECKS)
def test_a_wrong_token_or_none_at_all_is_refused(kind: str) -> None:
    good = SIGNED[kind]("wss://h/w", TOKEN)
    CHECKS[kind]("wss://h/w", good, [TOKEN])
    for tokens in (["12346"], [], [""], [TOKEN + " "]):
        with pytest.raises(BadSignature):
            CHECKS[kind]("wss://h/w", good, tokens)
    with pytest.raises(BadSignature):  # an empty token signs for everyone
        CHECKS[kind]("wss://h/w", SIGNED[kind]("wss://h/w", ""), ["", TOKEN])


@pytest.mark.parametrize("kind", CHECKS)
def test_while_tokens_rotate_the_old_and_the_new_one_are_good(kind: str) -> None:
    for token in ("old", "new"):
        CHECKS[kind]("wss://h/w", SIGNED[kind]("wss://h/w", token), ["old", "new"])
        CHECKS[kind]("wss://h:443/w", SIGNED[kind]("wss://h:443/w", token), iter(["old", "new"]))
    with pytest.raises(BadSignature):
        CHECKS[kind]("wss://h/w", SIGNED[kind]("wss://h/w", "older"), ["old", "new"])


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize(
    "url", ["https://h:99999/w", "wss://h:x/w", "wss://[::1/w", "wss://h/\ud800", "", "//", "http:"]
)
def test_an_address_that_is_none_is_refused_and_raises_nothing_else(kind: str, url: str) -> None:
    checks: dict[str, Callable[[], None]] = {
        "form": lambda: check_form(url, FORM, FORM_SIGNATURE, [TOKEN]),
        "json": lambda: check_json(
            f"{url}?bodySHA256={hashlib.sha256(JSON_BODY).hexdigest()}", JSON_BODY, FORM_SIGNATURE, [TOKEN]
        ),
        "websocket": lambda: check_websocket(url, FORM_SIGNATURE, [TOKEN]),
    }
    with pytest.raises(BadSignature):
        checks[kind]()


def test_a_lone_surrogate_in_a_value_is_refused_and_raises_nothing_else() -> None:
    for params in ({"Body": "\ud800"}, {"\udfff": "x"}, {"Body": ["ok", "\ud800"]}):
        with pytest.raises(BadSignature):
            check_form("https://h/w", params, FORM_SIGNATURE, [TOKEN])
