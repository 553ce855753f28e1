"""schemathesis against the served `/openapi.json`: what the document says and what the service does are one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.conversations_kit import OPERATOR_TOKEN, open_platform

# Streams that never end, and what belongs to every service and is tested with it.
LEFT_OUT = "/api/(live|events|session)|/erase|/metrics|/healthz|/readyz"
# Not `positive_data_acceptance`: a telephone number or a web address can have the right form and still be refused.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method"
)


@pytest.mark.timeout(180)
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    async with open_platform(tmp_path / "data") as platform:
        command = [
            "run",
            str(platform.client.make_url("/openapi.json")),
            f"--header=Authorization: Bearer {OPERATOR_TOKEN}",
            f"--exclude-path-regex={LEFT_OUT}",
            f"--checks={CHECKS}",
            "--phases=fuzzing",
            "--max-examples=5",
            "--generation-deterministic",
            "--continue-on-failure",
            "--no-color",
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from schemathesis.cli import schemathesis; schemathesis()",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-8000:]
