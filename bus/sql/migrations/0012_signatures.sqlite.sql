-- Signatures: what persons were asked to sign, each try at a signing service, and everything that a service ever told.
-- Each change is bound by a move, as payments are: `signature_changed`, `signature_heard`. What documents and signers are
-- called stands in the events that asked for them, sealed; here they have numbers.

CREATE TABLE signatures (
  id         INTEGER PRIMARY KEY,
  source     TEXT NOT NULL,
  name       TEXT NOT NULL,            -- the source's own number of this signature
  dossier    INTEGER NOT NULL REFERENCES dossiers (id),
  event      INTEGER NOT NULL REFERENCES events (id),
  after      INTEGER REFERENCES signatures (id), -- the one whose documents this one signs further
  service    TEXT,                     -- partner, or desk: an official's own token; nobody where no service takes it
  role       TEXT NOT NULL CHECK (role IN ('official', 'agency', 'citizen')),
  level      TEXT NOT NULL CHECK (level IN ('B-B', 'B-T', 'B-LT', 'B-LTA')),
  unit       TEXT,
  procedure  TEXT,
  -- blocked -> created | at_desk | declined | expired | cancelled        (when the one before it ends, or its time is over)
  -- created -> prepared -> waiting_user | unknown                        (the worker; prepared <-> unknown when asked)
  -- created, prepared, unknown, waiting_user, at_desk -> signed_raw      (proof, whoever brought it)
  --                                  -> declined | expired | failed      (what was asked for said so) | cancelled
  -- expired -> signed_raw                                                (proof, late)
  -- signed_raw, time_stamp_pending, indeterminate -> one another | made | failed | cancelled
  -- declined, expired, failed, cancelled, unknown -> created | at_desk | blocked  (a person: the next n)
  state      TEXT NOT NULL CHECK (state IN (
    'blocked', 'created', 'prepared', 'unknown', 'waiting_user', 'signed_raw', 'time_stamp_pending', 'indeterminate',
    'at_desk', 'made', 'declined', 'expired', 'failed', 'cancelled')),
  delivery   INTEGER,
  n          INTEGER NOT NULL DEFAULT 1, -- tries: a further one only after an ended one, by a person
  request    TEXT NOT NULL,            -- our transaction id at the service: durable before anything is sent
  handle     TEXT,                     -- the service's own id
  certificate BLOB,                    -- sealed: DER, the one that the placeholder names; it tells who signs
  chain      BLOB,                     -- sealed: MessagePack, a list of DER certificates
  code       TEXT NOT NULL DEFAULT '', -- why it ended, a stable word
  via        TEXT NOT NULL DEFAULT '', -- how the proof came
  expires_at INTEGER NOT NULL,         -- until when the person may approve; until when it is worth sending, before that
  opened_at  INTEGER,                  -- when the service took it, or may have
  ask_at     INTEGER,
  asked      INTEGER NOT NULL DEFAULT 0,
  asked_at   INTEGER,                  -- when the service last said anything to a question
  finish_at  INTEGER,                  -- when to assemble, stamp and verify what was signed; none: a person looks first
  finish_until INTEGER,                -- a finisher has it until then
  finish_fence INTEGER NOT NULL DEFAULT 0,
  finish_tries INTEGER NOT NULL DEFAULT 0,
  one_time   INTEGER REFERENCES bodies (id), -- sealed: a code that a person typed; taken once, and then destroyed
  one_times  INTEGER NOT NULL DEFAULT 0, -- how many of them attempts of this try took
  signed_at  INTEGER,
  made_at    INTEGER,
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  UNIQUE (source, name)
);
CREATE INDEX signatures_dossier ON signatures (dossier);
CREATE INDEX signatures_unit ON signatures (unit, id);
CREATE INDEX signatures_event ON signatures (event);
CREATE INDEX signatures_state ON signatures (state, id);
CREATE UNIQUE INDEX signatures_request ON signatures (service, request);
CREATE INDEX signatures_handle ON signatures (service, handle) WHERE handle IS NOT NULL;
CREATE INDEX signatures_nameless ON signatures (service, id) WHERE handle IS NULL AND state IN ('prepared', 'unknown', 'expired');
CREATE INDEX signatures_delivery ON signatures (delivery) WHERE delivery IS NOT NULL;
CREATE INDEX signatures_ask ON signatures (service, ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX signatures_finish ON signatures (finish_at) WHERE finish_at IS NOT NULL;
CREATE INDEX signatures_after ON signatures (after) WHERE after IS NOT NULL;
CREATE INDEX signatures_expiry ON signatures (expires_at)
  WHERE state IN ('blocked', 'created', 'prepared', 'unknown', 'waiting_user', 'at_desk');

CREATE TABLE signature_documents (
  signature INTEGER NOT NULL REFERENCES signatures (id),
  n         INTEGER NOT NULL,          -- from 1, in the event's order
  name      TEXT NOT NULL,             -- the source's own id of it
  form      TEXT NOT NULL CHECK (form IN ('pdf', 'xml')),
  is_result INTEGER NOT NULL,          -- whether the dossier's records show it
  continues TEXT,                      -- the document of the signature before, whose signed form this one signs further
  given     INTEGER REFERENCES documents (id),
  prepared  INTEGER REFERENCES documents (id), -- with its placeholder: frozen
  plan      BLOB,                      -- sealed: what signing/ needs to go on with (attributes, byte range, certificates)
  digest    BLOB,                      -- the 32 bytes that the service is asked to sign
  value     BLOB,                      -- the raw signature, verified
  signed    INTEGER REFERENCES documents (id),
  verdict   TEXT NOT NULL DEFAULT '',  -- passed, indeterminate, failed
  report    INTEGER REFERENCES bodies (id), -- sealed: the verification, as written
  report_commitment BLOB,
  reached   TEXT NOT NULL DEFAULT '',  -- level
  code      TEXT NOT NULL DEFAULT '',  -- why this document alone has none
  PRIMARY KEY (signature, n)
);
CREATE INDEX signature_documents_digest ON signature_documents (digest) WHERE digest IS NOT NULL;
CREATE INDEX signature_documents_signed ON signature_documents (signed) WHERE signed IS NOT NULL;

-- Tries that another one took the place of: what is told of them late is known again, and changes nothing.
CREATE TABLE signature_tries (
  signature INTEGER NOT NULL REFERENCES signatures (id),
  n         INTEGER NOT NULL,
  service   TEXT,
  request   TEXT NOT NULL,
  handle    TEXT,
  state     TEXT NOT NULL,
  code      TEXT NOT NULL,
  ended_at  INTEGER NOT NULL,
  PRIMARY KEY (signature, n)
);
CREATE INDEX signature_tries_request ON signature_tries (service, request);
CREATE INDEX signature_tries_handle ON signature_tries (service, handle) WHERE handle IS NOT NULL;

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
CREATE INDEX signature_hearings_effect ON signature_hearings (effect, at);

CREATE TABLE signature_news (
  event     INTEGER PRIMARY KEY REFERENCES events (id),
  signature INTEGER NOT NULL REFERENCES signatures (id)
);
CREATE INDEX signature_news_signature ON signature_news (signature);
