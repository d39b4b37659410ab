-- What a person decides about money: tasks, refunds under four eyes, accounts that fees are paid to.

CREATE TABLE payment_tasks (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  kind      TEXT NOT NULL,
  payment   INTEGER,
  attempt   INTEGER,
  cause     TEXT NOT NULL DEFAULT '',  -- makes it the only one of its kind: a transaction, a file's row
  partner   TEXT NOT NULL DEFAULT '',
  amount    INTEGER,
  detail    TEXT NOT NULL DEFAULT '',
  closed_at INTEGER,
  closed_by TEXT,
  close_reason TEXT
);
CREATE UNIQUE INDEX payment_tasks_once ON payment_tasks (kind, ifnull(payment, 0), cause);
CREATE INDEX payment_tasks_open ON payment_tasks (id) WHERE closed_at IS NULL;
CREATE INDEX payment_tasks_payment ON payment_tasks (payment);

CREATE TABLE refunds (
  id          INTEGER PRIMARY KEY,
  payment     INTEGER NOT NULL REFERENCES payments (id),
  name        TEXT NOT NULL,
  event       INTEGER REFERENCES events (id),
  delivery    INTEGER,
  attempt     INTEGER,                 -- of whose money it is paid back
  task        INTEGER,                 -- set where it pays back what that attempt's own success does not account for
  amount      INTEGER NOT NULL CHECK (amount > 0),
  reason      TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN (
    'requested', 'approved', 'pending', 'unclear', 'refunded', 'rejected', 'offline')),
  request_key TEXT NOT NULL UNIQUE,    -- durable before anything is sent under it
  requested_by TEXT NOT NULL,
  approved_by TEXT,
  partner_reference TEXT,
  document    TEXT,
  is_offline  INTEGER NOT NULL DEFAULT 0, -- by transfer, for the gateway has no message for it
  partner     TEXT NOT NULL DEFAULT '',
  ask_at      INTEGER,
  created_at  INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  UNIQUE (payment, name)
);
CREATE INDEX refunds_state ON refunds (state, id);
CREATE INDEX refunds_attempt ON refunds (attempt);
CREATE INDEX refunds_delivery ON refunds (delivery);
CREATE INDEX refunds_ask ON refunds (partner, ask_at) WHERE ask_at IS NOT NULL;

CREATE TABLE beneficiaries (
  id          INTEGER PRIMARY KEY,
  unit        TEXT NOT NULL,           -- code or prefix; '' for all
  procedure   TEXT NOT NULL DEFAULT '',
  fee_kind    TEXT NOT NULL DEFAULT '',
  account     TEXT NOT NULL,
  bank        TEXT NOT NULL,
  name        TEXT NOT NULL,
  valid_from  INTEGER NOT NULL,
  valid_until INTEGER,
  replaces    INTEGER,                 -- ends this row where it begins, once it is approved
  proposed_at INTEGER NOT NULL,
  proposed_by TEXT NOT NULL,
  reason      TEXT NOT NULL,
  approved_at INTEGER,
  approved_by TEXT,
  rejected_at INTEGER,
  rejected_by TEXT
);
