-- The rows of touched calls are put together anew. A call may have several transcripts (the agent's leg and a
-- person's): opinions are those of the last leg that has one, the risk is that of the worst, occurrences add up.
INSERT OR IGNORE INTO dirty_days SELECT DISTINCT started_at::DATE FROM calls SEMI JOIN touched USING (call);

CREATE OR REPLACE TEMP TABLE before AS SELECT caller, started_at FROM calls SEMI JOIN touched USING (call);

DELETE FROM calls USING touched WHERE calls.call = touched.call;

INSERT INTO calls BY NAME
WITH told AS (
    SELECT
        call,
        any_value(call_sid) AS call_sid,
        any_value(CASE WHEN kind = 1 THEN written_at END) AS started_at,
        any_value(CASE WHEN kind = 2 THEN written_at END) AS ended_at,
        any_value(CASE WHEN kind = 1 THEN caller END) AS caller,
        any_value(CASE WHEN kind = 1 THEN direction END) AS direction,
        -- A call begins in the agent's language and goes on in the caller's: the last turn tells which that is.
        coalesce(
            arg_max("language", part) FILTER (WHERE kind = 3 AND "language" <> ''),
            any_value(CASE WHEN kind = 1 THEN "language" END)
        ) AS "language",
        any_value(CASE WHEN kind = 1 THEN agent END) AS agent,
        any_value(CASE WHEN kind = 2 THEN reason END) AS reason,
        any_value(CASE WHEN kind = 2 THEN duration_ms END) AS duration_ms,
        any_value(CASE WHEN kind = 2 THEN turns END) AS turns,
        bool_or(kind = 4) AS handed_off,
        count(CASE WHEN kind = 3 THEN 1 END) AS turn_records,
        count(CASE WHEN kind = 3 AND input <> 'operator' AND outcome IN ('completed', 'interrupted') THEN 1 END)
            AS agent_turns,
        count(CASE WHEN kind = 3 AND input <> 'operator' AND outcome IN ('completed', 'interrupted')
            AND interrupted THEN 1 END) AS interruptions,
        count(CASE WHEN kind = 3 AND input = 'dtmf' THEN 1 END) AS key_turns,
        count(CASE WHEN kind = 5 THEN 1 END) AS language_switches,
        count(CASE WHEN kind = 6 THEN 1 END) AS silence_prompts,
        sum(CASE WHEN kind = 3 THEN tools END) AS tools,
        sum(CASE WHEN kind = 3 THEN tools_ok END) AS tools_ok,
        coalesce(any_value(CASE WHEN kind = 2 THEN prompt_tokens END), sum(CASE WHEN kind = 3 THEN prompt_tokens END))
            AS prompt_tokens,
        coalesce(
            any_value(CASE WHEN kind = 2 THEN completion_tokens END), sum(CASE WHEN kind = 3 THEN completion_tokens END)
        ) AS completion_tokens,
        any_value(CASE WHEN kind = 2 THEN cost_micros END) AS cost_micros,
        sum(agent_ms) AS agent_ms, sum(caller_ms) AS caller_ms, sum(silence_ms) AS silence_ms,
        coalesce(list(model_request_bin) FILTER (WHERE model_request_bin IS NOT NULL), [])
        || coalesce(list(first_byte_bin + 1000::USMALLINT) FILTER (WHERE first_byte_bin IS NOT NULL), [])
        || coalesce(list(first_text_bin + 2000::USMALLINT) FILTER (WHERE first_text_bin IS NOT NULL), [])
        || coalesce(list(first_speech_bin + 3000::USMALLINT) FILTER (WHERE first_speech_bin IS NOT NULL), [])
        || coalesce(list(complete_bin + 4000::USMALLINT) FILTER (WHERE complete_bin IS NOT NULL), [])
            AS latencies
    FROM events SEMI JOIN touched USING (call) GROUP BY call
),
legs AS (
    SELECT *, row_number() OVER (PARTITION BY call ORDER BY coalesce(started_at, written_at), subject) AS leg
    FROM results SEMI JOIN touched USING (call)
),
heard AS (
    SELECT
        call,
        any_value(call_key) AS call_key,
        arg_max(transcript_sid, leg) AS transcript_sid,
        arg_max(conversation_sid, leg) AS conversation_sid,
        arg_max(chat_sid, leg) AS chat_sid,
        arg_max(service_sid, leg) AS service_sid,
        arg_max(channel, leg) AS channel,
        arg_min("language", leg) AS "language",
        min(coalesce(started_at, written_at)) AS started_at,
        sum(duration_ms) AS duration_ms,
        arg_max(csat, leg) AS csat,
        arg_max(csat_surveyed, leg) AS csat_surveyed,
        arg_max(ces, leg) AS ces,
        arg_max(nps, leg) AS nps,
        arg_max(sentiment, leg) AS sentiment,
        max(legal_risk) AS legal_risk,
        arg_max(legal_risk_band, legal_risk) AS legal_risk_band,
        sum(hallucinations)::BIGINT AS hallucinations,
        bool_or(escalation_requested) AS escalation_requested,
        arg_max(resolved, leg) AS resolved,
        list(findings ORDER BY leg) FILTER (WHERE findings IS NOT NULL) AS findings,
        arg_max(summary, leg) AS summary,
        arg_max(unparsed, leg) AS unparsed
    FROM legs GROUP BY call
),
services AS (SELECT sid, max(service_sid) AS service_sid FROM chats GROUP BY sid)
SELECT
    touched.call,
    coalesce(told.call_sid, heard.call_key) AS key,
    CASE WHEN coalesce(told.call_sid, heard.call_key) LIKE 'CA%' THEN coalesce(told.call_sid, heard.call_key) END
        AS call_sid,
    heard.transcript_sid, heard.conversation_sid, heard.service_sid, heard.chat_sid,
    services.service_sid AS chat_service_sid,
    coalesce(told.started_at, heard.started_at, told.ended_at - to_milliseconds(told.duration_ms)) AS started_at,
    told.ended_at,
    coalesce(told.duration_ms, heard.duration_ms) AS duration_ms,
    told.reason, told.turns, told.direction,
    told.started_at IS NOT NULL AS relay_started,
    told.ended_at IS NOT NULL AS relay_ended,
    heard.call IS NOT NULL AS analysed,
    CASE WHEN relay_started OR relay_ended THEN 'voice' ELSE heard.channel END AS channel,
    coalesce(told."language", heard."language") AS "language",
    told.agent, told.caller,
    heard.csat, heard.csat_surveyed, heard.ces, heard.nps, heard.sentiment, heard.legal_risk,
    heard.legal_risk_band, heard.hallucinations, heard.escalation_requested, heard.resolved,
    CASE WHEN relay_ended THEN told.handed_off OR told.reason = 'handoff' END AS escalated,
    CASE WHEN relay_ended AND told.direction = 'inbound'
        THEN told.reason = 'completed' AND told.agent_turns = 0 AND NOT told.handed_off END AS abandoned,
    CASE WHEN relay_ended THEN told.reason IN ('completed', 'agent_ended') AND NOT escalated
        AND NOT coalesce(abandoned, false) END AS contained,
    CASE WHEN told.turn_records > 0 THEN told.agent_turns END AS agent_turns,
    CASE WHEN told.turn_records > 0 THEN told.interruptions END AS interruptions,
    CASE WHEN told.turn_records > 0 THEN told.key_turns END AS key_turns,
    CASE WHEN relay_started THEN told.language_switches END AS language_switches,
    CASE WHEN relay_started THEN told.silence_prompts END AS silence_prompts,
    told.tools, told.tools_ok, told.prompt_tokens, told.completion_tokens, told.cost_micros,
    told.agent_ms, told.caller_ms, told.silence_ms, told.latencies,
    list_distinct(flatten(list_transform(
        heard.findings, lambda found: json_extract_string(found, '$[*].category')))) AS categories,
    CASE WHEN len(heard.findings) > 0
        THEN to_json(flatten(list_transform(heard.findings, lambda found: found::JSON[])))::VARCHAR END AS findings,
    heard.summary, heard.unparsed,
    told."language" AS relay_language, told.duration_ms AS relay_duration_ms,
    heard."language" AS intel_language, heard.duration_ms AS intel_duration_ms
FROM touched LEFT JOIN told USING (call) LEFT JOIN heard USING (call)
LEFT JOIN services ON services.sid = heard.chat_sid
WHERE told.started_at IS NOT NULL OR told.ended_at IS NOT NULL OR heard.call IS NOT NULL;

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

DELETE FROM stale USING touched WHERE stale.call = touched.call;
