-- Documents: what lies in the store, known here by its digest. Content is never in the ledger; names of documents stand
-- in the events that named them.

CREATE TABLE documents (
  id         INTEGER PRIMARY KEY,
  dossier    INTEGER NOT NULL REFERENCES dossiers (id),
  sha256     TEXT NOT NULL,            -- lower-case hex; of the content, and its name in the store
  size       INTEGER NOT NULL CHECK (size > 0),
  media_type TEXT NOT NULL,
  role       TEXT NOT NULL CHECK (role IN ('given', 'prepared', 'signed', 'uploaded')),
  came_from  TEXT NOT NULL DEFAULT '', -- host it was fetched from, account that uploaded it, or empty: made here
  scanned    TEXT NOT NULL DEFAULT 'not_scanned' CHECK (scanned IN ('not_scanned', 'clean')),
  at         INTEGER NOT NULL,
  UNIQUE (dossier, sha256, role)
);

-- A place at which one signed document may be handed in once: by the agent on an official's desk.
CREATE TABLE upload_tickets (
  id         INTEGER PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,     -- SHA-256 of the ticket: nobody reads a ticket off the ledger
  signature  INTEGER NOT NULL,         -- whose document is expected
  n          INTEGER NOT NULL,         -- which of its documents
  account    TEXT NOT NULL,            -- who asked for it, and whom the signature must be of
  expires_at INTEGER NOT NULL,
  used_at    INTEGER,
  document   INTEGER REFERENCES documents (id),
  verdict    TEXT NOT NULL DEFAULT ''
);
