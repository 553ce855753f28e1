-- The rows of stale calls are put together anew. A call may have several transcripts (the agent's leg and a
-- person's): opinions are those of the last leg that has one, the risk is that of the worst, occurrences add up.
CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT call FROM stale;

INSERT OR IGNORE INTO dirty_days SELECT DISTINCT started_at::DATE FROM calls SEMI JOIN touched USING (call);

CREATE OR REPLACE TEMP TABLE before AS SELECT caller, started_at FROM calls SEMI JOIN touched USING (call);

DELETE FROM calls USING touched WHERE calls.call = touched.call;

INSERT INTO calls BY NAME
WITH told AS (
    SELECT
        call,
        any_value(call_sid) AS call_sid,
        any_value(written_at) FILTER (WHERE kind = 1) AS started_at,
        any_value(written_at) FILTER (WHERE kind = 2) AS ended_at,
        any_value(caller) FILTER (WHERE kind = 1) AS caller,
        any_value(direction) FILTER (WHERE kind = 1) AS direction,
        any_value("language") FILTER (WHERE kind = 1) AS "language",
        any_value(agent) FILTER (WHERE kind = 1) AS agent,
        any_value(reason) FILTER (WHERE kind = 2) AS reason,
        any_value(duration_ms) FILTER (WHERE kind = 2) AS duration_ms,
        any_value(turns) FILTER (WHERE kind = 2) AS turns,
        bool_or(kind = 4) AS handed_off,
        count(*) FILTER (WHERE kind = 3) AS turn_records,
        count(*) FILTER (WHERE kind = 3 AND input <> 'operator' AND outcome IN ('completed', 'interrupted'))
            AS agent_turns,
        count(*) FILTER (WHERE kind = 3 AND input <> 'operator' AND outcome IN ('completed', 'interrupted')
            AND interrupted) AS interruptions,
        count(*) FILTER (WHERE kind = 3 AND input = 'dtmf') AS key_turns,
        count(*) FILTER (WHERE kind = 5) AS language_switches,
        count(*) FILTER (WHERE kind = 6) AS silence_prompts,
        sum(tools) FILTER (WHERE kind = 3) AS tools,
        sum(tools_ok) FILTER (WHERE kind = 3) AS tools_ok,
        coalesce(any_value(prompt_tokens) FILTER (WHERE kind = 2), sum(prompt_tokens) FILTER (WHERE kind = 3))
            AS prompt_tokens,
        coalesce(
            any_value(completion_tokens) FILTER (WHERE kind = 2), sum(completion_tokens) FILTER (WHERE kind = 3)
        ) AS completion_tokens,
        any_value(cost_micros) FILTER (WHERE kind = 2) AS cost_micros,
        sum(agent_ms) AS agent_ms, sum(caller_ms) AS caller_ms, sum(silence_ms) AS silence_ms,
        coalesce(list(model_request_bin) FILTER (WHERE model_request_bin IS NOT NULL), [])
        || coalesce(list(first_byte_bin + 1000::USMALLINT) FILTER (WHERE first_byte_bin IS NOT NULL), [])
        || coalesce(list(first_text_bin + 2000::USMALLINT) FILTER (WHERE first_text_bin IS NOT NULL), [])
        || coalesce(list(first_speech_bin + 3000::USMALLINT) FILTER (WHERE first_speech_bin IS NOT NULL), [])
        || coalesce(list(complete_bin + 4000::USMALLINT) FILTER (WHERE complete_bin IS NOT NULL), [])
            AS latencies
    FROM events SEMI JOIN touched USING (call) GROUP BY call
),
heard AS (
    SELECT
        call,
        any_value(call_key) AS call_key,
        arg_max(transcript_sid, (coalesce(started_at, written_at), subject)) AS transcript_sid,
        arg_max(conversation_sid, (coalesce(started_at, written_at), subject)) AS conversation_sid,
        arg_max(chat_sid, (coalesce(started_at, written_at), subject)) AS chat_sid,
        arg_max(service_sid, (coalesce(started_at, written_at), subject)) AS service_sid,
        arg_max(channel, (coalesce(started_at, written_at), subject)) AS channel,
        arg_min("language", (coalesce(started_at, written_at), subject)) AS "language",
        min(coalesce(started_at, written_at)) AS started_at,
        sum(duration_ms) AS duration_ms,
        arg_max(csat, (coalesce(started_at, written_at), subject)) AS csat,
        arg_max(csat_surveyed, (coalesce(started_at, written_at), subject)) AS csat_surveyed,
        arg_max(ces, (coalesce(started_at, written_at), subject)) AS ces,
        arg_max(nps, (coalesce(started_at, written_at), subject)) AS nps,
        arg_max(sentiment, (coalesce(started_at, written_at), subject)) AS sentiment,
        max(legal_risk) AS legal_risk,
        arg_max(legal_risk_band, (legal_risk, subject)) AS legal_risk_band,
        sum(hallucinations)::BIGINT AS hallucinations,
        bool_or(escalation_requested) AS escalation_requested,
        arg_max(resolved, (coalesce(started_at, written_at), subject)) AS resolved,
        list(findings ORDER BY subject) FILTER (WHERE findings IS NOT NULL) AS findings,
        arg_max(summary, (coalesce(started_at, written_at), subject)) AS summary,
        arg_max(unparsed, (coalesce(started_at, written_at), subject)) AS unparsed
    FROM results SEMI JOIN touched USING (call) GROUP BY call
),
joined AS (
    SELECT
        touched.call,
        coalesce(told.call_sid, heard.call_key) AS key,
        coalesce(told.started_at, heard.started_at, told.ended_at - to_milliseconds(told.duration_ms))
            AS started_at,
        coalesce(told.handed_off, false) OR coalesce(told.reason = 'handoff', false) AS escalated,
        told.started_at IS NOT NULL AS relay_started,
        told.ended_at IS NOT NULL AS relay_ended,
        told.direction = 'inbound' AND told.reason = 'completed' AND told.agent_turns = 0
            AND NOT coalesce(told.handed_off, false) AS gave_up,
        heard.call IS NOT NULL AS analysed,
        told.turn_records > 0 AS has_turns,
        struct_pack(t := told, h := heard) AS pair
    FROM touched LEFT JOIN told USING (call) LEFT JOIN heard USING (call)
    WHERE told.started_at IS NOT NULL OR told.ended_at IS NOT NULL OR heard.call IS NOT NULL
),
services AS (SELECT sid, max(service_sid) AS service_sid FROM chats GROUP BY sid)
SELECT
    call, key,
    CASE WHEN key LIKE 'CA%' THEN key END AS call_sid,
    pair.h.transcript_sid, pair.h.conversation_sid, pair.h.service_sid, pair.h.chat_sid,
    services.service_sid AS chat_service_sid,
    started_at, pair.t.ended_at,
    coalesce(pair.t.duration_ms, pair.h.duration_ms) AS duration_ms,
    pair.t.reason, pair.t.turns, pair.t.direction,
    CASE WHEN relay_started OR relay_ended THEN 'voice' ELSE pair.h.channel END AS channel,
    coalesce(pair.t."language", pair.h."language") AS "language",
    pair.t.agent, pair.t.caller,
    pair.h.csat, pair.h.csat_surveyed, pair.h.ces, pair.h.nps, pair.h.sentiment, pair.h.legal_risk,
    pair.h.legal_risk_band, pair.h.hallucinations, pair.h.escalation_requested,
    CASE WHEN relay_ended THEN escalated END AS escalated,
    CASE WHEN relay_ended THEN pair.t.reason IN ('completed', 'agent_ended') AND NOT escalated
        AND NOT coalesce(gave_up, false) END AS contained,
    pair.h.resolved,
    CASE WHEN relay_ended AND pair.t.direction = 'inbound' THEN gave_up END AS abandoned,
    CASE WHEN has_turns THEN pair.t.agent_turns END AS agent_turns,
    CASE WHEN has_turns THEN pair.t.interruptions END AS interruptions,
    CASE WHEN has_turns THEN pair.t.key_turns END AS key_turns,
    CASE WHEN relay_started THEN pair.t.language_switches END AS language_switches,
    CASE WHEN relay_started THEN pair.t.silence_prompts END AS silence_prompts,
    pair.t.tools, pair.t.tools_ok, pair.t.prompt_tokens, pair.t.completion_tokens, pair.t.cost_micros,
    pair.t.agent_ms, pair.t.caller_ms, pair.t.silence_ms, pair.t.latencies,
    list_distinct(flatten(list_transform(
        pair.h.findings, lambda found: json_extract_string(found, '$[*].category')))) AS categories,
    CASE WHEN len(pair.h.findings) > 0
        THEN to_json(flatten(list_transform(pair.h.findings, lambda found: found::JSON[])))::VARCHAR END AS findings,
    pair.h.summary, pair.h.unparsed,
    relay_started, relay_ended, analysed,
    pair.t."language" AS relay_language, pair.t.duration_ms AS relay_duration_ms,
    pair.h."language" AS intel_language, pair.h.duration_ms AS intel_duration_ms
FROM joined LEFT JOIN services ON services.sid = pair.h.chat_sid;

CREATE OR REPLACE TEMP TABLE after AS SELECT caller, started_at FROM calls SEMI JOIN touched USING (call);

INSERT OR IGNORE INTO dirty_days SELECT DISTINCT started_at::DATE FROM after;

-- Repeat contact: each call of the callers at hand knows when the same caller came back.
CREATE OR REPLACE TEMP TABLE callers AS
SELECT DISTINCT caller FROM (SELECT caller FROM before UNION ALL SELECT caller FROM after)
WHERE caller IS NOT NULL AND caller NOT IN ('', 'anonymous', 'unknown', 'restricted', '+266696687');

UPDATE calls SET next_contact_at = contacts.next_contact_at
FROM (
    SELECT call, lead(started_at) OVER (PARTITION BY caller ORDER BY started_at, key) AS next_contact_at
    FROM calls SEMI JOIN callers USING (caller)
) AS contacts
WHERE calls.call = contacts.call AND calls.next_contact_at IS DISTINCT FROM contacts.next_contact_at;

DELETE FROM stale;
