-- The stale calls of the next part; those that belong together by their caller meet again in a later part.
CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT call FROM stale LIMIT $most;
