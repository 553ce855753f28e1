-- Staged lines of `calls` become events: of each fact the version of the greatest rank stays.
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT staged.* EXCLUDE (bad) FROM staged SEMI JOIN (
    SELECT arg_max(rowid, rank) AS winner FROM staged WHERE kind > 0 GROUP BY call, kind, part
) AS winners ON staged.rowid = winners.winner;

DELETE FROM fresh USING events
WHERE events.call = fresh.call AND events.kind = fresh.kind AND events.part = fresh.part
    AND events.rank >= fresh.rank;

DELETE FROM events USING fresh
WHERE events.call = fresh.call AND events.kind = fresh.kind AND events.part = fresh.part;

INSERT INTO events BY NAME SELECT * FROM fresh;

INSERT INTO stale SELECT DISTINCT call FROM fresh;
