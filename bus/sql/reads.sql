-- read_event -- One event by its key.
SELECT e.id, e.source, e.event_id, e.kind, o.number, e.sequence, e.occurred_at, e.accepted_at, e.digest, e.is_adopted, (SELECT key_id FROM receipt_keys k WHERE k.id = coalesce(e.receipt_key, 1))
FROM events e JOIN dossiers o ON o.id = e.dossier WHERE e.event_id = ? AND e.source = ?;

-- sources_of_event_id -- Which sources have an event of this id.
SELECT source FROM events WHERE event_id = ? ORDER BY source LIMIT 50;

-- deliveries_of_event -- Where it went.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, d.rule, d.place, d.mapping, d.blocks
FROM deliveries d WHERE d.event = ? ORDER BY d.id;

-- read_dossier -- One dossier by number.
SELECT d.id, d.number, d.source, CASE WHEN n.own_number IS NULL THEN d.origin ELSE 'portal' END,
  coalesce(n.national_number, d.national_number), d.procedure, d.unit, d.received_at, d.due_at, d.status, d.first_seen_at, d.record_event
FROM dossiers d LEFT JOIN own_numbers n ON n.own_number = d.number WHERE d.number = ?;

-- filed_as -- The national number of a dossier by its own one, as far as it was known by a time.
SELECT national_number FROM own_numbers WHERE own_number = ? AND learned_at <= ?;

-- lanes_of_dossier -- Its standing at each partner.
SELECT partner, exists_there, record_state, shown_status, shown_record, shown_place, ready_at, lease_until, head
FROM lanes WHERE dossier = ? ORDER BY partner;

-- events_of_dossier -- In the order of acceptance.
SELECT id, source, event_id, kind, sequence, occurred_at, accepted_at, digest, is_adopted, place FROM events WHERE dossier = ? ORDER BY id;

-- moves_of_dossier -- Its timeline.
SELECT m.id, m.at, m.delivery, m.from_state, m.to_state, m.cause, m.reason, m.actor, d.partner, e.event_id, e.kind, e.source
FROM deliveries d JOIN events e ON e.id = d.event JOIN moves m ON m.delivery = d.id WHERE e.dossier = ? ORDER BY m.id;

-- list_deliveries -- A page of one state at one partner.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, d.rule, o.number, e.source, e.event_id, e.kind
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
WHERE d.state = ?1 AND d.partner = ?2 AND d.id > ?3 AND (?4 IS NULL OR e.source IN (SELECT value FROM json_each(?4)))
ORDER BY d.id LIMIT ?5;

-- list_deliveries_open -- The same of a state that an index knows.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, d.rule, o.number, e.source, e.event_id, e.kind
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
WHERE d.state = ?1 AND d.state NOT IN ('sending', 'delivered') AND d.partner = ?2 AND d.id > ?3 AND (?4 IS NULL OR e.source IN (SELECT value FROM json_each(?4)))
ORDER BY d.id LIMIT ?5;

-- list_deliveries_any -- A page of all states.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, d.rule, o.number, e.source, e.event_id, e.kind
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
WHERE d.id > ?1 AND (?2 IS NULL OR d.partner = ?2) AND (?3 IS NULL OR e.source IN (SELECT value FROM json_each(?3)))
ORDER BY d.id LIMIT ?4;

-- read_delivery -- One delivery.
SELECT d.id, d.partner, d.state, d.cause, d.reason, d.due_at, d.tries, d.accepted_at, d.changed_at, d.status, d.rule, o.number, e.source, e.event_id, e.kind, d.place, d.mapping, d.lane, d.event
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier WHERE d.id = ?;

-- attempts_of_delivery -- Oldest first.
SELECT id, n, worker, started_at, outcome, code, reason, exchanges FROM attempts WHERE delivery = ? ORDER BY id;

-- read_exchange -- One call, both ways.
SELECT x.id, x.operation, x.method, x.url, x.status, x.sent_at, x.took_us, x.trouble, x.key_id, x.algorithm, b.data_key, b.sealed
FROM exchanges x JOIN bodies b ON b.id = x.body WHERE x.id = ?;

-- moves_of_delivery -- Oldest first.
SELECT id, at, from_state, to_state, cause, reason, actor FROM moves WHERE delivery = ? ORDER BY id;

-- list_outcomes -- What became of a source's events, in the order it became known.
SELECT m.id, m.at, m.to_state, m.cause, m.reason, d.id, d.partner, t.event_id, e.kind, o.number
FROM moves m JOIN deliveries d ON d.id = m.delivery JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
  JOIN events t ON t.id = coalesce((SELECT c.root FROM corrections c WHERE c.event = e.id), e.id)
WHERE m.id > ? AND t.source = ? AND m.to_state IN ('delivered', 'refused', 'held', 'in_doubt', 'superseded', 'cancelled', 'not_ours')
ORDER BY m.id LIMIT ?;

-- source_standing -- What was taken from a source last.
SELECT event_id, sequence, accepted_at FROM events WHERE id = (SELECT max(id) FROM events WHERE source = ?);

-- count_of_source -- How many events were taken from a source.
SELECT count(*) FROM events WHERE source = ?;

-- tallies -- How many deliveries stand in each state.
SELECT partner, state, n FROM tallies WHERE n <> 0 ORDER BY partner, state;

-- oldest_ready -- Since when the longest ready lane waits.
SELECT min(ready_at) FROM lanes WHERE partner = ? AND ready_at IS NOT NULL;

-- oldest_waiting -- The oldest delivery that waits.
SELECT min(accepted_at) FROM (SELECT accepted_at FROM deliveries
  WHERE state = 'waiting' AND state NOT IN ('sending', 'delivered') AND partner = ? ORDER BY id LIMIT 1);

-- list_partners -- Every partner that was met.
SELECT name, is_held, hold_reason, circuit, failures, opened_at, probe_at, window, last_success_at FROM partners ORDER BY name;

-- dossiers_by_term -- Found by a keyed hash.
SELECT o.number FROM search_terms t JOIN dossiers o ON o.id = t.dossier WHERE t.term = ? ORDER BY o.id LIMIT ?;

-- open_dossiers -- Dossiers that are not at their end, for `check --what-if`.
SELECT number, procedure, unit, received_at, source, status FROM dossiers WHERE status IS NULL OR status NOT IN ('not_accepted', 'withdrawn', 'returned') ORDER BY id;

-- all_events_with_deliveries -- For the account of a whole day.
SELECT e.id, e.source, e.event_id, e.kind, o.number, e.occurred_at, e.place, e.is_adopted, d.id, d.partner, d.state, d.cause, d.place, d.rule, d.status, d.tries, d.blocks, d.reason
FROM events e JOIN dossiers o ON o.id = e.dossier LEFT JOIN deliveries d ON d.event = e.id ORDER BY e.id;

-- read_refusal -- By its reference.
SELECT reference, at, route, caller, code, status, rules, base FROM refusals WHERE reference = ?;

-- list_refusals -- The newest first; since a time, of one caller, or all.
SELECT reference, at, route, caller, code, status, rules, base FROM refusals
WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR caller = ?2) ORDER BY id DESC LIMIT ?3;

-- table_in_force -- The newest version of a table.
SELECT id, digest, body, imported_at, actor, reason FROM table_versions WHERE name = ? ORDER BY id DESC LIMIT 1;

-- tables_in_force -- Of every table.
SELECT t.name, t.id, t.digest, t.imported_at, t.actor, t.reason FROM table_versions t
WHERE t.id = (SELECT max(id) FROM table_versions WHERE name = t.name) ORDER BY t.name;

-- newest_table_version -- Whether any table changed.
SELECT max(id) FROM table_versions;
