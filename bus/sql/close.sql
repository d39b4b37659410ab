-- newest_events_of_dossier -- The newest first; a dossier's page shows so many.
SELECT id, source, event_id, kind, sequence, occurred_at, accepted_at, digest, is_adopted, place
FROM events WHERE dossier = ? ORDER BY id DESC LIMIT ?;

-- newest_moves_of_dossier -- The newest first, with what their deliveries carry.
SELECT m.id, m.at, m.delivery, m.from_state, m.to_state, m.cause, m.reason, m.actor, d.partner, e.event_id, e.kind, e.source, d.status
FROM events e CROSS JOIN deliveries d ON d.event = e.id CROSS JOIN moves m ON m.delivery = d.id
WHERE e.dossier = ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3;

-- dossier_named -- By its national number: its own one.
SELECT number FROM dossiers WHERE national_number = ?1 UNION SELECT own_number FROM own_numbers WHERE national_number = ?1 LIMIT 1;

-- delivery_place -- Whose it is: its event, its dossier, that one's unit.
SELECT d.event, o.number, o.unit, o.id FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier WHERE d.id = ?;

-- newest_attempts_of_delivery -- A page of them, the newest first.
SELECT id, n, worker, started_at, outcome, code, reason, exchanges FROM attempts WHERE delivery = ? AND id < ? ORDER BY id DESC LIMIT ?;

-- newest_moves_of_delivery -- A page of them, the newest first.
SELECT id, at, from_state, to_state, cause, reason, actor FROM moves WHERE delivery = ? ORDER BY id DESC LIMIT ?;

-- attempt_with -- The attempt of this delivery that made this call.
SELECT a.id, a.n FROM attempts a
WHERE a.delivery = ?1 AND EXISTS (SELECT 1 FROM json_each(a.exchanges) WHERE value = ?2) LIMIT 1;

-- refusals_before -- A page of them, the newest first; those of a time, a caller, a code, a route.
SELECT reference, at, route, caller, code, status, rules, base, id FROM refusals
WHERE id < ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR at < ?3) AND (?4 IS NULL OR caller = ?4)
  AND (?5 IS NULL OR code = ?5) AND (?6 IS NULL OR route = ?6) ORDER BY id DESC LIMIT ?7;

-- newest_records -- Of each of these dossiers the newest event that names its applicant, among its newest so many.
SELECT n.value, (SELECT max(t.id) FROM (SELECT id, kind FROM events WHERE dossier = o.id ORDER BY id DESC LIMIT ?2) t
  WHERE t.kind IN ('dossier.recorded', 'dossier.filed'))
FROM json_each(?1) n JOIN dossiers o ON o.number = n.value;
