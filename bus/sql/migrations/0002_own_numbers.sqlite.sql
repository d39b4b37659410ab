-- What a one-stop system calls the dossiers that were filed on the national portal: it says so when it takes them.

CREATE TABLE own_numbers (
  national_number TEXT PRIMARY KEY,        -- under which the portal filed it
  own_number      TEXT NOT NULL UNIQUE,    -- under which the one-stop system speaks of it from then on
  delivery        INTEGER NOT NULL,        -- that the one-stop system acknowledged with this number
  learned_at      INTEGER NOT NULL
) WITHOUT ROWID;
