-- add_outage -- A partner's circuit opened.
INSERT INTO outages (partner, opened_at, by_person, actor) VALUES (?, ?, ?, ?);

-- close_outage -- It closed.
UPDATE outages SET closed_at = max(?, opened_at) WHERE partner = ? AND closed_at IS NULL;

-- outages_of -- A partner's, the newest first.
SELECT opened_at, closed_at, by_person, actor FROM outages WHERE partner = ? ORDER BY opened_at DESC LIMIT ?;

-- outages_within -- When a partner was down on its own account, as far as it touches a time.
SELECT opened_at, closed_at FROM outages
WHERE partner = ? AND by_person = 0 AND opened_at < ? AND (closed_at IS NULL OR closed_at > ?) ORDER BY opened_at;

-- late_candidates -- Dossiers past their due date, within a stretch of numbers, that may have changed since they were judged.
SELECT o.id, coalesce(o.unit, ''), o.due_at, (SELECT max(e.id) FROM events e WHERE e.dossier = o.id), l.month, l.unit
FROM dossiers o LEFT JOIN late_dossiers l ON l.dossier = o.id AND l.partner = ?1
WHERE o.id > ?2 AND o.id <= ?3 AND (o.due_at < ?4 OR l.dossier IS NOT NULL)
  AND (l.dossier IS NULL OR l.is_final = 0 OR l.due_at IS NOT o.due_at OR l.unit <> coalesce(o.unit, '')
    OR l.last_event < (SELECT max(e.id) FROM events e WHERE e.dossier = o.id))
  AND NOT EXISTS (SELECT 1 FROM late_passed p WHERE p.dossier = o.id AND p.partner = ?1
    AND p.last_event = (SELECT max(e.id) FROM events e WHERE e.dossier = o.id))
ORDER BY o.id LIMIT ?5;

-- newest_dossier -- How far a look at all dossiers goes.
SELECT coalesce(max(id), 0) FROM dossiers;

-- late_told -- A dossier's events on their way to one partner.
SELECT e.id, e.kind, d.status, e.occurred_at, e.accepted_at, e.place, d.id, d.place, d.needs_record, e.is_adopted
FROM events e JOIN deliveries d ON d.event = e.id AND d.partner = ? WHERE e.dossier = ? ORDER BY e.id;

-- late_moves -- What became of them.
SELECT m.delivery, m.at, m.to_state, m.cause
FROM events e JOIN deliveries d ON d.event = e.id AND d.partner = ? JOIN moves m ON m.delivery = d.id
WHERE e.dossier = ? AND m.to_state IS NOT NULL ORDER BY m.id;

-- put_late -- A dossier's account.
INSERT INTO late_dossiers (dossier, partner, month, unit, due_at, ended_at, shown_at, only_sync, whole,
  office, told_late, here, partner_down, correction, unclear, other, last_event, is_final, computed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (dossier, partner) DO UPDATE SET month = excluded.month, unit = excluded.unit, due_at = excluded.due_at,
  ended_at = excluded.ended_at, shown_at = excluded.shown_at, only_sync = excluded.only_sync, whole = excluded.whole,
  office = excluded.office, told_late = excluded.told_late, here = excluded.here, partner_down = excluded.partner_down,
  correction = excluded.correction, unclear = excluded.unclear, other = excluded.other,
  last_event = excluded.last_event, is_final = excluded.is_final, computed_at = excluded.computed_at;

-- forget_late -- It is not late, or not any more: its due date moved.
DELETE FROM late_dossiers WHERE dossier = ? AND partner = ?;

-- pass_late -- It was shown in time; nobody looks again until something new is told.
INSERT INTO late_passed (dossier, partner, last_event) VALUES (?, ?, ?)
ON CONFLICT (dossier, partner) DO UPDATE SET last_event = excluded.last_event;

-- forget_late_month -- Before it is summed anew.
DELETE FROM late_months WHERE partner = ? AND month = ? AND unit = ?;

-- sum_late_month -- One unit's month.
INSERT INTO late_months (partner, month, unit, dossiers, only_sync, running, whole,
  office, told_late, here, partner_down, correction, unclear, other)
SELECT partner, month, unit, count(*), sum(only_sync), sum(is_final = 0), sum(whole),
  sum(office), sum(told_late), sum(here), sum(partner_down), sum(correction), sum(unclear), sum(other)
FROM late_dossiers WHERE partner = ? AND month = ? AND unit = ? GROUP BY partner, month, unit;

-- late_units -- Of these months.
SELECT DISTINCT unit FROM late_months WHERE partner = ? AND month >= ? AND month <= ?;

-- late_months -- What the page shows, the newest month first.
SELECT month, unit, dossiers, only_sync, running, whole, office, told_late, here, partner_down, correction, unclear, other
FROM late_months WHERE partner = ?1 AND month >= ?2 AND month <= ?3 AND (?4 IS NULL OR unit IN (SELECT value FROM json_each(?4)))
ORDER BY month DESC, unit LIMIT 5000;

-- late_dossiers -- Those of one unit and month, the longest late first.
SELECT l.dossier, o.number, l.due_at, l.ended_at, l.shown_at, l.only_sync, l.whole, l.office, l.told_late, l.here,
  l.partner_down, l.correction, l.unclear, l.other, l.computed_at
FROM late_dossiers l JOIN dossiers o ON o.id = l.dossier
WHERE l.partner = ?1 AND l.month = ?2 AND l.unit = ?3 AND (?4 IS NULL OR l.only_sync = ?4)
  AND (?5 IS NULL OR l.whole < ?5 OR (l.whole = ?5 AND l.dossier < ?6))
ORDER BY l.whole DESC, l.dossier DESC LIMIT ?7;

-- open_incidents -- What is not over.
SELECT id, cause, subject, first_at, last_at, count, most, ended_at FROM incidents WHERE ended_at IS NULL ORDER BY id;

-- list_incidents -- The newest first, of one subject or all, before a number.
SELECT id, cause, subject, first_at, last_at, count, most, ended_at FROM incidents
WHERE (?1 IS NULL OR subject = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3;

-- add_incident -- A new one.
INSERT INTO incidents (cause, subject, first_at, last_at, count, most) VALUES (?, ?, ?, ?, ?, ?);

-- put_incident -- It goes on.
UPDATE incidents SET first_at = ?, last_at = ?, count = ?, most = ? WHERE id = ?;

-- end_incident -- It is over.
UPDATE incidents SET ended_at = ? WHERE id = ?;

-- count_refusals -- How many each caller was refused since a time.
SELECT coalesce(caller, ''), count(*), min(at), max(at) FROM refusals WHERE at >= ? GROUP BY 1;

-- add_notice -- Something to be told, unless it is there.
INSERT OR IGNORE INTO notices (key, channel, cause, facts, made_at, due_at) VALUES (?, ?, ?, ?, ?, ?);

-- has_notice -- Whether anybody is, or will be, told this.
SELECT 1 FROM notices WHERE key = ? LIMIT 1;

-- due_notices -- What waits to be told, the oldest first.
SELECT id, key, cause, facts, made_at, message, tries FROM notices
WHERE channel = ? AND ended_at IS NULL AND due_at <= ? ORDER BY id LIMIT ?;

-- count_messages -- How much was said since a time.
SELECT count(DISTINCT message) FROM notices WHERE channel = ? AND is_told = 1 AND ended_at > ?;

-- take_notice -- It is in somebody's hand.
UPDATE notices SET due_at = ?, message = ?, tries = tries + 1 WHERE id = ?;

-- put_off_message -- It goes again later.
UPDATE notices SET due_at = ? WHERE channel = ? AND message = ? AND ended_at IS NULL;

-- end_message -- It was told, or given up.
UPDATE notices SET ended_at = ?, is_told = ? WHERE channel = ? AND message = ? AND ended_at IS NULL;

-- count_blocked -- Of the oldest that wait: those in lanes that nobody will claim, and nobody has.
SELECT count(*) FROM (SELECT lane FROM deliveries WHERE state = 'waiting' AND state NOT IN ('sending', 'delivered') AND partner = ? ORDER BY id LIMIT ?) d
JOIN lanes l ON l.id = d.lane WHERE l.ready_at IS NULL AND l.lease_until IS NULL;

-- newest_refused -- What a partner refused and nobody has settled yet: the number, and the code before its words.
SELECT id, CASE instr(reason, ':') WHEN 0 THEN reason ELSE substr(reason, 1, instr(reason, ':') - 1) END
FROM deliveries WHERE state = 'refused' AND partner = ? AND state NOT IN ('sending', 'delivered') ORDER BY id DESC LIMIT ?;

-- last_attempt -- How many there are.
SELECT coalesce(max(id), 0) FROM attempts;

-- attempt_from -- The first one with at least this number, and when it began.
SELECT id, started_at FROM attempts WHERE id >= ? ORDER BY id LIMIT 1;

-- calls_of_attempts -- When these attempts' calls to a partner went out, and how long each answer took.
SELECT x.sent_at, x.took_us FROM json_each(?1) n JOIN attempts a ON a.id = n.value JOIN deliveries d ON d.id = a.delivery
  JOIN json_each(a.exchanges) e JOIN exchanges x ON x.id = e.value
WHERE d.partner = ?2 AND x.sent_at >= ?3 AND x.trouble IS NULL;
