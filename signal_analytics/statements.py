"""The SQL of the analytics file. Batches come in as one JSON list, which DuckDB types by itself."""

from __future__ import annotations

# The first start of a call stands: a resumed call began when it began.
PUT_STARTS = """
INSERT INTO starts BY NAME SELECT r.* FROM (SELECT unnest(from_json(?, '[{
    "call_sid": "VARCHAR", "rank": "VARCHAR", "started_at": "TIMESTAMP", "language": "VARCHAR",
    "agent": "VARCHAR", "direction": "VARCHAR"}]')) AS r)
ON CONFLICT (call_sid) DO UPDATE SET rank = excluded.rank, started_at = excluded.started_at,
    language = excluded.language, agent = excluded.agent, direction = excluded.direction
WHERE excluded.rank < starts.rank
"""

# The last end stands: a call given up as lost may have come back.
PUT_ENDS = """
INSERT INTO ends BY NAME SELECT r.* FROM (SELECT unnest(from_json(?, '[{
    "call_sid": "VARCHAR", "rank": "VARCHAR", "ended_at": "TIMESTAMP", "reason": "VARCHAR",
    "duration_s": "DOUBLE", "turns": "BIGINT"}]')) AS r)
ON CONFLICT (call_sid) DO UPDATE SET rank = excluded.rank, ended_at = excluded.ended_at,
    reason = excluded.reason, duration_s = excluded.duration_s, turns = excluded.turns
WHERE excluded.rank > ends.rank
"""

CALL_KEYS_OF_SUBJECTS = "SELECT DISTINCT call_key FROM results WHERE subject IN (SELECT unnest(?::VARCHAR[]))"

PUT_RESULTS = """
INSERT INTO results BY NAME SELECT r.* FROM (SELECT unnest(from_json(?, '[{
    "subject": "VARCHAR", "call_key": "VARCHAR", "rank": "VARCHAR", "written_at": "TIMESTAMP",
    "transcript_sid": "VARCHAR", "conversation_sid": "VARCHAR", "service_sid": "VARCHAR",
    "channel": "VARCHAR", "language": "VARCHAR", "started_at": "TIMESTAMP", "duration_s": "DOUBLE",
    "csat": "DOUBLE", "csat_surveyed": "DOUBLE", "ces": "DOUBLE", "sentiment": "VARCHAR",
    "legal_risk": "DOUBLE", "legal_risk_band": "VARCHAR", "hallucinations": "BIGINT",
    "escalation_requested": "BOOLEAN"}]')) AS r)
ON CONFLICT (subject) DO UPDATE SET call_key = excluded.call_key, rank = excluded.rank,
    written_at = excluded.written_at, transcript_sid = excluded.transcript_sid,
    conversation_sid = excluded.conversation_sid, service_sid = excluded.service_sid,
    channel = excluded.channel, language = excluded.language, started_at = excluded.started_at,
    duration_s = excluded.duration_s, csat = excluded.csat, csat_surveyed = excluded.csat_surveyed,
    ces = excluded.ces, sentiment = excluded.sentiment, legal_risk = excluded.legal_risk,
    legal_risk_band = excluded.legal_risk_band, hallucinations = excluded.hallucinations,
    escalation_requested = excluded.escalation_requested
WHERE excluded.rank > results.rank
"""

DROP_CALLS = "DELETE FROM calls WHERE key IN (SELECT unnest(?::VARCHAR[]))"

# A call may have several transcripts (the agent's leg and a person's): opinions are those of the last leg that
# has one, the risk is that of the worst, occurrences add up.
PUT_CALLS = """
INSERT INTO calls BY NAME
WITH keys AS (SELECT unnest(?::VARCHAR[]) AS key),
legs AS (
    SELECT *, (coalesce(started_at, written_at), subject) AS leg FROM results
    WHERE call_key IN (SELECT key FROM keys)
),
heard AS (
    SELECT
        call_key,
        arg_max(transcript_sid, leg) AS transcript_sid,
        arg_max(conversation_sid, leg) AS conversation_sid,
        arg_max(service_sid, leg) AS service_sid,
        arg_max(channel, leg) AS channel,
        arg_min(language, leg) AS language,
        min(coalesce(started_at, written_at)) AS started_at,
        sum(duration_s) AS duration_s,
        arg_max(csat, leg) AS csat,
        arg_max(csat_surveyed, leg) AS csat_surveyed,
        arg_max(ces, leg) AS ces,
        arg_max(sentiment, leg) AS sentiment,
        max(legal_risk) AS legal_risk,
        arg_max(legal_risk_band, legal_risk) AS legal_risk_band,
        sum(hallucinations)::BIGINT AS hallucinations,
        bool_or(escalation_requested) AS escalation_requested
    FROM legs GROUP BY call_key
)
SELECT
    keys.key AS key,
    CASE WHEN keys.key LIKE 'CA%' THEN keys.key END AS call_sid,
    heard.transcript_sid, heard.conversation_sid, heard.service_sid,
    coalesce(
        starts.started_at, heard.started_at, ends.ended_at - to_microseconds((ends.duration_s * 1e6)::BIGINT)
    ) AS started_at,
    ends.ended_at,
    coalesce(ends.duration_s, heard.duration_s) AS duration_s,
    ends.reason, ends.turns, starts.direction,
    CASE WHEN coalesce(starts.call_sid, ends.call_sid) IS NULL THEN heard.channel ELSE 'voice' END AS channel,
    coalesce(starts.language, heard.language) AS language,
    starts.agent,
    heard.csat, heard.csat_surveyed, heard.ces, heard.sentiment, heard.legal_risk, heard.legal_risk_band,
    heard.hallucinations, heard.escalation_requested
FROM keys
LEFT JOIN starts ON starts.call_sid = keys.key
LEFT JOIN ends ON ends.call_sid = keys.key
LEFT JOIN heard ON heard.call_key = keys.key
WHERE starts.call_sid IS NOT NULL OR ends.call_sid IS NOT NULL OR heard.call_key IS NOT NULL
"""

PUT_POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?)"
ADD_SKIPPED = """
INSERT INTO skipped VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET lines = skipped.lines + excluded.lines
"""

# Filters are null where they do not apply. A language such as `pt` also takes `pt-BR`.
MEASURED_CALLS = """
SELECT started_at, csat, ces, sentiment, legal_risk, legal_risk_band FROM calls
WHERE ($start::TIMESTAMP IS NULL OR started_at >= $start) AND ($end::TIMESTAMP IS NULL OR started_at < $end)
    AND ($language::VARCHAR IS NULL OR language = $language OR starts_with(language, $language || '-'))
    AND ($channel::VARCHAR IS NULL OR channel = $channel) AND ($agent::VARCHAR IS NULL OR agent = $agent)
    AND ($service_sid::VARCHAR IS NULL OR service_sid = $service_sid)
ORDER BY started_at, key
"""

# `before_start` and `before_key` are those of the last call on the page before.
LISTED_CALLS = """
SELECT key, call_sid, transcript_sid, conversation_sid, service_sid, started_at, ended_at, duration_s, reason,
    turns, direction, channel, language, agent, csat, csat_surveyed, ces, sentiment, legal_risk,
    legal_risk_band, hallucinations, escalation_requested
FROM calls
WHERE ($start::TIMESTAMP IS NULL OR started_at >= $start) AND ($end::TIMESTAMP IS NULL OR started_at < $end)
    AND ($language::VARCHAR IS NULL OR language = $language OR starts_with(language, $language || '-'))
    AND ($channel::VARCHAR IS NULL OR channel = $channel) AND ($agent::VARCHAR IS NULL OR agent = $agent)
    AND ($service_sid::VARCHAR IS NULL OR service_sid = $service_sid)
    AND ($before_start::TIMESTAMP IS NULL OR (started_at, key) < ($before_start::TIMESTAMP, $before_key::VARCHAR))
ORDER BY started_at DESC, key DESC LIMIT $rows
"""
