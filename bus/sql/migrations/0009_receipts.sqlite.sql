-- Electronic receipts: one for each payment and kind, under a key that the issuer knows it by.

CREATE TABLE payment_receipts (
  id         INTEGER PRIMARY KEY,
  payment    INTEGER NOT NULL REFERENCES payments (id),
  kind       TEXT NOT NULL,            -- fee, charge, or whole
  key        TEXT NOT NULL,
  partner    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('issued', 'cancelled')),
  number     TEXT NOT NULL,
  media_type TEXT,
  digest     BLOB,
  body       INTEGER REFERENCES bodies (id),
  at         INTEGER NOT NULL,
  UNIQUE (payment, kind),
  UNIQUE (partner, key)
);
