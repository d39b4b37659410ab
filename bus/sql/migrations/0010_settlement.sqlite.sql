-- Settlement: each imported file, and where the platform, the ledger and the one-stop system differ.

CREATE TABLE settlement_runs (
  id          INTEGER PRIMARY KEY,
  partner     TEXT NOT NULL,
  day         TEXT NOT NULL,
  file        TEXT NOT NULL,
  digest      BLOB NOT NULL,
  replaces    INTEGER,
  state       TEXT NOT NULL,
  rows        INTEGER NOT NULL DEFAULT 0,
  bad_rows    INTEGER NOT NULL DEFAULT 0,
  total       INTEGER NOT NULL DEFAULT 0,
  matched     INTEGER NOT NULL DEFAULT 0,
  actor       TEXT NOT NULL,
  at          INTEGER NOT NULL
);
CREATE UNIQUE INDEX settlement_runs_once ON settlement_runs (partner, file, digest);

CREATE TABLE settlement_differences (
  id          INTEGER PRIMARY KEY,
  run         INTEGER NOT NULL REFERENCES settlement_runs (id),
  class       TEXT NOT NULL,
  row         INTEGER,                 -- of the file
  reference   TEXT,
  transaction_id TEXT,
  payment     INTEGER,
  attempt     INTEGER,
  ours        INTEGER,                 -- amounts
  theirs      INTEGER,
  one_stop    INTEGER,
  detail      TEXT NOT NULL DEFAULT '',
  repair      TEXT NOT NULL DEFAULT '',
  repaired_at INTEGER,
  closed_at   INTEGER,
  closed_by   TEXT,
  close_reason TEXT
);
CREATE INDEX settlement_differences_run ON settlement_differences (run, class, id);
