-- The first schema. What is shared stands once: functions, targets, tasks,
-- traces, build settings, devices. Rows are found by their content (hashes
-- index, texts are compared), so local integers join them; what must keep its
-- identity when databases merge, records and devices, has a UUID (16 bytes).

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE functions (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,         -- of the canonical text, with its key version
  key_version INTEGER NOT NULL,
  text TEXT NOT NULL,         -- canonical
  family_hash TEXT NOT NULL,  -- extents abstracted
  name TEXT NOT NULL          -- as first seen, for people
) STRICT;
CREATE INDEX functions_by_hash ON functions (hash);
CREATE INDEX functions_by_family ON functions (family_hash);

CREATE TABLE targets (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE devices (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  description TEXT NOT NULL   -- proto text of lathe.v1.Device
) STRICT;

CREATE TABLE tasks (
  id INTEGER PRIMARY KEY,
  function_id INTEGER NOT NULL REFERENCES functions (id),
  target_id INTEGER NOT NULL REFERENCES targets (id),
  device_kind TEXT NOT NULL,
  threads INTEGER NOT NULL,
  regime TEXT NOT NULL,
  accuracy TEXT NOT NULL,
  UNIQUE (function_id, target_id, device_kind, threads, regime, accuracy)
) STRICT;

CREATE TABLE traces (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,         -- SHA-256 of the text
  text TEXT NOT NULL
) STRICT;
CREATE INDEX traces_by_hash ON traces (hash);

CREATE TABLE build_settings (
  id INTEGER PRIMARY KEY,
  lathe_version TEXT NOT NULL,
  llvm_version TEXT NOT NULL,
  abi_version INTEGER NOT NULL,
  required_features TEXT NOT NULL,  -- separated by commas
  UNIQUE (lathe_version, llvm_version, abi_version, required_features)
) STRICT;

CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  task_id INTEGER NOT NULL REFERENCES tasks (id),
  trace_id INTEGER NOT NULL REFERENCES traces (id),
  build_settings_id INTEGER NOT NULL REFERENCES build_settings (id),
  device_id INTEGER REFERENCES devices (id),  -- null if it never came to a device
  status TEXT NOT NULL,
  error TEXT NOT NULL,
  -- Seconds per call.
  median REAL NOT NULL,
  ci_low REAL NOT NULL,
  ci_high REAL NOT NULL,
  min REAL NOT NULL,
  calls_per_sample INTEGER NOT NULL,
  -- Conditions; negative where they could not be read.
  frequency_mhz REAL NOT NULL,
  temperature_celsius REAL NOT NULL,
  load_average REAL NOT NULL,
  steal_fraction REAL NOT NULL,
  migrations INTEGER NOT NULL,
  involuntary_switches INTEGER NOT NULL,
  contaminated INTEGER NOT NULL,
  repeats INTEGER NOT NULL,
  -- Provenance.
  created_unix_ms INTEGER NOT NULL,
  search TEXT NOT NULL,
  trial INTEGER NOT NULL,
  build_seconds REAL NOT NULL,
  measure_seconds REAL NOT NULL,
  program_hash BLOB NOT NULL,     -- 32 bytes, or none if it was never built
  artifact_digest BLOB NOT NULL,  -- the same
  samples BLOB NOT NULL           -- little-endian f64, in order of measurement
) STRICT;
-- Best() reads one row of it, Records() a range.
CREATE INDEX records_by_task ON records (task_id, status, median);
