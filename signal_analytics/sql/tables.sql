-- The analytics file. Everything here is derived from the journals and may be thrown away.
-- Times are UTC. `call` is the hash of a call's sid (of a result's own sid where no call is known); `rank` orders
-- the versions of a record: the greatest is the current one. Scores are stored as they came, sums are of integers.

CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE positions (stream VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE rejects (stream VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR);

-- Calls whose rows are out of date, with the days (UTC) their old rows were on; empty outside of a long load.
CREATE TABLE stale (call UBIGINT NOT NULL);
-- Days of call starts whose exported partition is out of date.
CREATE TABLE dirty_days (day DATE PRIMARY KEY);

-- One row per fact of a call: (call, kind, part) is unique. Kinds: 1 started, 2 ended, 3 turn, 4 hand-off,
-- 5 language switch, 6 silence prompt. The five stages of latency are bins of 2 % width, see latency.py.
CREATE TABLE events (
    call UBIGINT NOT NULL,
    kind UTINYINT NOT NULL,
    part UBIGINT NOT NULL,
    rank HUGEINT NOT NULL,
    written_at TIMESTAMP NOT NULL,
    call_sid VARCHAR,
    caller VARCHAR,
    direction VARCHAR,
    "language" VARCHAR,
    agent VARCHAR,
    reason VARCHAR,
    duration_ms BIGINT,
    turns INTEGER,
    input VARCHAR,
    outcome VARCHAR,
    interrupted BOOLEAN,
    model_request_bin USMALLINT,
    first_byte_bin USMALLINT,
    first_text_bin USMALLINT,
    first_speech_bin USMALLINT,
    complete_bin USMALLINT,
    agent_ms INTEGER,
    caller_ms INTEGER,
    silence_ms INTEGER,
    tools INTEGER,
    tools_ok INTEGER,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    cost_micros BIGINT
);

-- One row per transcript or conversation.
CREATE TABLE results (
    call UBIGINT NOT NULL,
    part UBIGINT NOT NULL,
    rank HUGEINT NOT NULL,
    written_at TIMESTAMP NOT NULL,
    call_key VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    transcript_sid VARCHAR,
    conversation_sid VARCHAR,
    chat_sid VARCHAR,
    service_sid VARCHAR,
    channel VARCHAR,
    "language" VARCHAR,
    started_at TIMESTAMP,
    duration_ms BIGINT,
    csat DOUBLE,
    csat_surveyed DOUBLE,
    ces DOUBLE,
    nps DOUBLE,
    sentiment VARCHAR,
    legal_risk DOUBLE,
    legal_risk_band VARCHAR,
    hallucinations BIGINT,
    escalation_requested BOOLEAN,
    resolved BOOLEAN,
    findings VARCHAR,
    summary VARCHAR,
    unparsed VARCHAR
);

-- What Conversations told of its own conversations; several rows of one sid are merged when they are read.
CREATE TABLE chats (
    sid VARCHAR NOT NULL,
    service_sid VARCHAR,
    first_at TIMESTAMP NOT NULL,
    closed_at TIMESTAMP
);

-- One row per call, put together from the tables above whenever one of them changes.
CREATE TABLE calls (
    call UBIGINT NOT NULL,
    key VARCHAR NOT NULL,
    call_sid VARCHAR,
    transcript_sid VARCHAR,
    conversation_sid VARCHAR,
    service_sid VARCHAR,
    chat_sid VARCHAR,
    chat_service_sid VARCHAR,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    duration_ms BIGINT,
    reason VARCHAR,
    turns INTEGER,
    direction VARCHAR,
    channel VARCHAR,
    "language" VARCHAR,
    agent VARCHAR,
    caller VARCHAR,
    csat DOUBLE,
    csat_surveyed DOUBLE,
    ces DOUBLE,
    nps DOUBLE,
    sentiment VARCHAR,
    legal_risk DOUBLE,
    legal_risk_band VARCHAR,
    hallucinations BIGINT,
    escalation_requested BOOLEAN,
    escalated BOOLEAN,
    contained BOOLEAN,
    resolved BOOLEAN,
    abandoned BOOLEAN,
    next_contact_at TIMESTAMP,
    agent_turns INTEGER,
    interruptions INTEGER,
    key_turns INTEGER,
    language_switches INTEGER,
    silence_prompts INTEGER,
    tools INTEGER,
    tools_ok INTEGER,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    cost_micros BIGINT,
    agent_ms BIGINT,
    caller_ms BIGINT,
    silence_ms BIGINT,
    latencies USMALLINT[],
    categories VARCHAR[],
    findings VARCHAR,
    summary VARCHAR,
    unparsed VARCHAR,
    relay_started BOOLEAN,
    relay_ended BOOLEAN,
    analysed BOOLEAN,
    relay_language VARCHAR,
    relay_duration_ms BIGINT,
    intel_language VARCHAR,
    intel_duration_ms BIGINT
);

-- Customers as Segment knows them: a cache.
CREATE TABLE customers (phone VARCHAR PRIMARY KEY, fetched_at TIMESTAMP NOT NULL, known BOOLEAN NOT NULL, traits VARCHAR);
