-- Which records won a promotion: paired runs against the default and the other
-- finalists of a tuning run. Best() serves the newest of them.
ALTER TABLE records ADD COLUMN promoted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX records_promoted ON records (task_id, created_unix_ms) WHERE promoted = 1;
