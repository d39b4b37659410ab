-- add_to_pace -- Deliveries that came into a state in a minute, and that went out of it.
INSERT INTO pace (minute, partner, state, came, went) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (minute, partner, state) DO UPDATE SET came = came + excluded.came, went = went + excluded.went;

-- pace_minutes -- Minute by minute, or by so many minutes; of one partner or of all.
SELECT minute / ?4 * ?4 AS step, partner, state, sum(came), sum(went) FROM pace
WHERE minute >= ?1 AND minute < ?2 AND (?3 IS NULL OR partner = ?3) GROUP BY step, partner, state ORDER BY step;

-- pace_in_hours -- Hour by hour, whether its minutes are still here or not.
SELECT hour, partner, state, sum(came), sum(went) FROM (
  SELECT hour, partner, state, came, went FROM pace_hours WHERE hour >= ?1 AND hour < ?2
  UNION ALL SELECT minute / 60, partner, state, came, went FROM pace WHERE minute >= ?1 * 60 AND minute < ?2 * 60)
WHERE ?3 IS NULL OR partner = ?3 GROUP BY hour, partner, state ORDER BY hour;

-- oldest_pace_minute -- Which minute is to be rolled up next.
SELECT min(minute) FROM pace;

-- roll_pace_up -- The minutes of one hour become the hour.
INSERT INTO pace_hours (hour, partner, state, came, went)
SELECT minute / 60, partner, state, sum(came), sum(went) FROM pace WHERE minute >= ?1 * 60 AND minute < (?1 + 1) * 60
GROUP BY minute / 60, partner, state
ON CONFLICT (hour, partner, state) DO UPDATE SET came = came + excluded.came, went = went + excluded.went;

-- forget_pace_minutes -- They are in their hour now.
DELETE FROM pace WHERE minute >= ?1 * 60 AND minute < (?1 + 1) * 60;

-- pace_since -- Since when it is counted here: a ledger may be older.
SELECT applied_at FROM schema_versions WHERE version = 4;
