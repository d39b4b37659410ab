-- look_back -- Deliveries from one number down to another, the newest first, that fit.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, o.number, e.source, e.event_id, e.kind, o.unit
FROM deliveries d CROSS JOIN events e ON e.id = d.event CROSS JOIN dossiers o ON o.id = e.dossier
WHERE d.id < ?9 AND d.id >= ?10
  AND (?1 IS NULL OR d.partner = ?1) AND (?2 IS NULL OR d.state IN (SELECT value FROM json_each(?2)))
  AND (?3 IS NULL OR d.cause = ?3) AND (?4 IS NULL OR d.accepted_at >= ?4) AND (?5 IS NULL OR d.accepted_at < ?5)
  AND (?6 IS NULL OR e.kind = ?6) AND (?7 IS NULL OR e.source = ?7)
  AND (?8 IS NULL OR o.unit IN (SELECT value FROM json_each(?8)))
ORDER BY d.id DESC LIMIT ?11;

-- look_at_ids -- Those of these deliveries that fit.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, o.number, e.source, e.event_id, e.kind, o.unit
FROM json_each(?9) j CROSS JOIN deliveries d ON d.id = j.value CROSS JOIN events e ON e.id = d.event
  CROSS JOIN dossiers o ON o.id = e.dossier
WHERE (?1 IS NULL OR d.partner = ?1) AND (?2 IS NULL OR d.state IN (SELECT value FROM json_each(?2)))
  AND (?3 IS NULL OR d.cause = ?3) AND (?4 IS NULL OR d.accepted_at >= ?4) AND (?5 IS NULL OR d.accepted_at < ?5)
  AND (?6 IS NULL OR e.kind = ?6) AND (?7 IS NULL OR e.source = ?7)
  AND (?8 IS NULL OR o.unit IN (SELECT value FROM json_each(?8)));

-- look_open_ids -- Open and laid-aside deliveries of a partner in a state, the newest first.
SELECT id FROM deliveries WHERE state = ?1 AND partner = ?2 AND id < ?3 AND id >= ?4 AND state NOT IN ('sending', 'delivered')
ORDER BY id DESC LIMIT ?5;

-- look_sending_ids -- What is on its way to a partner: as many as calls are allowed at once.
SELECT head FROM lanes WHERE partner = ?1 AND lease_until IS NOT NULL AND head < ?2 AND head >= ?3 LIMIT ?4;

-- look_lanes -- A dossier's lanes.
SELECT l.id FROM dossiers o CROSS JOIN lanes l ON l.dossier = o.id WHERE o.number = ?;

-- look_lane_ids -- Deliveries of one lane, the newest first.
SELECT id FROM deliveries WHERE lane = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4;

-- look_unit_size -- How many dossiers a unit has, as far as it matters.
SELECT count(*) FROM (SELECT 1 FROM dossiers WHERE unit = ?1 LIMIT ?2);

-- look_unit_ids -- Deliveries of a unit's dossiers.
SELECT d.id FROM dossiers o CROSS JOIN lanes l ON l.dossier = o.id CROSS JOIN deliveries d ON d.lane = l.id
WHERE o.unit = ?1 AND d.id < ?2 AND d.id >= ?3 LIMIT ?4;

-- look_ends -- The first and the last delivery.
SELECT (SELECT min(id) FROM deliveries), (SELECT max(id) FROM deliveries);

-- look_time -- When a delivery, or the next one after it, was accepted.
SELECT accepted_at FROM deliveries WHERE id >= ? ORDER BY id LIMIT 1;

-- look_units -- Every unit, by leaps through the index.
WITH RECURSIVE leaps (unit) AS (SELECT (SELECT min(unit) FROM dossiers WHERE unit >= '')
  UNION ALL SELECT (SELECT min(unit) FROM dossiers WHERE unit > leaps.unit) FROM leaps WHERE leaps.unit IS NOT NULL)
SELECT unit FROM leaps WHERE unit IS NOT NULL LIMIT ?;

-- look_sources -- Every source, by leaps through the index.
WITH RECURSIVE leaps (source) AS (SELECT (SELECT min(source) FROM events WHERE source >= '')
  UNION ALL SELECT (SELECT min(source) FROM events WHERE source > leaps.source) FROM leaps WHERE leaps.source IS NOT NULL)
SELECT source FROM leaps WHERE source IS NOT NULL LIMIT ?;

-- look_moves -- What moved since: deliveries only.
SELECT id, delivery FROM moves WHERE id > ? ORDER BY id LIMIT ?;

-- look_numbers -- Dossiers whose number begins so.
SELECT number, own, procedure, unit, status, received_at, due_at FROM (
  SELECT o.id, o.number, o.national_number AS own, o.procedure, o.unit, o.status, o.received_at, o.due_at FROM dossiers o
  WHERE o.number >= ?1 AND o.number < ?2 ORDER BY o.number DESC LIMIT ?3) o
WHERE ?4 IS NULL OR o.unit IN (SELECT value FROM json_each(?4)) LIMIT ?5;

-- look_national -- Dossiers whose national number begins so, as their records say it.
SELECT number, own, procedure, unit, status, received_at, due_at FROM (
  SELECT o.id, o.number, o.national_number AS own, o.procedure, o.unit, o.status, o.received_at, o.due_at FROM dossiers o
  WHERE o.national_number >= ?1 AND o.national_number < ?2 AND o.national_number IS NOT NULL
  ORDER BY o.national_number DESC LIMIT ?3) o
WHERE ?4 IS NULL OR o.unit IN (SELECT value FROM json_each(?4)) LIMIT ?5;

-- look_own -- Dossiers whose national number begins so, as the one-stop system acknowledged it.
SELECT number, own, procedure, unit, status, received_at, due_at FROM (
  SELECT o.id, o.number, n.national_number AS own, o.procedure, o.unit, o.status, o.received_at, o.due_at
  FROM own_numbers n CROSS JOIN dossiers o ON o.number = n.own_number
  WHERE n.national_number >= ?1 AND n.national_number < ?2 ORDER BY n.national_number DESC LIMIT ?3) o
WHERE ?4 IS NULL OR o.unit IN (SELECT value FROM json_each(?4)) LIMIT ?5;

-- look_term_size -- How many dossiers a keyed hash finds, as far as it matters.
SELECT count(*) FROM (SELECT 1 FROM search_terms WHERE term = ?1 LIMIT ?2);

-- look_terms -- Dossiers that the first keyed hash finds, the newest of them, and all the others find too.
SELECT o.number, o.national_number, o.procedure, o.unit, o.status, o.received_at, o.due_at
FROM (SELECT dossier FROM search_terms WHERE term = ?1 ORDER BY dossier DESC LIMIT ?2) t CROSS JOIN dossiers o ON o.id = t.dossier
WHERE (?5 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?5 AND s.dossier = t.dossier))
  AND (?6 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?6 AND s.dossier = t.dossier))
  AND (?7 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?7 AND s.dossier = t.dossier))
  AND (?8 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?8 AND s.dossier = t.dossier))
  AND (?9 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?9 AND s.dossier = t.dossier))
  AND (?10 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?10 AND s.dossier = t.dossier))
  AND (?11 IS NULL OR EXISTS (SELECT 1 FROM search_terms s WHERE s.term = ?11 AND s.dossier = t.dossier))
  AND (?3 IS NULL OR o.unit IN (SELECT value FROM json_each(?3)))
LIMIT ?4;

-- look_oldest -- Open deliveries of a partner in a state, the oldest first, among the oldest so many.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, o.number, e.source, e.event_id, e.kind, o.unit
FROM (SELECT id FROM deliveries WHERE state = ?1 AND partner = ?2 AND state NOT IN ('sending', 'delivered') ORDER BY id LIMIT ?3) t
  CROSS JOIN deliveries d ON d.id = t.id CROSS JOIN events e ON e.id = d.event CROSS JOIN dossiers o ON o.id = e.dossier
WHERE (?4 IS NULL OR o.unit IN (SELECT value FROM json_each(?4)))
  AND (?5 IS NULL OR d.changed_at < ?5)
LIMIT ?6;

-- look_due -- Dossiers whose deadline runs, the nearest first, among the nearest so many.
SELECT number, national_number, procedure, unit, status, received_at, due_at FROM (
  SELECT o.number, o.national_number, o.procedure, o.unit, o.status, o.received_at, o.due_at FROM dossiers o
  WHERE o.due_at IS NOT NULL AND o.status NOT IN ('not_accepted', 'withdrawn', 'stopped', 'completed', 'returned')
    AND o.due_at >= ?1 AND o.due_at < ?2 ORDER BY o.due_at LIMIT ?3) o
WHERE ?4 IS NULL OR o.unit IN (SELECT value FROM json_each(?4)) LIMIT ?5;

-- look_gaps -- Dossiers of a numbered source that wait behind a gap, the longest first.
SELECT s.gap_since, o.number, s.source, s.next, o.unit FROM (SELECT dossier, source, next, gap_since FROM sequences
  WHERE gap_since IS NOT NULL AND gap_since <= ?1 ORDER BY gap_since LIMIT ?2) s CROSS JOIN dossiers o ON o.id = s.dossier
WHERE ?3 IS NULL OR o.unit IN (SELECT value FROM json_each(?3)) LIMIT ?4;
