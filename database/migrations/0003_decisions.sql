-- The setting of the sketch that a record's trace came from, in words: what cost
-- models learn from and what is refitted to other shapes. Empty where unknown.
ALTER TABLE records ADD COLUMN decisions TEXT NOT NULL DEFAULT '';
