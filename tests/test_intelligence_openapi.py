"""The service against its own OpenAPI document: whatever is asked, no answer breaks what the document promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from intelligence_webhooks.app import create_app
from shared.records import DeadLetter, IntelResult
from tests.conftest import MakeSettings
from tests.intelligence_kit import BEARER, sid, v2_body
from tests.test_intelligence_operators import accept

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
# A reconcile asks Twilio, who is not there: that it says so is tested elsewhere.
LEFT_OUT = ("/reconcile", "/metrics", "/export")


@pytest.fixture
def operations(make_settings: MakeSettings, tmp_path: Path) -> Iterator[list[Any]]:
    """The operations of a service that holds a little of everything."""
    app = create_app(make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL="http://127.0.0.1:9"))
    store = app.extensions["store"]
    accept(store, v2_body(1))
    store.results.append(IntelResult(source="v2", transcript_sid=sid("GT", 2))).result(5)
    store.dead_letters.append(DeadLetter(reason="test", body=v2_body(3).decode())).result(5)
    store.intake.settle()
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    yield [found.ok() for found in schema.get_all_operations() if found.ok().path not in LEFT_OUT]
    store.close()


def test_answers_are_what_the_document_says(operations: list[Any]) -> None:
    assert len(operations) > 12
    for operation in operations:

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answers_as_documented(case: Any) -> None:
            case.call_and_validate(headers=BEARER, checks=CHECKS)

        answers_as_documented()
