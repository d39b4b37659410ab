-- What the console knows of time: outages, incidents and their notices, and whose hands an overdue dossier was in.

-- When a partner's circuit was open; written in the transaction that opened or closed it.
CREATE TABLE outages (
  id        INTEGER PRIMARY KEY,
  partner   TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,                  -- NULL while it is open
  by_person INTEGER NOT NULL,         -- 1: a person opened it, and nobody need be told
  actor     TEXT NOT NULL
);
CREATE INDEX outages_partner ON outages (partner, opened_at);
CREATE UNIQUE INDEX outages_open ON outages (partner) WHERE closed_at IS NULL;

-- Many failures of one cause are one incident, over all processes.
CREATE TABLE incidents (
  id       INTEGER PRIMARY KEY,
  cause    TEXT NOT NULL,             -- a stable code of bus/incidents.py
  subject  TEXT NOT NULL,             -- partner, source or setting; never a person or a dossier
  first_at INTEGER NOT NULL,
  last_at  INTEGER NOT NULL,          -- when it was last so
  count    INTEGER NOT NULL,
  most     INTEGER NOT NULL,          -- the most that waited meanwhile
  ended_at INTEGER
);
CREATE UNIQUE INDEX incidents_open ON incidents (cause, subject) WHERE ended_at IS NULL;
CREATE INDEX incidents_subject ON incidents (subject, id);

-- What somebody is to be told. A key is written once, whoever thinks of it, so that two workers tell it once.
CREATE TABLE notices (
  id       INTEGER PRIMARY KEY,
  key      TEXT NOT NULL,             -- partner_down:17, key_ends:SETTING:2026-12-31:30
  channel  TEXT NOT NULL,             -- email, webhook
  cause    TEXT NOT NULL,
  facts    TEXT NOT NULL,             -- JSON
  made_at  INTEGER NOT NULL,
  due_at   INTEGER NOT NULL,          -- later than made_at: the last try failed, or another worker has it in hand
  tries    INTEGER NOT NULL DEFAULT 0,
  message  TEXT,                      -- the message that told it; several notices may share one
  ended_at INTEGER,                   -- told, or given up
  is_told  INTEGER NOT NULL DEFAULT 0,
  UNIQUE (key, channel)
);
CREATE INDEX notices_open ON notices (channel, id) WHERE ended_at IS NULL;
CREATE INDEX notices_told ON notices (channel, ended_at) WHERE is_told = 1;

-- Whose hands an overdue dossier was in, counted from its due date on; milliseconds, and the parts sum to the whole.
CREATE TABLE late_dossiers (
  dossier      INTEGER NOT NULL,
  partner      TEXT NOT NULL,
  month        INTEGER NOT NULL,      -- of the due date in Vietnam: year * 12 + month - 1
  unit         TEXT NOT NULL,         -- '' where its record names none
  due_at       INTEGER NOT NULL,
  ended_at     INTEGER,               -- the true end, by its source
  shown_at     INTEGER,               -- when the partner had that end
  only_sync    INTEGER NOT NULL,      -- 1: it ended in time and was shown late
  whole        INTEGER NOT NULL,
  office       INTEGER NOT NULL,
  told_late    INTEGER NOT NULL,
  here         INTEGER NOT NULL,
  partner_down INTEGER NOT NULL,
  correction   INTEGER NOT NULL,
  unclear      INTEGER NOT NULL,
  other        INTEGER NOT NULL,
  last_event   INTEGER NOT NULL,      -- known when it was computed: a newer one makes it be computed anew
  is_final     INTEGER NOT NULL,
  computed_at  INTEGER NOT NULL,
  PRIMARY KEY (dossier, partner)
) WITHOUT ROWID;
CREATE INDEX late_dossiers_month ON late_dossiers (partner, month, unit, whole);

-- What was looked at and is not late, by the newest event known then: nobody looks again until it tells something.
CREATE TABLE late_passed (
  dossier    INTEGER NOT NULL,
  partner    TEXT NOT NULL,
  last_event INTEGER NOT NULL,
  PRIMARY KEY (dossier, partner)
) WITHOUT ROWID;

-- The same as late_dossiers, summed: what the page reads.
CREATE TABLE late_months (
  partner      TEXT NOT NULL,
  month        INTEGER NOT NULL,
  unit         TEXT NOT NULL,
  dossiers     INTEGER NOT NULL,
  only_sync    INTEGER NOT NULL,
  running      INTEGER NOT NULL,      -- of them not at their end, or not shown yet
  whole        INTEGER NOT NULL,
  office       INTEGER NOT NULL,
  told_late    INTEGER NOT NULL,
  here         INTEGER NOT NULL,
  partner_down INTEGER NOT NULL,
  correction   INTEGER NOT NULL,
  unclear      INTEGER NOT NULL,
  other        INTEGER NOT NULL,
  PRIMARY KEY (partner, month, unit)
) WITHOUT ROWID;
