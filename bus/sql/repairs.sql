-- repair_target -- A delivery with all that decides whether a person's move is legal.
SELECT d.state, d.rule, d.event, d.place, d.lane, d.partner, l.lease_until, l.head, l.shown_place, l.step_place, l.top_record_place, d.tries, d.cause, d.is_unanswered
FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.id = ?;

-- later_was_sent -- Whether a later step of the lane was sent already.
SELECT 1 FROM deliveries WHERE lane = ? AND rule = ? AND id <> ? AND (place > ? OR (place = ? AND event > ?))
  AND state IN ('delivered', 'sending', 'in_doubt', 'awaiting') LIMIT 1;

-- latest_record_delivery -- The newest record of a dossier at a partner.
SELECT d.id, d.state FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = l.dossier
WHERE o.number = ? AND d.partner = ? AND d.rule = 'latest_wins' AND d.state NOT IN ('superseded')
ORDER BY d.event DESC LIMIT 1;

-- born_on_portal -- Whether its records say so, or the portal filed it here.
SELECT 1 FROM dossiers o WHERE o.number = ? AND (o.origin = 'portal'
  OR EXISTS (SELECT 1 FROM own_numbers n WHERE n.own_number = o.number OR n.national_number = o.number));

-- find_in_doubt -- Steps nobody can be asked about, for one decision over all of an outage.
SELECT d.id, d.status, d.changed_at, o.number, d.partner, d.cause FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
WHERE d.state = 'in_doubt' AND d.partner = ? AND d.due_at IS NULL AND d.changed_at >= ? AND d.changed_at <= ? AND (? IS NULL OR d.status = ?)
ORDER BY d.id;

-- find_held_by_table -- What a changed table may free.
SELECT d.id FROM deliveries d WHERE d.state = 'held' AND d.state NOT IN ('sending', 'delivered') AND d.reason LIKE ? ORDER BY d.id;

-- partners_with_record -- Where a dossier's newest record can be sent once more.
SELECT DISTINCT d.partner FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = l.dossier
WHERE o.number = ? AND d.rule = 'latest_wins' AND d.state <> 'superseded' ORDER BY d.partner;

-- gaps_of_dossier -- Sources whose numbers are missing for it.
SELECT s.source, s.next, s.gap_since FROM sequences s JOIN dossiers o ON o.id = s.dossier
WHERE o.number = ? AND s.gap_since IS NOT NULL ORDER BY s.source;

-- rows_wanted -- What is held because a table has no row for it, the most wanted first.
SELECT d.partner, d.reason, count(*), min(d.accepted_at) FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = l.dossier
WHERE d.state = 'held' AND d.state NOT IN ('sending', 'delivered') AND d.reason LIKE '%: no_row (table %, row %' AND (?1 IS NULL
  OR EXISTS (SELECT 1 FROM json_each(?1) u WHERE o.unit = u.value OR substr(o.unit, 1, length(u.value) + 1) = u.value || '.'))
GROUP BY d.partner, d.reason ORDER BY count(*) DESC, d.reason LIMIT ?2;

-- held_for_row -- The same for one row, one by one.
SELECT d.id FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = l.dossier
WHERE d.state = 'held' AND d.state NOT IN ('sending', 'delivered') AND d.partner = ?2 AND d.reason = ?3 AND (?1 IS NULL
  OR EXISTS (SELECT 1 FROM json_each(?1) u WHERE o.unit = u.value OR substr(o.unit, 1, length(u.value) + 1) = u.value || '.'))
ORDER BY d.id LIMIT ?4;

-- add_table_version -- A table as it is from now on.
INSERT INTO table_versions (name, digest, body, imported_at, actor, reason) VALUES (?, ?, ?, ?, ?, ?);
