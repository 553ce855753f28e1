-- Staged lines of `intel_results` become results: of each transcript or conversation the greatest rank stays.
-- A later line may tie a transcript to its call: then its own row of before is out of date as well.
CREATE OR REPLACE TEMP TABLE fresh AS
SELECT staged.* EXCLUDE (bad, wanted, resolution),
    CASE
        WHEN json_type(resolution) = 'BOOLEAN' THEN resolution::BOOLEAN
        WHEN json_type(resolution, '$.actions') = 'ARRAY' AND json_array_length(resolution, '$.actions') > 0
            THEN list_bool_and(list_transform(
                json_extract(resolution, '$.actions[*].successful_completion'), lambda done: done = 'true'))
        WHEN json_type(resolution, '$.resolved') = 'BOOLEAN' THEN (resolution->'$.resolved')::BOOLEAN
    END AS resolved
FROM staged SEMI JOIN (
    SELECT arg_max(rowid, rank) AS winner FROM staged WHERE wanted GROUP BY part
) AS winners ON staged.rowid = winners.winner;

DELETE FROM fresh USING results WHERE results.part = fresh.part AND results.rank >= fresh.rank;

INSERT INTO stale SELECT DISTINCT results.call FROM results SEMI JOIN fresh USING (part);

DELETE FROM results USING fresh WHERE results.part = fresh.part;

INSERT INTO results BY NAME SELECT * FROM fresh;

INSERT INTO stale SELECT DISTINCT call FROM fresh;
