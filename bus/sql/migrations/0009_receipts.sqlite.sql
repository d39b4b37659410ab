-- Electronic receipts: one for each payment and kind, under a key that the issuer knows it by. Each change of a row is
-- bound by a move (bus/bindings.py).

CREATE TABLE payment_receipts (
  id         INTEGER PRIMARY KEY,
  payment    INTEGER NOT NULL REFERENCES payments (id),
  kind       TEXT NOT NULL CHECK (kind IN ('fee', 'charge', 'whole')),
  key        TEXT NOT NULL,
  partner    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('issued', 'adjusted', 'cancelled')), -- issued -> adjusted, issued -> cancelled
  number     TEXT NOT NULL,            -- empty where the issuer never told it
  amount     INTEGER,
  adjusts    INTEGER REFERENCES payment_receipts (id), -- the receipt that this one adjusts
  media_type TEXT,
  commitment BLOB,                     -- of the document
  body       INTEGER REFERENCES bodies (id),
  at         INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  UNIQUE (partner, key)
);
CREATE UNIQUE INDEX payment_receipts_once ON payment_receipts (payment, kind) WHERE adjusts IS NULL;
CREATE INDEX payment_receipts_payment ON payment_receipts (payment);
