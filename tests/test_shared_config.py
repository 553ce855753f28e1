"""Configuration: one error for everything, secrets that stay hidden, settings that are safe or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.config import (
    DEMO_ACCOUNT_PREFIX,
    ConfigError,
    Settings,
    TwilioAccount,
    load_settings,
    read_environment,
)
from shared.origins import is_public, parse_origin, websocket_origin

MakeSettings = Callable[..., Settings]
DEMO_SID = DEMO_ACCOUNT_PREFIX + "0" * 26
SERVICES = ["relay_server", "conversations_api", "intelligence_webhooks", "signal_analytics", "sandbox"]


def faults_of(make: Callable[[], object]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [f"  - {fault}" in str(caught.value).split("\n") for fault in caught.value.faults].count(False) == 0
    return caught.value.faults


# ---- the environment and .env -------------------------------------------------------------------------------


def test_the_process_environment_is_on_top_of_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('A=file\nB="from file"\nexport C=file\n# D=commented\nE=\n', encoding="utf-8")
    assert read_environment({"A": "process"}, dotenv) == {"A": "process", "B": "from file", "C": "file"}


@pytest.mark.parametrize("empty", ["", "   "])
def test_an_empty_variable_counts_as_missing_and_still_hides_the_file(tmp_path: Path, empty: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("TWILIO_AUTH_TOKEN=from-file\n", encoding="utf-8")
    assert read_environment({"TWILIO_AUTH_TOKEN": empty}, dotenv) == {}


def test_a_missing_file_is_no_fault(tmp_path: Path) -> None:
    assert read_environment({"A": "1"}, tmp_path / "none") == {"A": "1"}
    assert read_environment({"A": "1"}, None) == {"A": "1"}


def test_a_file_in_another_encoding_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("OPENAI_API_KEY=sk-geheim\nNAME=Jürgen\n".encode("latin-1"))
    [fault] = faults_of(lambda: read_environment({}, tmp_path / ".env"))
    assert "UTF-8" in fault
    assert "geheim" not in fault


# ---- one error for everything -------------------------------------------------------------------------------


def test_one_error_lists_every_fault_and_how_to_get_a_demo(tmp_path: Path) -> None:
    environ = {
        "DATA_DIR": str(tmp_path / "data"),
        "TWILIO_ACCOUNT_SID": "AC123",
        "OPENAI_API_KEY": "your_openai_key",
        "RELAY_PORT": "80a",
        "SANDBOX_PORT": "70000",
        "DEBUG_MODE": "perhaps",
        "PUBLIC_URL": "voice.example.com",
        "TWILIO_BASE_URL": "https://",
        "SEGMENT_SPACE_ID": "spa_1",
        "WEB_ORIGINS": "https://console.example.com/path, http://127.0.0.1:3000",
        "ANALYTICS_URL": "ftp://x",
        "OPERATOR_TOKEN": "changeme",
    }
    faults = faults_of(lambda: load_settings("relay_server", environ))
    names = [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "OPENAI_API_KEY",
        "RELAY_PORT",
        "SANDBOX_PORT",
        "DEBUG_MODE",
        "PUBLIC_URL",
        "TWILIO_BASE_URL",
        "SEGMENT_ACCESS_SECRET",
        "WEB_ORIGINS",
        "ANALYTICS_URL",
        "OPERATOR_TOKEN",
    ]
    assert [name for name in names if not any(fault.startswith(name) for fault in faults)] == []
    assert len(faults) == len(names)
    assert not (tmp_path / "data").exists(), "nothing may be written for a configuration that is refused"
    with pytest.raises(ConfigError, match="make up"):
        load_settings("relay_server", environ)


@pytest.mark.parametrize("service", ["relay_server", "conversations_api", "intelligence_webhooks", "sandbox"])
def test_a_service_of_twilio_needs_an_account(tmp_path: Path, service: str) -> None:
    faults = faults_of(lambda: load_settings(service, {"DATA_DIR": str(tmp_path)}))
    assert "TWILIO_ACCOUNT_SID is missing" in faults
    assert "TWILIO_AUTH_TOKEN is missing" in faults
    assert ("OPENAI_API_KEY is missing" in faults) == (service in {"relay_server", "sandbox"})


@pytest.mark.parametrize("service", ["signal_analytics", "crosschannel"])
def test_analytics_and_the_command_line_need_none(tmp_path: Path, service: str) -> None:
    settings = load_settings(service, {"DATA_DIR": str(tmp_path)})
    assert (settings.twilio, settings.openai, settings.segment) == (None, None, None)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID"),
        ("SEGMENT_SPACE_ID", "SEGMENT_ACCESS_SECRET"),
        ("SEGMENT_ACCESS_SECRET", "SEGMENT_SPACE_ID"),
    ],
)
def test_half_given_credentials_are_refused_everywhere(tmp_path: Path, given: str, missing: str) -> None:
    environ = {"DATA_DIR": str(tmp_path), given: "AC" + "1" * 32}
    assert faults_of(lambda: load_settings("signal_analytics", environ)) == [f"{missing} is missing"]


@pytest.mark.parametrize(
    "placeholder",
    ["your_auth_token", "YOUR-TOKEN-HERE", "changeme", "<token>", "ACxxxxxxxxxxxxxxxx", "sk-...", "replace_me"],
)
@pytest.mark.parametrize(
    "name", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "OPENAI_API_KEY", "OPERATOR_TOKEN", "SESSION_SECRET"]
)
def test_a_placeholder_counts_as_never_filled_in(
    make_settings: MakeSettings, tmp_path: Path, name: str, placeholder: str
) -> None:
    faults = faults_of(lambda: make_settings("relay_server", tmp_path, **{name: placeholder}))
    assert faults == [f"{name} still holds a placeholder"]


@pytest.mark.parametrize("bad", ["AC12", "SK" + "1" * 32, "AC" + "g" * 32, "AC" + "1" * 33])
def test_an_account_sid_has_its_form(make_settings: MakeSettings, tmp_path: Path, bad: str) -> None:
    [fault] = faults_of(lambda: make_settings("relay_server", tmp_path, TWILIO_ACCOUNT_SID=bad))
    assert "32 hexadecimal digits" in fault
    assert bad not in fault


@pytest.mark.parametrize("bad", ["0", "65536", "-1", "1.5", "٣٠٠١", "9" * 5000, "eighty"])
def test_a_port_is_between_1_and_65535(make_settings: MakeSettings, tmp_path: Path, bad: str) -> None:
    faults = faults_of(lambda: make_settings("relay_server", tmp_path, RELAY_PORT=bad))
    assert faults == ["RELAY_PORT must be a port between 1 and 65535"]


def test_two_services_cannot_have_one_port(make_settings: MakeSettings, tmp_path: Path) -> None:
    [fault] = faults_of(lambda: make_settings("relay_server", tmp_path, RELAY_PORT="3001"))
    assert "same port" in fault


# ---- secrets ------------------------------------------------------------------------------------------------

SECRETS = {
    "TWILIO_AUTH_TOKEN": "hidden-twilio",
    "OPENAI_API_KEY": "sk-hidden-openai",
    "SEGMENT_SPACE_ID": "spa_1",
    "SEGMENT_ACCESS_SECRET": "hidden-segment",
    "SEGMENT_WRITE_KEY": "hidden-write-key",
    "OPERATOR_TOKEN": "hidden-operator",
    "SESSION_SECRET": "hidden-session",
}


def test_secrets_are_in_the_settings_and_in_no_repr(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("relay_server", tmp_path, **SECRETS)
    assert settings.twilio is not None
    assert settings.openai is not None
    assert settings.segment is not None
    kept = {settings.twilio.auth_token, settings.openai.api_key, settings.segment.access_secret}
    kept |= {settings.segment.write_key or "", settings.operator_token, settings.session_secret}
    assert kept == {value for value in SECRETS.values() if "hidden" in value}
    for shown in (repr(settings), str(settings), f"{settings.twilio} {settings.openai} {settings.segment}"):
        assert "hidden" not in shown


def test_secrets_are_in_no_error(tmp_path: Path) -> None:
    environ = SECRETS | {"DATA_DIR": str(tmp_path), "TWILIO_ACCOUNT_SID": "hidden-sid", "RELAY_PORT": "x"}
    with pytest.raises(ConfigError) as caught:
        load_settings("relay_server", environ)
    assert "hidden" not in f"{caught.value} {caught.value!r} {caught.value.faults}"


def test_operator_token_and_session_secret_are_made_and_kept_when_not_given(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    first = make_settings("relay_server", tmp_path, OPERATOR_TOKEN="", SESSION_SECRET="")
    again = make_settings("conversations_api", tmp_path, OPERATOR_TOKEN="", SESSION_SECRET="")
    assert len(first.operator_token) >= 32
    assert len(first.session_secret) >= 32
    assert (first.operator_token, first.session_secret) == (again.operator_token, again.session_secret)


# ---- what is refused because it would be open to the world --------------------------------------------------

PUBLIC = ["https://voice.example.com", "http://203.0.113.9:8080", "http://[2001:db8::1]:8080"]


@pytest.mark.parametrize("url", PUBLIC)
@pytest.mark.parametrize(
    "name", ["PUBLIC_URL", "RELAY_PUBLIC_URL", "INTELLIGENCE_PUBLIC_URL", "CONVERSATIONS_PUBLIC_URL"]
)
def test_the_demo_account_is_refused_with_a_public_url(
    make_settings: MakeSettings, tmp_path: Path, name: str, url: str
) -> None:
    [fault] = faults_of(
        lambda: make_settings("relay_server", tmp_path, TWILIO_ACCOUNT_SID=DEMO_SID, **{name: url})
    )
    assert "demo account" in fault


def test_the_demo_account_is_refused_with_a_tunnel(make_settings: MakeSettings, tmp_path: Path) -> None:
    environ = {"TWILIO_ACCOUNT_SID": DEMO_SID, "NGROK_DOMAIN": "x.ngrok.app"}
    [fault] = faults_of(lambda: make_settings("relay_server", tmp_path, **environ))
    assert "demo account" in fault


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "http://relay:8080"]
)
def test_the_demo_account_works_where_no_stranger_reaches_it(
    make_settings: MakeSettings, tmp_path: Path, url: str
) -> None:
    settings = make_settings("relay_server", tmp_path, TWILIO_ACCOUNT_SID=DEMO_SID, PUBLIC_URL=url)
    assert settings.twilio is not None
    assert settings.twilio.is_demo
    assert settings.public_url == url


@pytest.mark.parametrize(
    "exposing",
    [
        {"HOST": "0.0.0.0"},
        {"HOST": "::"},
        {"HOST": "192.168.1.5"},
        {"PUBLIC_URL": "https://voice.example.com"},
        {"NGROK_DOMAIN": "x.ngrok.app"},
        {"INTELLIGENCE_PUBLIC_URL": "http://[2001:db8::1]:4000"},
    ],
)
def test_signatures_cannot_be_off_where_strangers_may_reach_us(
    make_settings: MakeSettings, tmp_path: Path, exposing: dict[str, str]
) -> None:
    [fault] = faults_of(
        lambda: make_settings("intelligence_webhooks", tmp_path, TWILIO_VALIDATE_SIGNATURES="false", **exposing)
    )
    assert fault.startswith("TWILIO_VALIDATE_SIGNATURES")
    assert make_settings("intelligence_webhooks", tmp_path, **exposing).validate_signatures


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_signatures_may_be_off_on_loopback(make_settings: MakeSettings, tmp_path: Path, host: str) -> None:
    settings = make_settings("intelligence_webhooks", tmp_path, TWILIO_VALIDATE_SIGNATURES="off", HOST=host)
    assert not settings.validate_signatures


# ---- addresses ----------------------------------------------------------------------------------------------


def test_without_a_public_url_each_service_has_its_own_loopback_address(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings("intelligence_webhooks", tmp_path, HOST="0.0.0.0", INTELLIGENCE_PORT="4444")
    assert settings.public_url == settings.intelligence_public_url == "http://127.0.0.1:4444"
    assert settings.relay_public_url == settings.urls.relay == "http://127.0.0.1:8080"
    assert (settings.host, settings.port) == ("0.0.0.0", 4444)


def test_public_urls_go_from_the_service_over_the_common_one_to_the_tunnel(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    tunnel = make_settings("relay_server", tmp_path, NGROK_DOMAIN="x.ngrok.app")
    assert tunnel.public_url == tunnel.conversations_public_url == "https://x.ngrok.app"
    common = make_settings(
        "relay_server",
        tmp_path,
        NGROK_DOMAIN="x.ngrok.app",
        PUBLIC_URL="https://voice.example.com/",
        INTELLIGENCE_PUBLIC_URL="https://intel.example.com:8443",
    )
    assert common.public_url == common.relay_public_url == "https://voice.example.com"
    assert common.intelligence_public_url == "https://intel.example.com:8443"
    assert common.conversations_public_url == "https://voice.example.com"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_knows_its_own_port(make_settings: MakeSettings, tmp_path: Path, service: str) -> None:
    expected = {
        "relay_server": 8080,
        "conversations_api": 3001,
        "intelligence_webhooks": 4000,
        "signal_analytics": 8090,
        "sandbox": 9000,
    }
    assert make_settings(service, tmp_path).port == expected[service]


@pytest.mark.parametrize(
    "bad",
    [
        "voice.example.com",
        "ws://voice.example.com",
        "https://voice.example.com/path",
        "https://voice.example.com?x=1",
        "https://user:hidden@voice.example.com",
        "https://voice.example.com:99999",
        "https://[::1",
        "https://",
    ],
)
def test_an_origin_has_no_path_query_or_user(make_settings: MakeSettings, tmp_path: Path, bad: str) -> None:
    [fault] = faults_of(lambda: make_settings("relay_server", tmp_path, PUBLIC_URL=bad))
    assert fault.startswith("PUBLIC_URL")
    assert "hidden" not in fault


@pytest.mark.parametrize("bad", ["http://", "https:///v1", "ftp://h/v1", "h/v1", "http://h:99999", "http://[::1"])
def test_a_base_url_has_a_host(make_settings: MakeSettings, tmp_path: Path, bad: str) -> None:
    [fault] = faults_of(lambda: make_settings("relay_server", tmp_path, TWILIO_BASE_URL=bad))
    assert fault.startswith("TWILIO_BASE_URL")


def test_web_origins_replace_the_loopback_ones(make_settings: MakeSettings, tmp_path: Path) -> None:
    default = make_settings("conversations_api", tmp_path, CONVERSATIONS_PORT="3333").web_origins
    assert set(default) == {
        f"http://{host}:{port}" for host in ("127.0.0.1", "localhost") for port in (3000, 3333)
    }
    given = make_settings("conversations_api", tmp_path, WEB_ORIGINS="https://a.example.com/, http://b:1")
    assert given.web_origins == ("https://a.example.com", "http://b:1")


def test_the_websocket_origin_follows_the_scheme() -> None:
    assert websocket_origin("https://voice.example.com") == "wss://voice.example.com"
    assert websocket_origin("http://127.0.0.1:8080") == "ws://127.0.0.1:8080"
    assert is_public(parse_origin("https://https.example.com"))


@pytest.mark.parametrize(
    ("url", "rewritten"),
    [
        (
            "https://conversations.twilio.com/v1/Services?PageSize=50&Page=1",
            "/conversations/v1/Services?PageSize=50&Page=1",
        ),
        ("https://api.dublin.ie1.twilio.com/2010-04-01/Accounts.json", "/api/2010-04-01/Accounts.json"),
        ("https://mcs.us1.twilio.com/v1/Services/IS1/Media/ME%2F1", "/mcs/v1/Services/IS1/Media/ME%2F1"),
    ],
)
def test_twilios_addresses_are_rewritten_under_the_base_url(url: str, rewritten: str) -> None:
    account = TwilioAccount("AC" + "1" * 32, "t", base_url="http://127.0.0.1:9000/base")
    assert account.rewrite(url) == "http://127.0.0.1:9000/base" + rewritten
    assert TwilioAccount("AC" + "1" * 32, "t").rewrite(url) == url


@pytest.mark.parametrize(
    "url",
    ["https://twilio.com.evil.example/v1", "https://eviltwilio.com/v1", "http://127.0.0.1:9000/conversations/v1"],
)
def test_other_addresses_are_not_rewritten(url: str) -> None:
    assert TwilioAccount("AC" + "1" * 32, "t", base_url="http://127.0.0.1:9000").rewrite(url) == url


def test_a_products_address_is_twilios_or_under_the_base_url() -> None:
    assert (
        TwilioAccount("AC1", "t").url("intelligence", "/v2/Services")
        == "https://intelligence.twilio.com/v2/Services"
    )
    ours = TwilioAccount("AC1", "t", base_url="http://127.0.0.1:9000")
    assert ours.url("intelligence", "v2/Services") == "http://127.0.0.1:9000/intelligence/v2/Services"


@pytest.mark.parametrize(
    ("origin", "public"),
    [
        ("http://127.0.0.1:1", False),
        ("http://localhost", False),
        ("http://[::1]:1", False),
        ("http://relay:8080", False),
        ("http://[2001:db8::1]", True),
        ("http://10.0.0.1", True),
        ("https://x.example", True),
    ],
)
def test_public_is_what_strangers_may_reach(origin: str, public: bool) -> None:
    assert is_public(origin) is public
