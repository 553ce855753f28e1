-- The analytics file. Everything here is derived from the journals and may be thrown away.
-- Times are UTC. `rank` orders the versions of a record: the greatest is the current one.

CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE positions (stream VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE skipped (stream VARCHAR PRIMARY KEY, lines BIGINT NOT NULL);

CREATE TABLE starts (
    call_sid VARCHAR PRIMARY KEY,
    rank VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    language VARCHAR,
    agent VARCHAR,
    direction VARCHAR
);

CREATE TABLE ends (
    call_sid VARCHAR PRIMARY KEY,
    rank VARCHAR NOT NULL,
    ended_at TIMESTAMP NOT NULL,
    reason VARCHAR,
    duration_s DOUBLE,
    turns BIGINT
);

-- One row per transcript or conversation; `call_key` is its call's sid where that is known.
CREATE TABLE results (
    subject VARCHAR PRIMARY KEY,
    call_key VARCHAR NOT NULL,
    rank VARCHAR NOT NULL,
    written_at TIMESTAMP NOT NULL,
    transcript_sid VARCHAR,
    conversation_sid VARCHAR,
    service_sid VARCHAR,
    channel VARCHAR,
    language VARCHAR,
    started_at TIMESTAMP,
    duration_s DOUBLE,
    csat DOUBLE,
    csat_surveyed DOUBLE,
    ces DOUBLE,
    sentiment VARCHAR,
    legal_risk DOUBLE,
    legal_risk_band VARCHAR,
    hallucinations BIGINT,
    escalation_requested BOOLEAN
);
CREATE INDEX results_by_call ON results (call_key);

-- One row per call, put together from the three above whenever one of them changes.
CREATE TABLE calls (
    key VARCHAR PRIMARY KEY,
    call_sid VARCHAR,
    transcript_sid VARCHAR,
    conversation_sid VARCHAR,
    service_sid VARCHAR,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    duration_s DOUBLE,
    reason VARCHAR,
    turns BIGINT,
    direction VARCHAR,
    channel VARCHAR,
    language VARCHAR,
    agent VARCHAR,
    csat DOUBLE,
    csat_surveyed DOUBLE,
    ces DOUBLE,
    sentiment VARCHAR,
    legal_risk DOUBLE,
    legal_risk_band VARCHAR,
    hallucinations BIGINT,
    escalation_requested BOOLEAN
);
