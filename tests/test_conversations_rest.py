"""The REST door: every route in both scopes, lists, bodies, records of writes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from conversations_api.resources import METHODS, STATUSES, Resource, Verb, operations
from shared.operators import Role
from shared.service import OPERATORS
from tests.conversations_kit import BEARER, ORIGIN, Platform, journal_lines, open_platform, sid, until

SERVICE_SID = sid("IS", 7)
CREATE: dict[str, dict[str, Any]] = {
    "service": {"friendlyName": "Support"},
    "conversation": {"friendlyName": "Ana", "attributes": {"topic": "order"}},
    "participant": {"identity": "ana"},
    "message": {"author": "ana", "body": "Hello"},
    "webhook": {
        "target": "webhook",
        "configuration": {"url": "https://a.example/x", "filters": ["onMessageAdded"]},
    },
    "user": {"identity": "ana", "attributes": {"vip": True}},
    "role": {
        "friendlyName": "Helper",
        "type": "conversation",
        "permissions": ["sendMessage", "leaveConversation"],
    },
    "address": {"type": "sms", "address": "+15005550006", "autoCreation": {"enabled": True, "type": "default"}},
}
UPDATE: dict[str, dict[str, Any]] = {
    "conversation": {"friendlyName": "Ana B."},
    "participant": {"lastReadMessageIndex": 3},
    "message": {"body": "Hello again"},
    "webhook": {"configuration": {"url": "https://a.example/y"}},
    "service": {"configuration": {"reachabilityEnabled": True}},
    "user": {"friendlyName": "Ana"},
    "userConversation": {"notificationLevel": "muted"},
    "role": {"permissions": ["sendMessage"]},
    "address": {"friendlyName": "Front desk"},
}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


def cases() -> list[Any]:
    return [
        pytest.param(resource, verb, scope, id=f"{verb}-{resource.name}-{'service' if scope else 'account'}")
        for resource, verb in operations()
        for scope in ((None, SERVICE_SID) if resource.in_service else (None,))
    ]


def raw_url(platform: Platform, path: str) -> URL:
    """The address as it is, with nothing normalised on the way."""
    return URL(str(platform.client.make_url("/")).rstrip("/") + path, encoded=True)


def seed(platform: Platform, resource: Resource, scope: str | None) -> tuple[str, str, str]:
    """A conversation, and a row of the resource: (our path, their path, the row's sid)."""
    theirs = f"Services/{scope}" if scope else ""
    ours, key = "/api", ""
    for kind in line_of(resource):
        theirs = f"{theirs}/{key}/{kind.upstream}".replace("//", "/").strip("/")
        ours = f"{ours}/{key}/{kind.plural}".replace("//", "/")
        key = platform.upstream.add(theirs, friendly_name="Old", identity="old", chat_service_sid=sid("IS"))
        if kind.name == "userConversation":
            platform.upstream.rows[theirs][0]["conversation_sid"] = key
    return ours, f"/{theirs}", key


def sid_key(resource: Resource) -> str:
    return "conversationSid" if resource.name == "userConversation" else "sid"


def line_of(resource: Resource) -> list[Resource]:
    """The resource and what it lies in, outermost first."""
    return [*(line_of(resource.parent) if resource.parent else []), resource]


@pytest.mark.parametrize(("resource", "verb", "scope"), cases())
async def test_every_operation_reaches_its_own_address_in_its_own_scope(
    platform: Platform, resource: Resource, verb: Verb, scope: str | None
) -> None:
    ours, theirs, key = seed(platform, resource, scope)
    if verb not in {"list", "create"}:
        ours, theirs = f"{ours}/{key}", f"{theirs}/{key}"
    body = {"create": CREATE, "update": UPDATE}.get(verb, {}).get(resource.name)
    query = f"?serviceSid={scope}" if scope else ""
    answer = await platform.call(METHODS[verb], ours + query, body)
    assert answer.status == STATUSES[verb], answer.raw
    if resource.parts and verb == "update":
        theirs += "/Configuration"
    seen = platform.upstream.seen[0]
    assert (seen.method, seen.path) == ({"PUT": "POST"}.get(METHODS[verb], METHODS[verb]), theirs)
    assert len(platform.upstream.seen) == 1 or resource.parts
    writes = verb not in {"list", "fetch"}
    assert (seen.headers.get("X-Twilio-Webhook-Enabled") == "true") == (writes and resource.fires_webhooks)
    if verb == "list":
        assert [item[sid_key(resource)] for item in answer.json["items"]] == [key]
    elif verb == "delete":
        assert answer.raw == b""
    else:
        assert answer.json[sid_key(resource)] == key or verb == "create"
        assert not set(answer.json) & {"url", "links", "accountSid"}


@pytest.mark.parametrize(("resource", "verb", "scope"), cases())
async def test_every_operation_refuses_a_role_below_its_own(
    platform: Platform, resource: Resource, verb: Verb, scope: str | None
) -> None:
    ours, _, key = seed(platform, resource, scope)
    path = ours if verb in {"list", "create"} else f"{ours}/{key}"
    needed = resource.roles[verb]
    headers = {}
    if needed > Role.VIEWER:
        token = platform.client.app[OPERATORS].add("lower", Role(needed - 1))
        headers = {"Authorization": f"Bearer {token}"}
    body = b"{}" if verb in {"create", "update"} else None
    async with platform.client.request(
        METHODS[verb], path, data=body, headers={**headers, "Content-Type": "application/json"}
    ) as response:
        assert response.status == (403 if headers else 401)
        assert response.content_type == "application/problem+json"
    assert platform.upstream.seen == []


async def test_a_created_conversation_reads_back_with_its_attributes_as_json(platform: Platform) -> None:
    made = await platform.call("POST", "/api/conversations", CREATE["conversation"] | {"uniqueName": "ana/1 é?#"})
    read = await platform.call("GET", f"/api/conversations/{made.json['sid']}")
    assert (made.status, read.json["attributes"]) == (201, {"topic": "order"})
    assert read.json["dateCreated"] == "2026-11-22T10:00:00Z"
    assert ("Attributes", '{"topic":"order"}') in platform.upstream.seen[0].form


async def test_a_unique_name_is_escaped_as_one_segment(platform: Platform) -> None:
    key = platform.upstream.add("Conversations", unique_name="ana é?#&%1")
    answer = await platform.call("GET", "/api/conversations/ana%20%C3%A9%3F%23%26%251")
    assert (answer.status, answer.json["sid"]) == (200, key)
    assert platform.upstream.seen[0].path == "/Conversations/ana%20%C3%A9%3F%23%26%251"


async def test_a_participant_is_fetched_by_identity_and_changed_only_by_sid(platform: Platform) -> None:
    above = platform.upstream.add("Conversations")
    platform.upstream.add(f"Conversations/{above}/Participants", identity="ana")
    path = f"/api/conversations/{above}/participants/ana"
    assert (await platform.call("GET", path)).status == 200
    assert (await platform.call("PUT", path, {"lastReadMessageIndex": 1})).status == 400


async def test_a_cursor_leads_through_all_pages_and_holds_no_address(platform: Platform) -> None:
    keys = [platform.upstream.add("Conversations", state="active") for _ in range(5)]
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        more = f"&cursor={cursor}" if cursor else ""
        answer = await platform.call("GET", f"/api/conversations?limit=2&state=active{more}")
        found += [item["sid"] for item in answer.json["items"]]
        cursor, pages = answer.json["nextCursor"], pages + 1
        assert b"twilio.com" not in answer.raw
    assert (found, pages) == (keys, 3)
    assert ("PageToken", "PT2") in platform.upstream.seen[1].query
    assert ("State", "active") in platform.upstream.seen[1].query


async def test_a_cursor_of_another_list_is_refused(platform: Platform) -> None:
    for _ in range(3):
        platform.upstream.add("Conversations", state="active")
    cursor = (await platform.call("GET", "/api/conversations?limit=2&state=active")).json["nextCursor"]
    for query in (f"?cursor={cursor}", f"?state=closed&cursor={cursor}", "?cursor=bm90aGluZw", "?cursor=%00"):
        answer = await platform.call("GET", f"/api/conversations{query}")
        assert answer.status == 400, query
        assert "cursor" in answer.json["detail"]


async def test_webhooks_are_listed_in_pages_twilio_allows(platform: Platform) -> None:
    above = platform.upstream.add("Conversations")
    await platform.call("GET", f"/api/conversations/{above}/webhooks?limit=100")
    assert ("PageSize", "5") in platform.upstream.seen[0].query


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/conversations?limit=101", "limit"),
        ("/api/conversations?limit=0", "limit"),
        ("/api/conversations?limit=ten", "limit"),
        ("/api/conversations?state=sleeping", "state"),
        ("/api/conversations?startDate=yesterday", "startDate"),
        ("/api/conversations?colour=red", "colour"),
        ("/api/conversations?limit=1&limit=2", "limit"),
        ("/api/conversations?serviceSid=IS1", "serviceSid"),
        (f"/api/services?serviceSid={sid('IS')}", "serviceSid"),
        (f"/api/conversations/{sid('CH')}?limit=3", "limit"),
        (f"/api/conversations/{sid('CH')}/messages?order=up", "order"),
    ],
)
async def test_a_parameter_that_cannot_be_used_is_named(platform: Platform, path: str, names: str) -> None:
    answer = await platform.call("GET", path)
    assert answer.status == 400
    assert names in answer.json["detail"]
    assert platform.upstream.seen == []


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("/api/conversations", {"colour": "red"}, "colour"),
        ("/api/conversations", {"accountSid": "AC1"}, "accountSid"),
        ("/api/conversations", {"friendlyName": "x" * 257}, "friendlyName"),
        ("/api/conversations", {"state": "initializing"}, "state"),
        ("/api/conversations", {"timers": {"inactive": "soon"}}, "inactive"),
        ("/api/conversations", {"attributes": "text"}, "attributes"),
        ("/api/conversations", [], "object"),
        ("/api/services", {}, "friendlyName"),
        (f"/api/conversations/{sid('CH')}/messages", {"mediaSid": "ME1"}, "mediaSid"),
        (f"/api/conversations/{sid('CH')}/participants", {}, "identity"),
        (f"/api/conversations/{sid('CH')}/webhooks", {"target": "fax"}, "target"),
        (
            f"/api/conversations/{sid('CH')}/webhooks",
            {"target": "webhook", "configuration": {"url": "file:///etc/passwd"}},
            "url",
        ),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_naming_the_field(
    platform: Platform, path: str, body: object, names: str
) -> None:
    answer = await platform.call("POST", path, body)
    assert answer.status == 400
    assert names in answer.json["detail"]
    assert platform.upstream.seen == []


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"friendlyName":"\xff"}', b"[" * 100_000, b'{"a":NaN}'])
async def test_bytes_that_are_no_json_are_a_400(platform: Platform, raw: bytes) -> None:
    answer = await platform.call(
        "POST", "/api/conversations", data=raw, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400, answer.raw


async def test_an_update_that_changes_nothing_is_refused(platform: Platform) -> None:
    answer = await platform.call("PUT", f"/api/conversations/{sid('CH')}", {})
    assert (answer.status, platform.upstream.seen) == (400, [])


async def test_a_write_is_journalled_as_our_own_and_audited(platform: Platform) -> None:
    made = await platform.call("POST", f"/api/conversations?serviceSid={SERVICE_SID}", CREATE["conversation"])
    key = made.json["sid"]
    await platform.call("POST", f"/api/conversations/{key}/messages?serviceSid={SERVICE_SID}", CREATE["message"])
    await platform.call("DELETE", f"/api/conversations/{key}?serviceSid={SERVICE_SID}")
    events = journal_lines(platform.settings.data_dir, "conversation_events")
    assert [(e["event_type"], e["source"], e["conversation_sid"], e["service_sid"]) for e in events] == [
        ("onConversationAdded", "api", key, SERVICE_SID),
        ("onMessageAdded", "api", key, SERVICE_SID),
        ("onConversationRemoved", "api", key, SERVICE_SID),
    ]
    assert events[1]["payload"]["body"] == "Hello"
    await until(lambda: len(journal_lines(platform.settings.data_dir, "audit")) >= 3)  # nobody waits for an audit
    audits = [a for a in journal_lines(platform.settings.data_dir, "audit") if a["action"] != "sign_in"]
    assert [(a["actor"], a["action"], a["outcome"]) for a in audits] == [
        ("owner", "conversation.create", "ok"),
        ("owner", "message.create", "ok"),
        ("owner", "conversation.delete", "ok"),
    ]


async def test_the_audit_names_what_was_made_and_where(platform: Platform) -> None:
    key = (await platform.call("POST", "/api/conversations", {})).json["sid"]
    message = (await platform.call("POST", f"/api/conversations/{key}/messages", {"body": "x"})).json["sid"]
    targets = [a["target"] for a in journal_lines(platform.settings.data_dir, "audit")]
    assert targets == [key, f"{key}/{message}"]


async def test_a_deletion_by_name_claims_no_sid_it_does_not_know(platform: Platform) -> None:
    platform.upstream.add("Conversations", unique_name="ana")
    assert (await platform.call("DELETE", "/api/conversations/ana")).status == 204
    (event,) = journal_lines(platform.settings.data_dir, "conversation_events")
    assert (event["conversation_sid"], event["sid"]) == ("", "")


async def test_a_refused_write_is_audited_and_not_journalled_as_an_event(platform: Platform) -> None:
    platform.upstream.add("Conversations", unique_name="taken")
    answer = await platform.call("POST", "/api/conversations", {"uniqueName": "taken"})
    assert (answer.status, answer.json["code"]) == (409, 50353)
    assert journal_lines(platform.settings.data_dir, "conversation_events") == []
    await until(lambda: journal_lines(platform.settings.data_dir, "audit") != [])
    (record,) = journal_lines(platform.settings.data_dir, "audit")
    assert record["outcome"] == "refused 409 50353"


async def test_served_routes_are_the_documented_ones(platform: Platform) -> None:
    paths = (await platform.call("GET", "/openapi.json")).json["paths"]
    documented = {(method.upper(), path) for path, item in paths.items() for method in item}
    served = {
        (route.method, route.resource.canonical)
        for route in platform.client.app.router.routes()
        if route.resource is not None and route.method != "OPTIONS"
    }
    # What is not this service's own API: the console's files and the other services.
    served = {(method, path) for method, path in served if not path.startswith("/svc/") and path != "/{path}"}
    assert served == documented


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_a_method_that_a_path_does_not_have_is_a_405_problem(platform: Platform, method: str) -> None:
    answer = await platform.call(method, "/api/conversations")
    assert (answer.status, answer.headers["Content-Type"]) == (405, "application/problem+json")


async def test_an_unknown_path_is_a_404_problem_and_never_the_console(platform: Platform) -> None:
    for path in ("/api/nothing", "/api", "/svc/unknown/x", "/webhooks/other"):
        answer = await platform.call("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json"), path


# ---- hostile callers ----

TRAVERSALS = [
    "..%2f..%2fServices",
    "%2e%2e",
    "%2e",
    "CH..",
    "a%2fb",
    "a%5cb",
    "a%00b",
    "a%0d%0aX-Evil:%201",
    "x" * 300,
    sid("IS"),
    sid("AC"),
]


@pytest.mark.parametrize("evil", TRAVERSALS)
async def test_an_id_that_could_be_a_path_never_reaches_twilio(platform: Platform, evil: str) -> None:
    for path in (f"/api/conversations/{evil}", f"/api/conversations/{sid('CH')}/messages/{evil}"):
        async with platform.client.session.get(raw_url(platform, path), headers=BEARER) as response:
            assert response.status in {400, 404}, path
    assert platform.upstream.seen == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        f"{ORIGIN}.evil.example",
        f"https://evil.example/{ORIGIN}",
        "http://127.0.0.1",
    ],
)
async def test_no_other_origin_is_told_that_it_may_read(platform: Platform, origin: str) -> None:
    answer = await platform.call("GET", "/api/conversations", headers={"Origin": origin})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "Origin" in answer.headers["Vary"]
    async with platform.client.options(
        "/api/conversations", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    ) as preflight:
        assert preflight.status == 403
        assert "Access-Control-Allow-Origin" not in preflight.headers


async def test_an_allowed_origin_may_read_and_write_with_its_session(platform: Platform) -> None:
    answer = await platform.call("GET", "/api/conversations", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    wanted = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    async with platform.client.options(
        f"/api/conversations/{sid('CH')}", headers={"Origin": ORIGIN, **wanted}
    ) as preflight:
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Methods"] == "PUT"


async def test_errors_too_carry_the_cors_headers_for_an_allowed_origin(platform: Platform) -> None:
    answer = await platform.call("GET", f"/api/conversations/{sid('CH')}", headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, ORIGIN)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_form_of_another_site_changes_nothing(platform: Platform, content_type: str) -> None:
    answer = await platform.call("POST", "/api/conversations", data=b"{}", headers={"Content-Type": content_type})
    assert (answer.status, platform.upstream.seen) == (415, [])


async def test_a_write_from_another_origin_is_refused_even_with_a_session(platform: Platform) -> None:
    await platform.client.post("/api/session", json={"token": "kit-operator-token"})
    async with platform.client.post(
        "/api/conversations", json={}, headers={"Origin": "https://evil.example"}
    ) as response:
        assert response.status == 403
    async with platform.client.post("/api/conversations", json={}, headers={"Origin": ORIGIN}) as response:
        assert response.status == 201
    assert len(platform.upstream.seen) == 1


async def test_a_body_larger_than_the_limit_is_a_413(platform: Platform) -> None:
    body = io.BytesIO(b'{"friendlyName":"' + b"x" * 2_000_000 + b'"}')
    headers = {"Content-Type": "application/json"}
    answer = await platform.call("POST", "/api/conversations", data=body, headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


async def test_a_service_comes_with_its_parts_and_a_change_reaches_each_document(
    platform: Platform,
) -> None:
    key = platform.upstream.add("Services", friendly_name="Shop")
    change = {
        "configuration": {"reachabilityEnabled": True},
        "webhooks": {"postWebhookUrl": "https://a.example/x", "filters": ["onMessageAdded", "onUserAdded"]},
        "notifications": {"newMessage": {"badgeCountEnabled": False, "withMedia": {"enabled": True}}},
    }
    changed = await platform.call("PUT", f"/api/services/{key}", change)
    assert changed.status == 200, changed.raw
    assert changed.json["webhooks"]["filters"] == ["onMessageAdded", "onUserAdded"]
    forms = {seen.path: seen.form for seen in platform.upstream.seen if seen.method == "POST"}
    assert forms == {
        f"/Services/{key}/Configuration": [("ReachabilityEnabled", "true")],
        f"/Services/{key}/Configuration/Webhooks": [
            ("Filters", "onMessageAdded"),
            ("Filters", "onUserAdded"),
            ("PostWebhookUrl", "https://a.example/x"),
        ],
        f"/Services/{key}/Configuration/Notifications": [
            ("NewMessage.BadgeCountEnabled", "false"),
            ("NewMessage.WithMedia.Enabled", "true"),
        ],
    }
    read = await platform.call("GET", f"/api/services/{key}")
    assert (read.json["friendlyName"], read.json["webhooks"]) == ("Shop", changed.json["webhooks"])


async def test_the_accounts_configuration_is_read_and_changed(platform: Platform) -> None:
    change = {"configuration": {"defaultClosedTimer": "PT2H"}, "webhooks": {"target": "webhook", "method": "POST"}}
    changed = await platform.call("PUT", "/api/account", change)
    assert (changed.status, changed.json["configuration"]["defaultClosedTimer"]) == (200, "PT2H")
    assert (await platform.call("GET", "/api/account")).json == changed.json
    assert (await platform.call("PUT", "/api/account", {"webhooks": {}})).status == 400


@pytest.mark.parametrize("path", ["/api/services", "/api/addresses", "/api/account"])
async def test_what_belongs_to_the_account_refuses_a_service(platform: Platform, path: str) -> None:
    refused = await platform.call("GET", f"{path}?serviceSid={SERVICE_SID}")
    assert refused.status == 400
    assert "belongs to the account" in refused.json["detail"]
    assert platform.upstream.seen == []


async def test_a_conversation_is_created_together_with_its_people(platform: Platform) -> None:
    people = [
        {"identity": "ana", "attributes": {"vip": True}},
        {"messagingBinding": {"address": "+15005550009", "proxyAddress": "+15005550006"}},
    ]
    made = await platform.call(
        "POST",
        f"/api/conversations/with-participants?serviceSid={SERVICE_SID}",
        {"friendlyName": "Both", "participants": people},
    )
    assert (made.status, made.json["state"]) == (202, "initializing")
    (seen,) = platform.upstream.seen
    assert seen.path == f"/Services/{SERVICE_SID}/ConversationWithParticipants"
    assert seen.form == [
        ("FriendlyName", "Both"),
        ("Participant", '{"identity":"ana","attributes":"{\\"vip\\":true}"}'),
        ("Participant", '{"messaging_binding":{"address":"+15005550009","proxy_address":"+15005550006"}}'),
    ]
    assert seen.headers["X-Twilio-Webhook-Enabled"] == "true"
    crowd = {"participants": [{"identity": f"p{number}"} for number in range(11)]}
    assert (await platform.call("POST", "/api/conversations/with-participants", crowd)).status == 400
