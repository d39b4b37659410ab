-- What operators press: keys that make a double click one act, frozen selections, runs over them, and corrections.

-- Pressed keys with the first result. A key is good for half a day, and its row is kept longer than that.
CREATE TABLE presses (
  key        TEXT PRIMARY KEY,        -- the key's random part
  account    TEXT NOT NULL,
  act        TEXT NOT NULL,
  target     TEXT NOT NULL,
  pressed_at INTEGER NOT NULL,
  result     TEXT NOT NULL            -- JSON, as the first press was answered
) WITHOUT ROWID;
CREATE INDEX presses_time ON presses (pressed_at);

-- A frozen list of deliveries: what is shown, approved and run is this list, or nothing is.
CREATE TABLE selections (
  id       INTEGER PRIMARY KEY,
  act      TEXT NOT NULL CHECK (act IN ('replay', 'release', 'cancel', 'resolve')),
  how      TEXT NOT NULL DEFAULT '',  -- of resolve: arrived, send_again, go_on
  account  TEXT NOT NULL,             -- who froze it
  reason   TEXT NOT NULL,
  made_of  TEXT NOT NULL,             -- JSON: the filter, or {} for ticked rows
  units    TEXT,                      -- JSON: the units that its maker is limited to; NULL for all
  made_at  INTEGER NOT NULL,
  count    INTEGER NOT NULL CHECK (count > 0),
  digest   TEXT NOT NULL              -- over act, how, and of each item its id and what it stood at
);

CREATE TABLE selection_items (
  selection  INTEGER NOT NULL REFERENCES selections (id),
  n          INTEGER NOT NULL,        -- from 1; those of one dossier at one partner in their order
  delivery   INTEGER NOT NULL,
  state      TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  move       INTEGER NOT NULL,        -- its newest: two changes within a millisecond are still two
  would      TEXT NOT NULL,           -- what the dry run said when it was frozen
  PRIMARY KEY (selection, n)
) WITHOUT ROWID;

CREATE TABLE runs (
  id           INTEGER PRIMARY KEY,
  selection    INTEGER NOT NULL UNIQUE REFERENCES selections (id), -- two who press at once start one run
  state        TEXT NOT NULL CHECK (state IN (
    'asked',     -- waits for another person; asked -> running | declined | expired
    'running',   -- running -> paused | stopped | done
    'paused',    -- paused -> running | stopped
    'stopped',   -- by a person; final
    'done',      -- every item was looked at; final
    'declined',  -- the other person said no; final
    'expired')), -- nobody looked in time; final
  rate         REAL NOT NULL,         -- items a second
  digest       TEXT NOT NULL,         -- of the selection, as it was asked for and approved
  asked_by     TEXT NOT NULL,
  carried_by   TEXT NOT NULL,         -- under whose rights: who asked, or who last let it go on
  asked_at     INTEGER NOT NULL,
  expires_at   INTEGER,               -- of the question to another person
  decided_by   TEXT,                  -- who approved or declined
  decided_at   INTEGER,
  next         INTEGER NOT NULL DEFAULT 1, -- the item that comes next
  ended_at     INTEGER,
  lease_until  INTEGER,
  owner        TEXT,
  fence        INTEGER NOT NULL DEFAULT 0,
  halted_for   TEXT                   -- why it paused by itself: no_account, no_right, other_units
);
CREATE INDEX runs_open ON runs (state, id);

CREATE TABLE run_items (
  run     INTEGER NOT NULL REFERENCES runs (id),
  n       INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  outcome TEXT NOT NULL,              -- the state it stands in now, or why nothing was done
  PRIMARY KEY (run, n)
) WITHOUT ROWID;

-- Which event was corrected by which; the corrected one stays as it was told.
CREATE TABLE corrections (
  event    INTEGER PRIMARY KEY REFERENCES events (id), -- the new one
  of_event INTEGER NOT NULL,          -- the one that it stands for
  root     INTEGER NOT NULL,          -- the event of the source: its outcomes are told under this one's name
  delivery INTEGER NOT NULL           -- that was held, refused or to be replaced
);
CREATE INDEX corrections_of ON corrections (of_event);
