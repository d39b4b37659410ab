-- What the console watches by. Every index here is one that most events do not touch.

-- How many deliveries came into a state and went out of it, by the minute of their moves; kept in the transaction that
-- makes the moves, as the tallies are. `sending` is left out: it lasts seconds, and would double the rows.
-- partner '' counts events; state 'accepted' counts what is new.
CREATE TABLE pace (
  minute  INTEGER NOT NULL,           -- minutes since 1970
  partner TEXT NOT NULL,
  state   TEXT NOT NULL,
  came    INTEGER NOT NULL,
  went    INTEGER NOT NULL,
  PRIMARY KEY (minute, partner, state)
) WITHOUT ROWID;

-- What was rolled up when its minutes grew old.
CREATE TABLE pace_hours (
  hour    INTEGER NOT NULL,           -- hours since 1970
  partner TEXT NOT NULL,
  state   TEXT NOT NULL,
  came    INTEGER NOT NULL,
  went    INTEGER NOT NULL,
  PRIMARY KEY (hour, partner, state)
) WITHOUT ROWID;

-- A unit with few dossiers is found without looking through everybody's. Written once for a dossier.
CREATE INDEX dossiers_unit ON dossiers (unit) WHERE unit IS NOT NULL;

-- Deadlines that still run, the nearest first: a dossier that came to its end is not in it.
CREATE INDEX dossiers_due ON dossiers (due_at)
  WHERE due_at IS NOT NULL AND status NOT IN ('not_accepted', 'withdrawn', 'stopped', 'completed', 'returned');
