"""The relay's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.records import CallEnded, CallError, CallRecord, LanguageSwitched, Turn

LIVE_CALLS = Gauge("relay_live_calls", "Calls with an open socket")
FRAMES = Counter("relay_frames_total", "Frames from Twilio", ["kind"])
DROPPED = Counter("relay_frames_dropped_total", "Frames from Twilio that were not looked at", ["reason"])
REFUSED = Counter("relay_sockets_refused_total", "Sockets that were closed at their setup", ["reason"])
OPERATOR_ACTIONS = Counter("relay_operator_actions_total", "What operators did in calls", ["action"])
INTERRUPTS = Counter("relay_turns_interrupted_total", "Turns that the caller cut short")
TOKENS = Counter("relay_model_tokens_total", "Tokens that models reported", ["model", "kind"])
COST = Counter("relay_model_cost_usd_total", "US dollars for calls whose models have prices")
UNKNOWN_COST = Counter("relay_calls_of_unknown_cost_total", "Ended calls whose cost is not known")
SENT = Counter("relay_frames_sent_total", "Frames to Twilio", ["kind"])
ENDED = Counter("relay_calls_ended_total", "Calls that ended", ["reason"])
TURNS = Counter("relay_turns_total", "Turns", ["outcome"])
SWITCHES = Counter("relay_language_switches_total", "Language switches", ["to"])
ERRORS = Counter("relay_call_errors_total", "Failures inside calls", ["code"])
LOST_RECORDS = Counter("relay_records_not_written_total", "Records the journal did not take")
STAGE_SECONDS = Histogram(
    "relay_turn_stage_seconds",
    "Time from the prompt to each stage of a turn",
    ["stage"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10),
)


def count_record(record: CallRecord, before: Turn | None = None) -> None:
    """Counts what a record says. `before` is the same turn's record until now, None for its first."""
    match record:
        case Turn():
            _count_turn(record, before)
        case LanguageSwitched():
            SWITCHES.labels(record.to_language).inc()
        case CallError():
            ERRORS.labels(record.code).inc()
        case CallEnded():
            ENDED.labels(record.reason).inc()
            UNKNOWN_COST.inc(record.cost_usd is None)
            COST.inc(record.cost_usd or 0.0)
        case _:
            pass


def _count_turn(record: Turn, before: Turn | None) -> None:
    """A turn counts once, when it is closed; each of its stages counts once, as soon as a closed turn has it."""
    if record.outcome == "open":
        return
    was_open = before is None or before.outcome == "open"
    if was_open:
        TURNS.labels(record.outcome).inc()
        for kind, tokens in record.usage.items():
            TOKENS.labels(record.model, kind).inc(tokens)
    INTERRUPTS.inc(record.interrupted and (was_open or before is None or not before.interrupted))
    known = {} if was_open or before is None else before.latency
    for stage, milliseconds in record.latency.items():
        if stage not in known:  # the first speech and the end of it mostly come after the reply is complete
            STAGE_SECONDS.labels(stage.removesuffix("_ms")).observe(milliseconds / 1000)
