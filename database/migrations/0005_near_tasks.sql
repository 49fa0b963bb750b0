-- The tasks of each family in the order of their functions' volume, so that those
-- of the nearest shapes are found by walking outward from a volume. The program
-- fills it in from the texts of the functions.
CREATE TABLE near_tasks (
  family_hash TEXT NOT NULL,
  threads INTEGER NOT NULL,
  regime TEXT NOT NULL,
  volume REAL NOT NULL,       -- ShapeVolume
  task_id INTEGER NOT NULL REFERENCES tasks (id),
  target_id INTEGER NOT NULL REFERENCES targets (id),
  accuracy TEXT NOT NULL,
  shape BLOB NOT NULL,        -- ShapeOf: little-endian f64
  PRIMARY KEY (family_hash, threads, regime, volume, task_id)
) STRICT, WITHOUT ROWID;
