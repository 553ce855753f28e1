"""The sandbox's Voice API, driven by the official SDK: calls placed by REST ring simulated people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from sandbox.sids import is_sid
from tests import phone_kit
from tests.conftest import EventuallyAsync
from tests.phone_kit import HANG_UP, TinyRelay
from tests.sandbox_kit import ACCOUNT_SID, AUTH_TOKEN, AsyncRewritingHttp, Sandbox, open_sandbox

OURS, THEIRS, BUSY, NOBODY = "+15555550100", "+15555550101", "+15555550000", "+15555550001"
SHORT = {"turns": [{"user": "hello"}, {"hangup": True}]}
EVERYTHING = ["initiated", "ringing", "answered", "completed"]


@dataclass
class World:
    """A sandbox beside the application that it calls."""

    relay: TinyRelay
    sandbox: Sandbox

    def statuses(self, call_sid: str) -> list[dict[str, str]]:
        return [form for path, form in self.relay.forms if path == "/voice/status" and form["CallSid"] == call_sid]

    async def sdk_call(self, **options: Any) -> Any:
        return await self.sandbox.through_sdk(lambda client: client.calls.create(**options))

    async def call(self, sid: str) -> dict[str, Any]:
        answer = await self.sandbox.twilio("GET", f"/api/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{sid}.json")
        found: dict[str, Any] = answer.json
        return found

    async def answers(self, number: str, **how: Any) -> None:
        answer = await self.sandbox.control("PUT", f"callees/{number}", how)
        assert answer.status == 200, answer


@asynccontextmanager
async def open_world(data_dir: Path, monkeypatch: pytest.MonkeyPatch, **relay: Any) -> AsyncIterator[World]:
    monkeypatch.setattr(
        phone_kit, "AUTH_TOKEN", AUTH_TOKEN
    )  # the tiny application checks with this account's token
    application = TinyRelay(**relay)
    async with TestServer(application.app()) as server:
        application.url = str(server.make_url("")).rstrip("/")
        urls = {"RELAY_PUBLIC_URL": application.url, "RELAY_URL": application.url}
        async with open_sandbox(data_dir, **urls) as sandbox:
            yield World(application, sandbox)


async def test_a_call_placed_by_the_sdk_rings_somebody_and_runs_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch, greeting="Good day!") as world:
        await world.answers(THEIRS, script=SHORT, ring_s=0.05, speed=20)
        call = await world.sdk_call(
            to=THEIRS,
            from_=OURS,
            url=f"{world.relay.url}/voice",
            status_callback=f"{world.relay.url}/voice/status",
            status_callback_event=EVERYTHING,
        )
        assert is_sid(call.sid, "CA")
        assert (call.status, call.direction, call.to, call._from) == ("queued", "outbound-api", THEIRS, OURS)
        await eventually_async(lambda: len(world.statuses(call.sid)) == 4)
        ended = await world.call(call.sid)
        progress = (await world.sandbox.control("GET", f"calls/{call.sid}")).json
    assert world.relay.bad_signatures == 0
    told = world.statuses(call.sid)
    assert [form["CallStatus"] for form in told] == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in told] == ["0", "1", "2", "3"]
    assert told[-1]["CallDuration"] == ended["duration"]
    assert told[0]["Direction"] == "outbound-api"
    voice = world.relay.form_of("/voice")
    assert (voice["CallStatus"], voice["To"], voice["From"]) == ("in-progress", THEIRS, OURS)
    setup = world.relay.frames[0]
    assert (setup["direction"], setup["to"], setup["callStatus"]) == ("outbound-api", THEIRS, "IN_PROGRESS")
    assert [p["voicePrompt"] for p in world.relay.of_type("prompt")] == ["hello"]
    assert (ended["status"], ended["end_time"] is not None) == ("completed", True)
    assert progress["passed"] is True
    assert progress["turns"][0]["agent"] == "You said: hello."
    assert is_sid(progress["transcriptSid"], "GT")


async def test_busy_and_unanswered_numbers_end_without_asking_for_twiml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch) as world:
        common = {
            "from_": OURS,
            "url": f"{world.relay.url}/voice",
            "status_callback": f"{world.relay.url}/voice/status",
        }
        await world.answers(BUSY, answer="busy", ring_s=0.05)
        busy = await world.sdk_call(to=BUSY, **common)
        nobody = await world.sdk_call(to=NOBODY, timeout=1, **common)
        await eventually_async(lambda: len(world.statuses(busy.sid) + world.statuses(nobody.sid)) == 2)
        ends = [(await world.call(sid))["status"] for sid in (busy.sid, nobody.sid)]
    assert ends == ["busy", "no-answer"]
    assert not [path for path, _ in world.relay.forms if path == "/voice"]


async def test_twiml_can_come_with_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch) as world:
        await world.answers(THEIRS, ring_s=0.05)
        twiml = "<Response><Pause length='0'/><Hangup/></Response>"
        call = await world.sdk_call(to=THEIRS, from_=OURS, twiml=twiml)
        await eventually_async(lambda: _is(world, call.sid, "completed"))
    assert world.relay.forms == []


async def _is(world: World, sid: str, status: str) -> bool:
    return bool((await world.call(sid))["status"] == status)


async def test_a_call_is_redirected_and_ended_by_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch, greeting="Good day!") as world:
        await world.answers(THEIRS, script={"turns": [{"silence": 60}]}, ring_s=0.05)
        call = await world.sdk_call(to=THEIRS, from_=OURS, url=f"{world.relay.url}/voice")
        await eventually_async(lambda: world.relay.of_type("setup"))
        twiml = "<Response><Redirect>/voice</Redirect></Response>"
        await world.sandbox.through_sdk(lambda client: client.calls(call.sid).update(twiml=twiml))
        await eventually_async(lambda: len(world.relay.of_type("setup")) == 2)
        assert [path for path, _ in world.relay.forms] == ["/voice", "/voice"], "a redirect asks no action"
        await world.sandbox.through_sdk(lambda client: client.calls(call.sid).update(status="completed"))
        await eventually_async(lambda: _is(world, call.sid, "completed"))
        with pytest.raises(TwilioRestException) as refused:
            await world.sandbox.through_sdk(lambda client: client.calls(call.sid).update(twiml=twiml))
    assert refused.value.code == 21220
    first, second = world.relay.of_type("setup")
    assert first["callSid"] == second["callSid"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": OURS, "Twiml": HANG_UP}, 21201),
        ({"To": THEIRS, "Twiml": HANG_UP}, 21213),
        ({"To": "nobody", "From": OURS, "Twiml": HANG_UP}, 21211),
        ({"To": THEIRS, "From": "me", "Twiml": HANG_UP}, 21212),
        ({"To": THEIRS, "From": OURS}, 21205),
        ({"To": THEIRS, "From": OURS, "Url": "ftp://x"}, 21205),
        ({"To": THEIRS, "From": OURS, "Twiml": "<oops"}, 12100),
        ({"To": THEIRS, "From": OURS, "Twiml": HANG_UP, "Timeout": "soon"}, 20001),
    ],
)
async def test_a_wrong_order_has_twilios_code(
    form: dict[str, str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sandbox(tmp_path) as sandbox:
        answer = await sandbox.twilio("POST", f"/api/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json", **form)
    assert (answer.status, answer.json["code"]) == (400, code)


async def test_calls_are_listed_in_pages_and_filtered_by_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_sandbox(tmp_path) as sandbox:

        def many(client: Client) -> list[str]:
            return [
                str(client.calls.create(to=f"+155555501{n:02}", from_=OURS, twiml=HANG_UP).sid) for n in range(5)
            ]

        made = await sandbox.through_sdk(many)
        listed = await sandbox.through_sdk(lambda client: [c.sid for c in client.calls.list(page_size=2)])
        one = await sandbox.through_sdk(lambda client: [c.sid for c in client.calls.list(to="+15555550103")])
        none = await sandbox.through_sdk(lambda client: client.calls.list(status="busy"))
    assert listed == made[::-1]
    assert one == [made[3]]
    assert none == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of how the SDK uses aiohttp
async def test_the_asynchronous_sdk_places_fetches_and_ends_a_call(
    tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    async with open_sandbox(tmp_path) as sandbox, AsyncRewritingHttp(sandbox.account) as http:
        client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http)
        call = await client.calls.create_async(
            to=THEIRS, from_=OURS, twiml="<Response><Pause length='60'/></Response>"
        )
        assert (await client.calls(call.sid).fetch_async()).status in ("queued", "initiated", "ringing")
        await client.calls(call.sid).update_async(status="canceled")

        async def canceled() -> bool:
            return bool((await client.calls(call.sid).fetch_async()).status == "canceled")

        await eventually_async(canceled)
        assert [c.sid for c in await client.calls.list_async(limit=5)] == [call.sid]
        assert await client.calls(call.sid).delete_async()


async def test_a_stop_of_the_sandbox_leaves_no_call_in_progress(tmp_path: Path) -> None:
    path = f"/api/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
    async with open_sandbox(tmp_path) as sandbox:
        twiml = "<Response><Pause length='60'/></Response>"
        made = await sandbox.twilio("POST", f"{path}.json", To=THEIRS, From=OURS, Twiml=twiml)
    async with open_sandbox(tmp_path) as sandbox:
        found = await sandbox.twilio("GET", f"{path}/{made.json['sid']}.json")
    assert found.json["status"] in ("completed", "canceled", "failed")


async def test_a_persona_calls_through_control_and_its_progress_is_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch, greeting="Good day!") as world:
        order = {"persona": "friendly", "seed": 7, "language": "en-US", "speed": 50}
        placed = await world.sandbox.control("POST", "calls", order)
        sid = placed.json["callSid"]

        async def over() -> bool:
            return (await world.sandbox.control("GET", f"calls/{sid}")).json["passed"] is not None

        await eventually_async(over)
        progress = (await world.sandbox.control("GET", f"calls/{sid}")).json
        listed = (await world.sandbox.control("GET", "calls")).json["items"]
        resource = await world.call(sid)
    assert placed.status == 202
    assert (progress["status"], progress["direction"], progress["to"]) == ("completed", "inbound", OURS)
    assert progress["turns"]
    assert [item["callSid"] for item in listed] == [sid]
    assert (resource["direction"], resource["status"]) == ("inbound", "completed")


async def test_a_script_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    async with open_sandbox(tmp_path) as sandbox:
        answer = await sandbox.control("POST", "calls", {"script": "turns:\n  - usr: hello\n"})
        unknown = await sandbox.control("POST", "calls", {"persona": "nobody"})
    assert (answer.status, "script:2" in answer.json["title"] + answer.json.get("detail", "")) == (400, True)
    assert unknown.status == 400


async def test_a_call_under_way_is_hung_up_through_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch) as world:
        placed = await world.sandbox.control("POST", "calls", {"script": {"turns": [{"silence": 60}]}})
        sid = placed.json["callSid"]
        await eventually_async(lambda: world.relay.of_type("setup"))
        assert (await world.sandbox.control("POST", f"calls/{sid}/hangup")).status == 202
        await eventually_async(lambda: _is(world, sid, "completed"))
        assert (await world.sandbox.control("GET", "calls/CA0")).status == 404
