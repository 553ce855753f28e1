"""Starts the sandbox: `python -m sandbox`."""

from __future__ import annotations

import sys

from aiohttp import web

from sandbox.app import create_app, read_limit, read_pacing
from shared.config import ConfigError, Settings, read_environment
from shared.runner import EXIT_CONFIG, run_service


def main() -> None:
    try:
        environ = read_environment()
        pacing, mutations_per_s = read_pacing(environ), read_limit(environ)
    except ConfigError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None

    def build(settings: Settings) -> web.Application:
        return create_app(settings, pacing, mutations_per_s)

    run_service(build, "sandbox")


if __name__ == "__main__":
    main()
