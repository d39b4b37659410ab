-- Who may use the console, who is signed in, and who saw or did what.

CREATE TABLE roles (
  name   TEXT PRIMARY KEY,
  rights TEXT NOT NULL                -- JSON array, sorted
) WITHOUT ROWID;

CREATE TABLE accounts (
  name        TEXT PRIMARY KEY,
  shown       TEXT NOT NULL,
  password    TEXT,                   -- an argon2 string; NULL: signs in at the provider only
  issuer      TEXT,
  subject     TEXT,                   -- how the provider calls it
  roles       TEXT NOT NULL,          -- JSON array, sorted
  units       TEXT,                   -- JSON array, sorted; NULL: every unit
  language    TEXT NOT NULL CHECK (language IN ('vi', 'en')),
  made_at     INTEGER NOT NULL,
  disabled_at INTEGER,
  UNIQUE (issuer, subject),
  CHECK ((password IS NULL) = (subject IS NOT NULL) AND (issuer IS NULL) = (subject IS NULL))
) WITHOUT ROWID;

CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY,
  token      BLOB NOT NULL UNIQUE,    -- SHA-256; the token itself was shown once
  account    TEXT NOT NULL REFERENCES accounts (name),
  opened_at  INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,        -- moves on while the session is used, never past its longest
  ended_at   INTEGER,
  address    TEXT NOT NULL,
  agent      TEXT NOT NULL
);
CREATE INDEX sessions_account ON sessions (account, id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Tries to sign in that did not succeed, for all processes together; what was typed stands here as a keyed hash.
CREATE TABLE login_tries (
  who      BLOB PRIMARY KEY,          -- an account, an address, or both together
  failures INTEGER NOT NULL,
  at       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX login_tries_least ON login_tries (failures, at);

-- Answers of the provider that are still expected: each is good once.
CREATE TABLE sso_waiting (
  state      BLOB PRIMARY KEY,        -- SHA-256
  kept       TEXT NOT NULL,           -- JSON: nonce, code verifier, where to go then
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sso_waiting_expiry ON sso_waiting (expires_at);

-- Who saw or did what; each row is bound by a move of the installation's chain.
CREATE TABLE audit (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  actor    TEXT NOT NULL,
  act      TEXT NOT NULL,
  dossier  TEXT,
  delivery INTEGER,
  subject  TEXT NOT NULL,
  reason   TEXT NOT NULL,
  address  TEXT NOT NULL
);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_act ON audit (act, id);
CREATE INDEX audit_dossier ON audit (dossier, id) WHERE dossier IS NOT NULL;
CREATE INDEX audit_at ON audit (at, id);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
