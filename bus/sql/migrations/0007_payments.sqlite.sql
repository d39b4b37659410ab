-- Payments: what is due, each try at a gateway, and everything that a gateway ever told. Amounts are whole đồng.
-- Each change is bound by a move, field by field as bus/payment_evidence.py names them: `payment_changed` binds the
-- payment with its attempts as they stand, `payment_heard` one hearing; the row's number begins the move's reason.

CREATE TABLE payments (
  id           INTEGER PRIMARY KEY,
  source       TEXT NOT NULL,
  name         TEXT NOT NULL,          -- the source's own number of this payment
  dossier      INTEGER NOT NULL REFERENCES dossiers (id),
  event        INTEGER NOT NULL REFERENCES events (id),
  amount       INTEGER NOT NULL CHECK (amount > 0),
  currency     TEXT NOT NULL,
  unit         TEXT,
  procedure    TEXT,
  kinds        TEXT NOT NULL DEFAULT '', -- kinds of its fees: fee, charge
  fees         TEXT NOT NULL DEFAULT '[]', -- JSON: kind, code, name and amount of each
  number       INTEGER NOT NULL DEFAULT 0, -- in the references of its attempts
  gateway      TEXT,
  receipts     TEXT NOT NULL DEFAULT 'none',
  issuer       TEXT,                   -- the partner that writes or fetches its receipts
  account      TEXT,                   -- the beneficiary's, as in force when it was asked for
  account_bank TEXT,
  account_name TEXT,
  state        TEXT NOT NULL CHECK (state IN (
    'created', 'unknown', 'open', 'pending', 'paid', 'failed', 'expired', 'not_opened', 'paid_at_counter',
    'refund_pending', 'partly_refunded', 'refunded')),
  expires_at   INTEGER NOT NULL,
  paid_attempt INTEGER,
  paid_at      INTEGER,
  refunded     INTEGER NOT NULL DEFAULT 0,
  receipted_at INTEGER,
  created_at   INTEGER NOT NULL,
  changed_at   INTEGER NOT NULL,
  UNIQUE (source, name)
);
CREATE INDEX payments_dossier ON payments (dossier);
CREATE INDEX payments_state ON payments (state, id);
CREATE INDEX payments_unit ON payments (unit, id);
CREATE INDEX payments_expiry ON payments (expires_at) WHERE state IN ('created', 'unknown', 'open', 'pending');

CREATE TABLE payment_attempts (
  id          INTEGER PRIMARY KEY,
  payment     INTEGER NOT NULL REFERENCES payments (id),
  n           INTEGER NOT NULL,
  partner     TEXT NOT NULL,
  reference   TEXT NOT NULL,           -- durable before anything is sent under it
  delivery    INTEGER,
  state       TEXT NOT NULL CHECK (state IN (
    'created', 'unknown', 'open', 'pending', 'paid', 'failed', 'expired', 'not_opened', 'closed')),
  made_at     INTEGER NOT NULL,        -- the time that opening and questions name
  opened_at   INTEGER,
  open_until  INTEGER,
  offer       INTEGER REFERENCES bodies (id), -- sealed: address of the gateway's page, text of the QR
  offer_commitment BLOB,
  transaction_id TEXT,
  amount      INTEGER,                 -- as told by the gateway
  bank        TEXT,
  paid_at     INTEGER,
  paid_time   TEXT,                    -- as told, for gateways that want it back
  code        TEXT NOT NULL DEFAULT '',
  ask_at      INTEGER,
  asked       INTEGER NOT NULL DEFAULT 0,
  asked_at    INTEGER,
  lease_until INTEGER,
  changed_at  INTEGER NOT NULL,
  UNIQUE (partner, reference),
  UNIQUE (payment, n)
);
CREATE UNIQUE INDEX payment_attempts_transaction ON payment_attempts (partner, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX payment_attempts_ask ON payment_attempts (partner, ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX payment_attempts_delivery ON payment_attempts (delivery);

CREATE TABLE payment_hearings (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  partner    TEXT NOT NULL,
  reference  TEXT NOT NULL,
  attempt    INTEGER,
  via        TEXT NOT NULL,
  verdict    TEXT NOT NULL,
  effect     TEXT NOT NULL,
  transaction_id TEXT,
  amount     INTEGER,
  currency   TEXT,
  code       TEXT NOT NULL DEFAULT '',
  address    TEXT NOT NULL DEFAULT '',
  key_id     TEXT,                     -- which of our secrets matched
  commitment BLOB NOT NULL,
  body       INTEGER NOT NULL REFERENCES bodies (id)
);
CREATE INDEX payment_hearings_attempt ON payment_hearings (attempt);

-- What is known of an attempt and of its payment, for whatever is told of it.
CREATE VIEW attempts_known AS
SELECT a.id, a.payment, a.n, a.partner, a.reference, a.delivery, a.state, a.made_at, a.opened_at, a.transaction_id, a.paid_at,
  a.ask_at, a.asked, p.state AS payment_state, p.amount, p.currency, p.expires_at, p.paid_attempt, p.source, p.name, p.event,
  p.dossier, o.number AS dossier_number, (SELECT max(n) FROM payment_attempts l WHERE l.payment = p.id) AS last
FROM payment_attempts a JOIN payments p ON p.id = a.payment JOIN dossiers o ON o.id = p.dossier;

-- What the ledger told of a payment, as events of its own.
CREATE TABLE payment_news (
  event   INTEGER PRIMARY KEY REFERENCES events (id),
  payment INTEGER NOT NULL,
  refund  INTEGER
);
CREATE INDEX payment_news_payment ON payment_news (payment);
