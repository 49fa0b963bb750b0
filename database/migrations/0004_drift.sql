-- The time of the device's canary over its time at the start of the measurer's
-- session: how far the machine's speed had drifted. Negative where unknown.
ALTER TABLE records ADD COLUMN drift REAL NOT NULL DEFAULT -1;
