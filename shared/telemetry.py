"""Logs and metrics: structured lines without transcripts, numbers or secrets; Prometheus counters."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import colorama
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from shared.redaction import redact as mask

REQUESTS = Counter("crosschannel_http_requests_total", "HTTP requests", ["service", "method", "route", "status"])
REQUEST_SECONDS = Histogram("crosschannel_http_request_seconds", "Time to answer", ["service", "route"])

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # with C1: U+009B starts a terminal sequence too


def redact(text: str) -> str:
    """The text with phone numbers, addresses, cards and secrets masked, and control characters made visible."""
    text = mask(text)
    return _CONTROL.sub(lambda m: f"\\x{ord(m.group()):02x}", text)


def configure_logging(service: str, debug: bool = False) -> None:
    """Sends all logs to stderr: coloured on a terminal, one JSON object a line in a pipe."""
    terminal = sys.stderr.isatty()
    if terminal:
        colorama.just_fix_windows_console()
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plain and redacted: the pretty one prints local variables
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named(service),
                _redact_event,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True)
    for noisy in ("aiohttp.access", "asyncio", "werkzeug", "httpx2", "openai", "aiohttp_retry"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It logs the beginning of a header it refuses, which may be a token; what handlers raise is logged by us.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A structured logger: `log.info("call opened", call_sid=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def metrics_page() -> tuple[bytes, str]:
    """The process's metrics in Prometheus's text format, and their content type."""
    return generate_latest(), CONTENT_TYPE_LATEST


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if key in {"exception", "stack"} and isinstance(value, str):
            event[key] = "\n".join(redact(line) for line in value.split("\n"))
        else:
            event[key] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(key)): _redacted(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(item) for item in value]
        case _:
            return redact(repr(value))


def _named(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add
