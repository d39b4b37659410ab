-- The first schema. Times are integers: milliseconds since 1970 in UTC. Places order a lane: see bus/lanes.py.
-- Row digests (bus/evidence.py, row_digest) that a move binds, field by field:
--   event    ["event", id, source, event_id, kind, dossier number, sequence, occurred_at, accepted_at, digest hex, commitment hex]
--   attempt  ["attempt", id, delivery, n, worker, started_at, outcome, code, reason, [row digest hex of each exchange]]
--   exchange [operation, method, url, status, sent_at, took_us, trouble, key_id, algorithm, commitment hex]

CREATE TABLE schema_versions (
  version    INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  digest     TEXT NOT NULL            -- SHA-256 of the migration's text
);

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,             -- ledger_id, created_at, hash_key_check
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Data keys, wrapped under the master key; a body names the key it is sealed with.
CREATE TABLE data_keys (
  id         INTEGER PRIMARY KEY,
  wrapped    BLOB NOT NULL,
  created_at INTEGER NOT NULL
);

-- Sealed bodies stand apart from the rows that are searched; sealed becomes NULL when a body is destroyed.
CREATE TABLE bodies (
  id       INTEGER PRIMARY KEY,
  data_key INTEGER NOT NULL,
  sealed   BLOB
);

CREATE TABLE dossiers (
  id              INTEGER PRIMARY KEY,
  number          TEXT NOT NULL UNIQUE,
  source          TEXT NOT NULL,      -- who spoke of it first
  origin          TEXT,
  national_number TEXT,
  procedure       TEXT,               -- of the latest record
  unit            TEXT,
  received_at     INTEGER,
  due_at          INTEGER,
  record_event    INTEGER,            -- the latest record by place
  record_place    INTEGER,
  status          TEXT,               -- of the latest event by place
  status_place    INTEGER,
  first_seen_at   INTEGER NOT NULL
);
CREATE INDEX dossiers_national ON dossiers (national_number) WHERE national_number IS NOT NULL;

-- Keyed hashes of identity numbers, phones and folded words of names.
CREATE TABLE search_terms (
  term    BLOB NOT NULL,
  dossier INTEGER NOT NULL,
  PRIMARY KEY (term, dossier)
) WITHOUT ROWID;

CREATE TABLE events (
  id          INTEGER PRIMARY KEY,    -- the order of acceptance
  source      TEXT NOT NULL,
  event_id    TEXT NOT NULL,
  kind        TEXT NOT NULL,
  dossier     INTEGER NOT NULL REFERENCES dossiers (id),
  sequence    INTEGER,                -- only for sources whose order is "sequence"
  place       INTEGER,                -- in the dossier's order; NULL while it waits behind a gap
  occurred_at INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  digest      BLOB NOT NULL,          -- SHA-256 of the RFC 8785 form
  commitment  BLOB NOT NULL,          -- SHA-256 of salt and body, for the chain
  body        INTEGER NOT NULL REFERENCES bodies (id),
  traceparent TEXT,
  is_adopted  INTEGER NOT NULL DEFAULT 0,
  receipt_key INTEGER REFERENCES receipt_keys (id), -- that signed its receipt; NULL: nobody had a key yet, so the first
  UNIQUE (source, event_id)           -- one key, one event, for ever
);
CREATE INDEX events_dossier ON events (dossier);
CREATE INDEX events_sequence ON events (dossier, source, sequence) WHERE sequence IS NOT NULL;

-- The installation's keys that sign receipts: a repeat gets the first answer's bytes, whatever key signs today.
CREATE TABLE receipt_keys (
  id     INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL UNIQUE
);

-- How far each numbered source has come for each dossier.
CREATE TABLE sequences (
  dossier    INTEGER NOT NULL,
  source     TEXT NOT NULL,
  next       INTEGER NOT NULL,        -- the number that is expected
  place      INTEGER NOT NULL,        -- of the last one placed
  gap_since  INTEGER,                 -- when something first waited behind a gap
  PRIMARY KEY (dossier, source)
) WITHOUT ROWID;
CREATE INDEX sequences_gap ON sequences (gap_since) WHERE gap_since IS NOT NULL;

CREATE TABLE lanes (
  id               INTEGER PRIMARY KEY,
  dossier          INTEGER NOT NULL REFERENCES dossiers (id),
  partner          TEXT NOT NULL,
  head             INTEGER,           -- the delivery that is first in line
  ready_at         INTEGER,           -- when it may be claimed; NULL while leased, blocked or empty
  deadline         INTEGER NOT NULL,  -- of the dossier, for a drain that takes the nearest first
  lease_until      INTEGER,
  owner            TEXT,
  fence            INTEGER NOT NULL DEFAULT 0,
  exists_there     INTEGER,           -- 1 acknowledged or shown by the partner, 0 a look-up said no, NULL never asked
  record_state     TEXT NOT NULL DEFAULT 'none' CHECK (record_state IN ('none', 'shown', 'not_ours')),
  top_record_place INTEGER,           -- of the newest record accepted for this lane
  shown_record     INTEGER,           -- event of the record the partner acknowledged last
  shown_place      INTEGER,
  step_place       INTEGER,           -- of the newest step that was ever sent
  shown_status     TEXT,
  UNIQUE (dossier, partner)
);
CREATE INDEX lanes_ready ON lanes (partner, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX lanes_deadline ON lanes (partner, deadline, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX lanes_leased ON lanes (partner, lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE deliveries (
  id            INTEGER PRIMARY KEY,
  event         INTEGER NOT NULL REFERENCES events (id),
  partner       TEXT NOT NULL,
  lane          INTEGER NOT NULL REFERENCES lanes (id),
  rule          TEXT NOT NULL CHECK (rule IN ('latest_wins', 'every_step')),
  late          TEXT NOT NULL CHECK (late IN ('hold', 'send')),
  needs_record  INTEGER NOT NULL,
  place         INTEGER,              -- in the lane; a newer record takes the place of the one it supersedes
  state         TEXT NOT NULL CHECK (state IN (
    'waiting',     -- new; waiting -> sending | superseded | held | cancelled
    'sending',     -- leased; sending -> delivered | awaiting | in_doubt | refused | waiting | held | not_ours | superseded | cancelled
    'awaiting',    -- taken, not done; awaiting -> delivered | refused | in_doubt | held | cancelled
    'in_doubt',    -- the reply was lost; in_doubt -> delivered | refused | waiting | held | superseded | cancelled | in_doubt
    'held',        -- our trouble, or the table says so; held -> waiting | in_doubt | superseded | cancelled
    'refused',     -- the partner's no; refused -> waiting | superseded | cancelled
    'delivered',   -- done; delivered -> waiting only for the newest whole record, by a person
    'superseded',  -- overtaken under "latest wins"; final
    'cancelled',   -- by a person, or in shadow; cancelled -> waiting | in_doubt by a person
    'not_ours')),  -- another system owns the procedure; not_ours -> waiting by a person
  cause         TEXT NOT NULL,
  reason        TEXT NOT NULL DEFAULT '',
  due_at        INTEGER,
  tries         INTEGER NOT NULL DEFAULT 0,
  crashes       INTEGER NOT NULL DEFAULT 0, -- how often a worker went away over it; in company it counts once
  suspected     INTEGER NOT NULL DEFAULT 0, -- what the worker was doing then: 1 sending it, 2 asking about it
  is_unanswered INTEGER NOT NULL DEFAULT 0,
  blocks        INTEGER NOT NULL,     -- 1 while the lane waits behind it
  status        TEXT,                 -- of the event: the status or local step it carries
  mapping       TEXT,                 -- version of the tables it was shaped with
  accepted_at   INTEGER NOT NULL,
  changed_at    INTEGER NOT NULL,
  UNIQUE (event, partner)             -- one event reaches one partner at most once
);
CREATE INDEX deliveries_line ON deliveries (lane, place, event) WHERE blocks = 1;
CREATE INDEX deliveries_lane ON deliveries (lane, id);
CREATE INDEX deliveries_suspected ON deliveries (partner, id) WHERE suspected <> 0 AND blocks = 1;
CREATE INDEX deliveries_open ON deliveries (state, partner, id) WHERE state NOT IN ('sending', 'delivered');

-- What goes alone, because a worker went away over what comes next for it.
CREATE VIEW suspects AS SELECT id, partner, lane FROM deliveries
WHERE suspected <> 0 AND blocks = 1 AND suspected & CASE state WHEN 'waiting' THEN 1 ELSE 2 END <> 0;

CREATE TABLE exchanges (
  id         INTEGER PRIMARY KEY,
  operation  TEXT NOT NULL,
  method     TEXT NOT NULL,
  url        TEXT NOT NULL,
  status     INTEGER,
  sent_at    INTEGER NOT NULL,
  took_us    INTEGER NOT NULL,
  trouble    TEXT,
  key_id     TEXT,
  algorithm  TEXT,
  commitment BLOB NOT NULL,
  body       INTEGER NOT NULL REFERENCES bodies (id)
);

CREATE TABLE attempts (
  id         INTEGER PRIMARY KEY,
  delivery   INTEGER NOT NULL REFERENCES deliveries (id),
  n          INTEGER NOT NULL,
  worker     TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  outcome    TEXT NOT NULL,
  code       TEXT,
  reason     TEXT NOT NULL DEFAULT '',
  exchanges  TEXT NOT NULL            -- ids in order, as a JSON array; a batch's exchange is shared
);
CREATE INDEX attempts_delivery ON attempts (delivery);

-- Append-only. hash = SHA-256(prev, canonical fields); one chain for each partition, so that none serialises the rest.
CREATE TABLE moves (
  id         INTEGER PRIMARY KEY,
  partition  INTEGER NOT NULL,
  n          INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  delivery   INTEGER,
  event      INTEGER,
  from_state TEXT,
  to_state   TEXT,
  cause      TEXT NOT NULL,
  reason     TEXT NOT NULL DEFAULT '',
  actor      TEXT NOT NULL,
  binds      BLOB,                    -- row digest of the event or attempt row that this move wrote
  prev       BLOB NOT NULL,
  hash       BLOB NOT NULL
);
CREATE INDEX moves_delivery ON moves (delivery);
CREATE INDEX moves_outcomes ON moves (id)
  WHERE to_state IN ('delivered', 'refused', 'held', 'in_doubt', 'superseded', 'cancelled', 'not_ours');
CREATE TRIGGER moves_no_update BEFORE UPDATE ON moves BEGIN SELECT RAISE(ABORT, 'moves are never changed'); END;
CREATE TRIGGER moves_no_delete BEFORE DELETE ON moves BEGIN SELECT RAISE(ABORT, 'moves are never deleted'); END;

CREATE TABLE chain_heads (
  partition INTEGER PRIMARY KEY,
  n         INTEGER NOT NULL,
  hash      BLOB NOT NULL,
  mac       BLOB NOT NULL             -- keyed: a cut chain cannot be given a new head without the master key
);

CREATE TABLE checkpoints (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  statement BLOB NOT NULL,
  key_id    TEXT NOT NULL,
  signature BLOB NOT NULL
);

-- Numbers for metrics and lists, kept in the transaction that changes them: a count never scans.
CREATE TABLE tallies (
  partner TEXT NOT NULL,
  state   TEXT NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (partner, state)
) WITHOUT ROWID;

CREATE TABLE partners (
  name            TEXT PRIMARY KEY,
  is_held         INTEGER NOT NULL DEFAULT 0,
  hold_reason     TEXT NOT NULL DEFAULT '',
  circuit         TEXT NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open')),
  failures        INTEGER NOT NULL DEFAULT 0,
  opened_at       INTEGER,
  probe_at        INTEGER,
  window          INTEGER,            -- calls allowed at once while a drain begins; NULL when it is over
  tokens          REAL NOT NULL DEFAULT 0,
  tokens_at       INTEGER NOT NULL DEFAULT 0,
  last_success_at INTEGER
) WITHOUT ROWID;

-- Nonces of signed requests that were accepted, until they expire: the replay cache of all processes.
CREATE TABLE nonces (
  key_id     TEXT NOT NULL,
  nonce      TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, nonce)
) WITHOUT ROWID;
CREATE INDEX nonces_expiry ON nonces (expires_at);

-- What was refused at the doors, by its reference; no personal data, bounded in number.
CREATE TABLE refusals (
  id        INTEGER PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  at        INTEGER NOT NULL,
  route     TEXT NOT NULL,
  caller    TEXT,
  code      TEXT NOT NULL,
  status    INTEGER NOT NULL,
  rules     TEXT NOT NULL,            -- JSON: fields and rules
  base      TEXT                      -- the signature base as we built it, where a signature was the trouble
);

-- Code tables and procedure maps, one row a version; the newest of a name is in force.
CREATE TABLE table_versions (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL,
  digest      TEXT NOT NULL,
  body        TEXT NOT NULL,
  imported_at INTEGER NOT NULL,
  actor       TEXT NOT NULL,
  reason      TEXT NOT NULL
);
CREATE INDEX table_versions_name ON table_versions (name, id);
