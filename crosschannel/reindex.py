"""`crosschannel reindex`: throw the conversations' search index away and watch it being filled again."""

from __future__ import annotations

import argparse
import time
import urllib.error
import urllib.request
from http.client import HTTPException

import msgspec

from crosschannel.demo import environment, settings_of
from shared.config import Settings

TIMEOUT_S = 30.0
POLL_S = 0.5


class _Progress(msgspec.Struct):
    done: int
    total: int


class _Status(msgspec.Struct):
    state: str
    conversations: int
    messages: int
    progress: _Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--no-wait, --compare."""
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is filled")
    parser.add_argument("--compare", action="store_true", help="keep the index and only compare it with Twilio")


def run(args: argparse.Namespace) -> int:
    """0 when it is filled again, 1 when the service does not answer. Raises ConfigError."""
    settings = settings_of("crosschannel", environment())
    try:
        status = _ask(settings, "POST", "/api/index/reconcile" if args.compare else "/api/index/rebuild")
        while not args.no_wait and status.state != "ready":
            print(f"\r{status.progress.done} of {status.progress.total} conversations read", end="", flush=True)
            time.sleep(POLL_S)
            status = _ask(settings, "GET", "/api/index")
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        print(f"conversations_api does not answer at {settings.urls.conversations} ({error}); start the platform")
        return 1
    print(f"\rindex {status.state}: {status.conversations} conversations, {status.messages} messages")
    return 0


def _ask(settings: Settings, method: str, path: str) -> _Status:
    request = urllib.request.Request(  # noqa: S310 - http(s), by configuration
        f"{settings.urls.conversations}{path}",
        method=method,
        headers={"Authorization": f"Bearer {settings.operator_token}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_S) as response:
        return msgspec.json.decode(response.read(), type=_Status)
