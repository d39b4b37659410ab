-- Signatures: what persons were asked to sign, each try at a signing service, and everything that a service ever told.
-- Each change is bound by a move, as payments are: `signature_changed`, `signature_heard`.

CREATE TABLE signatures (
  id         INTEGER PRIMARY KEY,
  source     TEXT NOT NULL,
  name       TEXT NOT NULL,            -- the source's own number of this signature
  dossier    INTEGER NOT NULL REFERENCES dossiers (id),
  event      INTEGER NOT NULL REFERENCES events (id),
  after      INTEGER REFERENCES signatures (id), -- the one whose documents this one signs further
  service    TEXT,                     -- partner
  role       TEXT NOT NULL CHECK (role IN ('official', 'agency', 'citizen')),
  level      TEXT NOT NULL CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA')),
  unit       TEXT,
  procedure  TEXT,
  state      TEXT NOT NULL CHECK (state IN (
    'blocked', 'created', 'prepared', 'unknown', 'waiting_user', 'signed_raw', 'time_stamp_pending', 'indeterminate',
    'at_desk', 'made', 'declined', 'expired', 'failed', 'cancelled')),
  delivery   INTEGER,
  n          INTEGER NOT NULL DEFAULT 1, -- tries: a further one only after an ended one, by a person
  request    TEXT NOT NULL,            -- our transaction id at the service: durable before anything is sent
  handle     TEXT,                     -- the service's own id
  certificate BLOB,                    -- DER: the one that the placeholder names
  chain      BLOB,                     -- DER certificates one behind another
  code       TEXT NOT NULL DEFAULT '', -- why it ended, a stable word
  expires_at INTEGER NOT NULL,         -- until when the person may approve
  ask_at     INTEGER,
  asked      INTEGER NOT NULL DEFAULT 0,
  asked_at   INTEGER,
  finish_at  INTEGER,                  -- when to assemble, stamp and verify what was signed
  finish_tries INTEGER NOT NULL DEFAULT 0,
  signed_at  INTEGER,
  made_at    INTEGER,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  UNIQUE (source, name)
);
CREATE INDEX signatures_dossier ON signatures (dossier);
CREATE INDEX signatures_state ON signatures (state, id);
CREATE UNIQUE INDEX signatures_request ON signatures (service, request);
CREATE INDEX signatures_handle ON signatures (service, handle) WHERE handle IS NOT NULL;
CREATE INDEX signatures_ask ON signatures (service, ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX signatures_finish ON signatures (finish_at) WHERE finish_at IS NOT NULL;
CREATE INDEX signatures_after ON signatures (after) WHERE after IS NOT NULL;
CREATE INDEX signatures_expiry ON signatures (expires_at) WHERE state IN ('created', 'prepared', 'unknown', 'waiting_user', 'at_desk');

CREATE TABLE signature_documents (
  signature INTEGER NOT NULL REFERENCES signatures (id),
  n         INTEGER NOT NULL,          -- from 1, in the event's order
  given     INTEGER REFERENCES documents (id),
  prepared  INTEGER REFERENCES documents (id), -- with its placeholder: frozen
  plan      BLOB,                      -- what signing/ needs to go on with (attributes, byte range), as it wrote it
  digest    BLOB,                      -- the 32 bytes that the service is asked to sign
  value     BLOB,                      -- the raw signature, verified
  signed    INTEGER REFERENCES documents (id),
  verdict   TEXT NOT NULL DEFAULT '',  -- passed, indeterminate, failed
  report    INTEGER REFERENCES bodies (id), -- sealed: the verification, as written
  reached   TEXT NOT NULL DEFAULT '',  -- level
  code      TEXT NOT NULL DEFAULT '',  -- why this document alone has none
  PRIMARY KEY (signature, n)
);
CREATE INDEX signature_documents_digest ON signature_documents (digest) WHERE digest IS NOT NULL;

CREATE TABLE signature_hearings (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  partner    TEXT NOT NULL,
  signature  INTEGER,
  via        TEXT NOT NULL,
  verdict    TEXT NOT NULL,
  effect     TEXT NOT NULL,
  code       TEXT NOT NULL DEFAULT '',
  address    TEXT NOT NULL DEFAULT '',
  commitment BLOB NOT NULL,
  body       INTEGER NOT NULL REFERENCES bodies (id)
);
CREATE INDEX signature_hearings_signature ON signature_hearings (signature);

CREATE TABLE signature_news (
  event     INTEGER PRIMARY KEY REFERENCES events (id),
  signature INTEGER NOT NULL
);
