"""POST /webhook: only what Twilio signed, each event once, acknowledged when it is on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from intelligence_webhooks import payload
from intelligence_webhooks.app import create_app
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.payload import BadPayload
from intelligence_webhooks.store import Store
from shared.config import Settings
from shared.journal_reader import Entry, JournalReader
from shared.records import IntelEvent, decode
from shared.signature import sign_form, sign_json
from tests.conftest import MakeSettings
from tests.intelligence_kit import AUTH_TOKEN, BEARER, fixture_bytes, signed, v2_body

ORIGIN = "https://hooks.example.com"
Post = Callable[..., TestResponse]


@pytest.fixture
def settings(make_settings: MakeSettings, tmp_path: Path) -> Settings:
    return make_settings("intelligence_webhooks", tmp_path, INTELLIGENCE_PUBLIC_URL=ORIGIN)


@pytest.fixture
def client(settings: Settings) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    store_of(app.test_client()).close()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    """`post(body)`: a webhook that Twilio signed."""

    def send(body: bytes, **headers: str) -> TestResponse:
        path, signature = signed(ORIGIN, body)
        return client.post(
            path, data=body, headers=signature | {k.replace("_", "-"): v for k, v in headers.items()}
        )

    return send


def test_the_flask_command_finds_the_application(tmp_path: Path) -> None:
    account = {"TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "2" * 32, "OPENAI_API_KEY": "sk-flask"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "intelligence_webhooks.app:create_app", "routes"],
        env={**os.environ, **account, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert "/dead-letters/<letter_id>/replay" in done.stdout


def store_of(client: FlaskClient) -> Store:
    store = client.application.extensions["store"]
    assert isinstance(store, Store)
    return store


def events(settings: Settings) -> list[IntelEvent]:
    lines = JournalReader(settings.data_dir, "intel_events").read()
    records = [decode(line.raw) for line in lines if isinstance(line, Entry)]
    return [record for record in records if isinstance(record, IntelEvent)]


def status(client: FlaskClient) -> dict[str, int]:
    found: dict[str, int] = client.get("/status", headers=BEARER).get_json()
    return found


def test_a_signed_webhook_is_stored_before_it_is_acknowledged(post: Post, settings: Settings) -> None:
    assert post(v2_body()).status_code == 204
    (event,) = events(settings)
    assert event.body.encode() == v2_body()
    assert (event.kind, event.transcript_sid) == ("v2", "GT" + "0" * 32)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("webhook_v2", "v2"),
        ("webhook_v2_minimal", "v2"),
        ("webhook_v2_null_customer_key", "v2"),
        ("webhook_v2_encrypted", "v2"),
        ("webhook_v2_additions", "v2"),
        ("webhook_v3_additions", "v3"),
        ("webhook_v3_no_execution_details", "v3"),
        ("webhook_v3", "v3"),
        ("webhook_v3_empty", "v3"),
        ("webhook_v3_variants", "v3"),
        ("webhook_unknown_event", "unknown"),
    ],
)
def test_webhooks_are_told_apart_by_their_shape(post: Post, settings: Settings, name: str, kind: str) -> None:
    assert post(fixture_bytes(name)).status_code == (200 if kind == "unknown" else 204)
    assert [event.kind for event in events(settings)] == [kind]


def test_an_unknown_event_is_kept_and_counted_but_waits_for_nothing(post: Post, client: FlaskClient) -> None:
    post(fixture_bytes("webhook_unknown_event"))
    assert (status(client)["unknown"], status(client)["unresolved"]) == (1, 0)


def test_a_form_is_accepted_when_it_is_signed_as_a_form(client: FlaskClient, settings: Settings) -> None:
    fields = {"transcript_sid": "GT" + "0" * 32, "event_type": payload.V2_EVENT, "customer_key": ""}
    signature = sign_form(ORIGIN + "/webhook", fields, AUTH_TOKEN)
    sent = client.post("/webhook", data=urlencode(fields), headers={"X-Twilio-Signature": signature} | FORM)
    assert sent.status_code == 204
    assert [event.kind for event in events(settings)] == ["v2"]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("header", [None, "", "x", "é", "A" * 28])
def test_a_request_without_a_valid_signature_is_refused_without_detail(
    client: FlaskClient, settings: Settings, header: str | None
) -> None:
    path, headers = signed(ORIGIN, v2_body())
    headers.pop("X-Twilio-Signature")
    sent = client.post(
        path, data=v2_body(), headers=headers | ({} if header is None else {"X-Twilio-Signature": header})
    )
    assert sent.status_code == 403
    assert "signature" not in sent.text.lower()
    assert events(settings) == []
    assert status(client)["rejected"] == 1


def test_another_body_under_a_signed_address_is_refused(client: FlaskClient, settings: Settings) -> None:
    path, headers = signed(ORIGIN, v2_body(1))
    assert client.post(path, data=v2_body(2), headers=headers).status_code == 403
    assert events(settings) == []


def test_json_without_body_hash_is_refused(client: FlaskClient) -> None:
    signature = sign_form(ORIGIN + "/webhook", {}, AUTH_TOKEN)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/json"}
    assert client.post("/webhook", data=v2_body(), headers=headers).status_code == 403


def test_a_signed_json_address_cannot_be_reused_for_a_form(client: FlaskClient) -> None:
    path, headers = signed(ORIGIN, v2_body())
    assert client.post(path, data=b"", headers=headers | FORM).status_code == 403


def test_forwarded_headers_have_no_say(client: FlaskClient) -> None:
    path, headers = signed("https://evil.example", v2_body())
    spoofed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Host": "evil.example"}
    assert client.post(path, data=v2_body(), headers=headers | spoofed).status_code == 403


def test_the_query_is_checked_as_it_was_sent(client: FlaskClient) -> None:
    path, headers = signed(ORIGIN, v2_body(), path="/webhook?tag=a%20b&x=%7E")
    assert client.post(path, data=v2_body(), headers=headers).status_code == 204


KEY_ID, KEY_SECRET = "webhooks_sharedkey_1", "shared-secret"


@pytest.fixture
def rotating(make_settings: MakeSettings, tmp_path: Path) -> Iterator[FlaskClient]:
    """A service in the middle of a rotation, that also knows a shared key."""
    client = create_app(
        make_settings(
            "intelligence_webhooks",
            tmp_path,
            INTELLIGENCE_PUBLIC_URL=ORIGIN,
            TWILIO_AUTH_TOKEN_PREVIOUS="the-old-token",
            TWILIO_WEBHOOK_KEYS=f"{KEY_ID}={KEY_SECRET}",
        )
    ).test_client()
    yield client
    store_of(client).close()


def send_signed(client: FlaskClient, secret: str, algorithm: str = "HMAC_SHA1", settings_header: str = "") -> int:
    url, signature = sign_json(ORIGIN + "/webhook", v2_body(), secret, algorithm)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/json"}
    if settings_header:
        headers["X-Twilio-Webhooks-Signature-Settings"] = settings_header
    return client.post(url.removeprefix(ORIGIN), data=v2_body(), headers=headers).status_code


@pytest.mark.parametrize(
    ("secret", "status"), [(AUTH_TOKEN, 204), ("the-old-token", 204), ("another", 403), (KEY_SECRET, 403)]
)
def test_the_old_and_the_new_token_are_accepted_during_rotation(
    rotating: FlaskClient, secret: str, status: int
) -> None:
    assert send_signed(rotating, secret) == status


@pytest.mark.parametrize(
    ("secret", "algorithm", "header", "status"),
    [
        (KEY_SECRET, "HMAC_SHA256", f"key={KEY_ID},algorithm=HMAC_SHA256", 204),
        (KEY_SECRET, "HMAC_SHA256", f"algorithm=HMAC_SHA256, key={KEY_ID}", 204),
        (KEY_SECRET, "HMAC_SHA256", "key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", 403),
        (KEY_SECRET, "HMAC_SHA256", "", 403),
        (AUTH_TOKEN, "HMAC_SHA256", f"key={KEY_ID},algorithm=HMAC_SHA256", 403),
        (KEY_SECRET, "HMAC_SHA1", f"key={KEY_ID},algorithm=HMAC_SHA1", 403),
        (KEY_SECRET, "HMAC_SHA1", f"key={KEY_ID}", 403),
        (KEY_SECRET, "HMAC_SHA256", f"key={KEY_ID},algorithm=HMAC_MD5", 403),
        (AUTH_TOKEN, "HMAC_SHA1", "nonsense", 403),
    ],
)
def test_a_shared_key_signs_with_sha256_and_nothing_weaker(
    rotating: FlaskClient, secret: str, algorithm: str, header: str, status: int
) -> None:
    assert send_signed(rotating, secret, algorithm, header) == status


def test_the_published_sha256_vector() -> None:
    """Computed independently for the facts sheet: token 12345."""
    url, signature = sign_json("https://ex.com/webhook", b'{"transcript_sid":"GT1"}', "12345", "HMAC_SHA256")
    assert signature == "Hpi2CEyoJ+AjHKc1wXVggCQAkbTPY5gLEbyup/oggpo="
    assert "bodySHA256=" in url


def test_a_foreign_account_is_refused(post: Post, settings: Settings) -> None:
    assert post(fixture_bytes("webhook_v2_foreign_account")).status_code == 403
    assert events(settings) == []


UNUSABLE = {
    "webhook_v2_no_event_type": "event_type",
    "webhook_v2_path_in_sid": "transcript_sid",
    "webhook_v2_number_for_sid": "transcript_sid",
    "webhook_v2_bad_account_sid": "account_sid",
    "webhook_v3_no_result_id": "operatorResults/0",
    "webhook_v3_no_conversation_id": "conversationId",
    "webhook_v3_version_is_text": "intelligenceConfiguration/version",
    "webhook_v3_classification_without_label": "operatorResults/0/result",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_signed_body_that_lacks_what_we_need_is_a_dead_letter(
    post: Post, client: FlaskClient, name: str
) -> None:
    assert post(fixture_bytes(name)).status_code == 400
    (letter,) = client.get("/dead-letters", headers=BEARER).get_json()["items"]
    assert letter["reason"] == "malformed"
    assert UNUSABLE[name] in letter["detail"]
    assert letter["body"].encode() == fixture_bytes(name)


HOSTILE = {
    "deep": b'{"transcript_sid":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    "deeper than any schema": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    "NaN": b'{"transcript_sid":NaN}',
    "infinite": b'{"a":1e999}',
    "long integer": b'{"a":' + b"9" * 5000 + b"}",
    "lone surrogate": b'{"a":"\\ud800"}',
    "invalid UTF-8": b'{"a":"\xff\xfe"}',
    "a list": b"[1]",
    "a number": b"5",
    "nothing": b"",
    "half": b'{"a":',
    "a name twice": b'{"transcript_sid":"GT' + b"0" * 32 + b'","event_type":"a","event_type":"b"}',
    "a name twice inside": b'{"a":[{"b":1,"b":2}]}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_json_is_a_400_and_nothing_is_stored_as_an_event(
    post: Post, settings: Settings, body: bytes
) -> None:
    sent = post(body)
    assert (sent.status_code, sent.content_type) == (400, "application/problem+json")
    assert events(settings) == []


def test_a_body_over_the_limit_is_a_413(post: Post) -> None:
    assert post(b'{"a":"' + b"x" * 300_000 + b'"}').status_code == 413


def test_another_content_type_is_a_415(client: FlaskClient) -> None:
    path, headers = signed(ORIGIN, v2_body())
    assert client.post(path, data=v2_body(), headers=headers | {"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("name", ["webhook_v2", "webhook_v3", "webhook_unknown_event"])
def test_a_repeated_delivery_is_acknowledged_and_written_once(post: Post, settings: Settings, name: str) -> None:
    assert {post(fixture_bytes(name)).status_code for _ in range(3)} <= {200, 204}
    assert len(events(settings)) == 1


def test_a_replay_under_another_token_is_still_the_same_event(post: Post, settings: Settings) -> None:
    for token in ("one", "two", "three"):
        post(v2_body(), I_Twilio_Idempotency_Token=token)
    assert len(events(settings)) == 1


def test_the_same_token_is_the_same_delivery(post: Post, settings: Settings) -> None:
    post(b'{"event_type":"new","n":1}', I_Twilio_Idempotency_Token="one")
    post(b'{"event_type":"new","n":2}', I_Twilio_Idempotency_Token="one")
    assert len(events(settings)) == 1


@pytest.mark.parametrize("derived_file_survives", [True, False])
def test_a_delivery_repeated_after_a_restart_is_known(settings: Settings, derived_file_survives: bool) -> None:
    path, headers = signed(ORIGIN, v2_body())
    for _ in range(2):
        client = create_app(settings).test_client()
        assert client.post(path, data=v2_body(), headers=headers).status_code == 204
        store_of(client).close()
        if not derived_file_survives:
            (settings.data_dir / "intelligence.sqlite").unlink()
    assert len(events(settings)) == 1


def test_a_damaged_derived_file_is_made_anew(settings: Settings) -> None:
    path, headers = signed(ORIGIN, v2_body())
    for _ in range(2):
        client = create_app(settings).test_client()
        assert client.post(path, data=v2_body(), headers=headers).status_code == 204
        store_of(client).close()
        (settings.data_dir / "intelligence.sqlite").write_bytes(b"no database at all" * 1000)
    assert len(events(settings)) == 1


def test_the_same_event_from_many_threads_is_written_once(client: FlaskClient, settings: Settings) -> None:
    path, headers = signed(ORIGIN, v2_body())

    def send(_: int) -> int:
        return client.application.test_client().post(path, data=v2_body(), headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(send, range(64))) == {204}
    assert len(events(settings)) == 1


def test_what_cannot_be_written_is_a_503_and_not_ready_until_it_can_again(
    post: Post, client: FlaskClient, settings: Settings
) -> None:
    journal = store_of(client).events
    broken, journal._descriptor = journal._descriptor, os.open("/dev/full", os.O_WRONLY)  # a full disk
    sent = post(v2_body())
    assert (sent.status_code, sent.headers["Retry-After"]) == (503, "5")
    assert client.get("/readyz").status_code == 503
    os.close(broken)
    assert post(v2_body()).status_code == 204
    assert client.get("/readyz").status_code == 200
    assert len(events(settings)) == 1


def test_an_event_whose_write_failed_is_written_again_even_when_its_line_got_in(
    post: Post, client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError("I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        assert post(v2_body()).status_code == 503
    store_of(client).intake.settle()
    assert post(v2_body()).status_code == 204
    assert len(events(settings)) == 2  # the first line may not be on the disk; readers see one event
    assert status(client)["received"] == 1
    assert post(v2_body()).status_code == 204
    assert len(events(settings)) == 2


def test_a_failed_write_is_in_doubt_before_whoever_waits_for_it_knows(
    post: Post, client: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError("I/O error")

    intake = store_of(client).intake
    delivery = Delivery(v2_body(), {"content-type": "application/json"})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        ticket = intake.begin(payload.parse(v2_body()), delivery)
        assert ticket.written is not None
        assert ticket.written.exception(10) is not None
    intake.settle()  # the ledger has read the line that got into the file
    assert post(v2_body()).status_code == 204
    assert len(events(settings)) == 2, "a repeat was acknowledged for a line that may not be on the disk"


def test_depth_is_limited_before_anything_is_built_from_it() -> None:
    at_limit = b'{"a":' + b"[" * (payload.MAX_DEPTH - 1) + b"]" * (payload.MAX_DEPTH - 1) + b"}"
    payload.parse(at_limit)
    with pytest.raises(BadPayload):
        payload.parse(at_limit.replace(b"[]", b"[[]]"))
