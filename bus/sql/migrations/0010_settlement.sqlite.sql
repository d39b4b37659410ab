-- Settlement: each file of a day, what was wrong with it, and where platform, ledger and one-stop system differ.

CREATE TABLE settlement_runs (
  id              INTEGER PRIMARY KEY,
  partner         TEXT NOT NULL,
  merchant        TEXT NOT NULL,         -- us, as the gateway calls us: each has a file of its own; '' where it has one name
  day             TEXT NOT NULL,         -- yyyy-mm-dd, of Vietnam
  file            TEXT NOT NULL,         -- its name; as refused ones may have any
  digest          BLOB NOT NULL,         -- SHA-256 of the file as it came
  one_stop_file   TEXT NOT NULL DEFAULT '',
  one_stop_digest BLOB NOT NULL DEFAULT x'',
  state           TEXT NOT NULL CHECK (state IN (
    'reading',   -- a process compares; reading -> done | refused
    'refused',   -- something is wrong with the file: nothing was compared
    'done',      -- compared; done -> replaced
    'replaced')),-- a later file of the same day took its place
  fence           INTEGER NOT NULL DEFAULT 1, -- who began again writes under the next number
  replaces        INTEGER REFERENCES settlement_runs (id),
  is_changed      INTEGER NOT NULL DEFAULT 0, -- another content of the same day was here before
  rows            INTEGER NOT NULL DEFAULT 0,
  findings        INTEGER NOT NULL DEFAULT 0, -- how many there were; the first ones are kept
  total           INTEGER NOT NULL DEFAULT 0,
  matched         INTEGER NOT NULL DEFAULT 0,
  differing       INTEGER NOT NULL DEFAULT 0,
  actor           TEXT NOT NULL,
  at              INTEGER NOT NULL,
  ended_at        INTEGER
);
CREATE UNIQUE INDEX settlement_runs_once ON settlement_runs (partner, merchant, day, file, digest, one_stop_digest);
CREATE INDEX settlement_runs_day ON settlement_runs (partner, merchant, day, state);

CREATE TABLE settlement_findings (
  id     INTEGER PRIMARY KEY,
  run    INTEGER NOT NULL REFERENCES settlement_runs (id),
  side   TEXT NOT NULL,                  -- platform, one_stop
  line   INTEGER NOT NULL,               -- 0: of the whole file
  rule   TEXT NOT NULL,
  field  TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX settlement_findings_run ON settlement_findings (run, id);

CREATE TABLE settlement_differences (
  id             INTEGER PRIMARY KEY,
  run            INTEGER NOT NULL REFERENCES settlement_runs (id),
  class          TEXT NOT NULL,
  line           INTEGER,                -- of the file
  reference      TEXT,
  transaction_id TEXT,
  verdict        TEXT,                   -- what the file says: paid, failed, pending
  told_at        INTEGER,
  told_time      TEXT,
  bank           TEXT,
  currency       TEXT,
  payment        INTEGER,
  attempt        INTEGER,
  delivery       INTEGER,                -- that was to tell the one-stop system
  ours           INTEGER,                -- amounts
  theirs         INTEGER,
  one_stop       INTEGER,
  detail         TEXT NOT NULL DEFAULT '',
  repaired_at    INTEGER,
  repaired_by    TEXT,
  outcome        TEXT,                   -- what the repair came to
  closed_at      INTEGER,                -- nothing is left to do: repaired, found elsewhere, or replaced
  closed_by      TEXT,
  close_reason   TEXT
);
CREATE INDEX settlement_differences_run ON settlement_differences (run, class, id);
CREATE INDEX settlement_differences_open ON settlement_differences (run, id) WHERE closed_at IS NULL;
CREATE INDEX settlement_differences_missing ON settlement_differences (attempt) WHERE class = 'missing_there' AND closed_at IS NULL;

-- Attempts that stand in the file of another day than ours: paid close to midnight.
CREATE TABLE settlement_across (
  attempt INTEGER NOT NULL,
  run     INTEGER NOT NULL,
  PRIMARY KEY (attempt, run)
) WITHOUT ROWID;

-- A person's wish to repair a run's differences of some classes, frozen, and carried out page by page.
CREATE TABLE settlement_repairs (
  id         INTEGER PRIMARY KEY,
  run        INTEGER NOT NULL REFERENCES settlement_runs (id),
  classes    TEXT NOT NULL,              -- parted by blanks, sorted
  digest     TEXT NOT NULL,              -- over the differences that were open when it was asked for
  count      INTEGER NOT NULL,
  last       INTEGER NOT NULL,           -- the highest of them
  state      TEXT NOT NULL CHECK (state IN ('asked', 'running', 'done', 'declined', 'expired')),
  next       INTEGER NOT NULL DEFAULT 0, -- every difference up to here was looked at
  done       INTEGER NOT NULL DEFAULT 0,
  actor      TEXT NOT NULL,
  reason     TEXT NOT NULL,
  asked_at   INTEGER NOT NULL,
  expires_at INTEGER,
  decided_by TEXT,
  decided_at INTEGER,
  ended_at   INTEGER
);
CREATE UNIQUE INDEX settlement_repairs_once ON settlement_repairs (run, digest) WHERE state IN ('asked', 'running');
CREATE INDEX settlement_repairs_open ON settlement_repairs (id) WHERE state IN ('asked', 'running');

CREATE INDEX payment_attempts_paid ON payment_attempts (partner, paid_at) WHERE state = 'paid';
