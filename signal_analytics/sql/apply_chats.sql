-- Staged lines of `conversation_events` become what is known of each conversation; least and greatest times do not
-- mind repetition. A conversation whose service becomes known changes the calls that refer to it.
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT sid, max(service_sid) AS service_sid, min(written_at) AS first_at,
    max(written_at) FILTER (WHERE closed) AS closed_at
FROM staged WHERE sid IS NOT NULL GROUP BY sid;

INSERT INTO stale SELECT DISTINCT results.call FROM results
SEMI JOIN (SELECT sid FROM fresh ANTI JOIN chats USING (sid)) AS new_ones ON results.chat_sid = new_ones.sid;

INSERT INTO chats BY NAME SELECT * FROM fresh;
