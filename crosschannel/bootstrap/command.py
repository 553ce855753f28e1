"""Running other programs: output with a prefix, one line when they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

NETWORK_SIGNS = (
    "could not resolve",
    "connection refused",
    "connection reset",
    "connect error",
    "(connect)",
    "dns error",
    "econnrefused",
    "econnreset",
    "eai_again",
    "enotfound",
    "etimedout",
    "failed to fetch",
    "max retries exceeded",
    "name or service not known",
    "network is unreachable",
    "network timeout",
    "newconnectionerror",
    "operation timed out",
    "proxyerror",
    "self-signed certificate",
    "temporary failure",
    "tunneling socket",
    "unable_to_verify",
    "unable to get local issuer",
    "unknownissuer",
)
TAIL_LINES = 20


class SetupError(Exception):
    """Why the set-up cannot go on, in one line that says what to do."""


def say(prefix: str, text: str) -> None:
    """Prints one prefixed line at once, also into a pipe."""
    print(f"{prefix:<12}| {text}", flush=True)


def run(
    prefix: str,
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    doing: str,
    inherit: Sequence[int] = (),
    quiet: bool = False,
) -> None:
    """Runs a program to its end and prints each of its lines with `prefix`, or with `quiet` only after a failure.

    `doing` completes "could not …" in the error. `inherit` are descriptors the program keeps open.
    Raises SetupError when the program fails, and names the network when its output does.
    """
    try:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(os.environ if env is None else env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=tuple(inherit),
        )
    except OSError as error:
        raise SetupError(f"could not {doing}: {command[0]}: {error.strerror}") from error
    tail = _follow(process, None if quiet else prefix)
    code = process.wait()
    if code == 0:
        return
    if _is_network_fault(tail):
        raise SetupError(
            f"could not {doing}: the package registry cannot be reached. Check the network, the proxy and "
            "certificate settings of pip, uv or npm, then run the same command again."
        )
    if quiet:
        for line in tail:
            say(prefix, line)
    raise SetupError(f"could not {doing} (exit code {code}, see above); running it again starts from there.")


def _follow(process: subprocess.Popen[str], prefix: str | None) -> deque[str]:
    """The last lines of the program's output, printed as they come when there is a prefix."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    assert process.stdout is not None  # noqa: S101 - for the type checker: Popen was given a pipe
    with process.stdout as lines:
        for line in filter(None, map(str.rstrip, lines)):
            tail.append(line)
            if prefix is not None:
                say(prefix, line)
    return tail


def _is_network_fault(output: Sequence[str]) -> bool:
    text = "\n".join(output).lower()
    return any(sign in text for sign in NETWORK_SIGNS)


def fail(error: SetupError) -> int:
    """Prints the one line of a failed set-up to stderr and gives back the exit code."""
    print(f"set-up failed: {error}", file=sys.stderr, flush=True)
    return 1
