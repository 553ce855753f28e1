"""Kills intelligence_webhooks under load, over and over, and says what was acknowledged.

Usage: webhook_rounds.py DATA_DIR PORT ROUNDS. Each round forks the service as its own process, posts signed
webhooks from four threads (some of them twice, some of earlier rounds again) and ends it by SIGKILL at a random
moment. Prints JSON: the transcripts that were answered with 2xx, and how many seconds each start took.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import signal
import sys
import threading
import time

from intelligence_webhooks.front import build
from shared.config import Settings, load_settings
from shared.runner import serve
from tests.intelligence_kit import ACCOUNT_SID, AUTH_TOKEN, sid, signed, v2_body

THREADS = 4


class Round:
    """One life of the service and what it acknowledged."""

    def __init__(self, port: int, first: int, dice: random.Random) -> None:
        self.port = port
        self.acknowledged: list[int] = []
        self._numbers = iter(range(first, first + 100_000))
        self._lock = threading.Lock()
        self._dice = dice
        self._earlier = list(range(max(0, first - 50), first))
        self.over = False

    def post_until_over(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        while not self.over:
            with self._lock:
                again = self._earlier and self._dice.random() < 0.3
                number = self._dice.choice(self._earlier) if again else next(self._numbers)
            path, headers = signed(f"http://127.0.0.1:{self.port}", v2_body(number))
            try:
                connection.request("POST", path, v2_body(number), headers)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                return
            if response.status == 204:
                with self._lock:
                    self.acknowledged.append(number)
                    self._earlier.append(number)


def ready(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def start(settings: Settings) -> tuple[int, float]:
    """The process id of a service that is ready, and how long that took: forked, to import nothing anew."""
    began_s = time.monotonic()
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        asyncio.run(serve(build, settings))
        os._exit(0)
    while not ready(settings.port):
        if os.waitpid(child, os.WNOHANG)[0] or time.monotonic() > began_s + 60:
            raise SystemExit("the service did not start")
        time.sleep(0.01)
    return child, time.monotonic() - began_s


def main() -> None:
    data_dir, port, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    env = {
        "DATA_DIR": data_dir,
        "INTELLIGENCE_PORT": str(port),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_BASE_URL": "http://127.0.0.1:9",
        "OPERATOR_TOKEN": "test-operator-token",
    }
    settings = load_settings("intelligence_webhooks", env)
    dice = random.Random(4)  # noqa: S311 - when a kill hits is up to the scheduler anyway
    acknowledged: set[int] = set()
    starts_s = []
    for _ in range(rounds):
        child, took_s = start(settings)
        starts_s.append(took_s)
        this = Round(port, max(acknowledged, default=-1) + 1000, dice)
        threads = [threading.Thread(target=this.post_until_over) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.05, 0.4))  # a kill at any moment is the point
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        this.over = True
        for thread in threads:
            thread.join()
        acknowledged |= set(this.acknowledged)
    report = {"acknowledged": [sid("GT", number) for number in sorted(acknowledged)], "starts_s": starts_s}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
