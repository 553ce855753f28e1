-- Staged lines of `calls` become events: of each fact the version of the greatest rank stays.
CREATE OR REPLACE TEMP TABLE winners AS
SELECT call, kind, part, max(rank) AS rank, arg_max(rowid, rank) AS staged_row
FROM staged WHERE kind > 0 GROUP BY call, kind, part;

DELETE FROM winners USING events
WHERE events.call = winners.call AND events.kind = winners.kind AND events.part = winners.part
    AND events.rank >= winners.rank;

DELETE FROM events USING winners
WHERE events.call = winners.call AND events.kind = winners.kind AND events.part = winners.part;

INSERT INTO events BY NAME
SELECT staged.* EXCLUDE (bad) FROM staged SEMI JOIN winners ON staged.rowid = winners.staged_row;

INSERT INTO stale SELECT DISTINCT call FROM winners;
