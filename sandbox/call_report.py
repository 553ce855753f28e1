"""Telling the sandbox about a finished call, so that its Intelligence service makes a transcript of it."""

from __future__ import annotations

import aiohttp
import msgspec

from sandbox.reported_call import ReportedCall
from shared.config import TwilioAccount

TIMEOUT_S = 5.0


class NotReported(Exception):
    """The sandbox did not take the call; the message says why, in one line."""


class Receipt(msgspec.Struct):
    """The sandbox's answer."""

    transcript_sid: str


async def report_call(
    session: aiohttp.ClientSession, sandbox_url: str, account: TwilioAccount, call: ReportedCall
) -> str:
    """The sid of the transcript to be. Raises NotReported."""
    authorization = aiohttp.encode_basic_auth(account.account_sid, account.auth_token)
    try:
        async with session.post(
            f"{sandbox_url}/control/reports",
            data=msgspec.json.encode(call),
            headers={"Authorization": authorization, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        ) as response:
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotReported(f"No sandbox answers at {sandbox_url}, so this call gets no transcript.") from error
    if response.status != 201:
        raise NotReported(f"The sandbox at {sandbox_url} did not take the call ({response.status}).")
    return msgspec.json.decode(body, type=Receipt).transcript_sid
