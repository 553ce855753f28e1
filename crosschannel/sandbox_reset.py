"""`crosschannel sandbox reset`: the account as it was at first, without conversations and transcripts."""

from __future__ import annotations

import argparse
import asyncio

from crosschannel.demo import environment, is_demo, settings_of
from crosschannel.probe import get
from shared.config import ConfigError, Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it; without this nothing is deleted")


def run(args: argparse.Namespace) -> int:
    """0 when the account is empty, 1 when nothing was done. Raises ConfigError for a real account."""
    env = environment()
    if not is_demo(env):
        raise ConfigError(["reset empties the sandbox's account only, and this environment has a real one"])
    settings = settings_of("sandbox", env)
    if not args.yes:
        print(f"This deletes every conversation and transcript of the sandbox in {settings.data_dir}. Add --yes.")
        return 1
    if asyncio.run(get("127.0.0.1", settings.port, "/healthz")) is not None:
        return asyncio.run(_through_control(settings))
    _in_the_store(settings)
    print("The sandbox's account is empty.")
    return 0


async def _through_control(settings: Settings) -> int:
    """A running sandbox is asked, so that what it has in memory is forgotten too."""
    import aiohttp

    account = settings.twilio
    if account is None:
        raise ConfigError(["the sandbox needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"])
    headers = {"Authorization": aiohttp.encode_basic_auth(account.account_sid, account.auth_token)}
    url = f"http://127.0.0.1:{settings.port}/control/reset"
    try:
        async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as response:
            status = response.status
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    print("The sandbox's account is empty." if status == 204 else f"The sandbox did not reset ({status}).")
    return 0 if status == 204 else 1


def _in_the_store(settings: Settings) -> None:
    from sandbox.seeding import open_account

    with open_account(settings) as (world, _):
        world.store.clear()
