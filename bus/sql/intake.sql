-- remember_nonce -- A signed request's nonce; no row changes when it was here before.
INSERT OR IGNORE INTO nonces (key_id, nonce, expires_at) VALUES (?, ?, ?);

-- forget_nonces -- Nonces whose requests have expired anyway.
DELETE FROM nonces WHERE expires_at < ?;

-- find_event -- What was accepted under this key.
SELECT e.id, e.accepted_at, e.digest, (SELECT key_id FROM receipt_keys k WHERE k.id = coalesce(e.receipt_key, 1))
FROM events e WHERE e.source = ? AND event_id = ?;

-- latest_of_kind -- The newest events of a dossier from one source in one kind: id, and what `find_event` tells.
SELECT e.event_id, e.id, e.accepted_at, e.digest, (SELECT key_id FROM receipt_keys k WHERE k.id = coalesce(e.receipt_key, 1))
FROM events e WHERE e.dossier = (SELECT id FROM dossiers WHERE number = ?) AND e.source = ? AND e.kind = ?
ORDER BY e.id DESC LIMIT ?;

-- count_of_kind -- How many there are of them.
SELECT count(*) FROM events WHERE dossier = (SELECT id FROM dossiers WHERE number = ?) AND source = ? AND kind = ?;

-- find_sequence_twin -- Another event that took the same number.
SELECT digest FROM events WHERE dossier = ? AND source = ? AND sequence = ?;

-- find_dossier -- By number.
SELECT id, due_at, record_place, status_place, source FROM dossiers WHERE number = ?;

-- look_around -- All that is known of an event that comes in, in one look: its nonce and key, its dossier, and its lane there.
SELECT (SELECT 1 FROM nonces WHERE key_id = ? AND nonce = ?), (SELECT 1 FROM events WHERE source = ? AND event_id = ?),
  d.id, d.status_place, l.id, l.lease_until, l.record_state,
  CASE WHEN h.state = 'sending' AND h.rule = 'every_step' THEN max(coalesce(l.step_place, h.place), h.place) ELSE l.step_place END, h.place,
  EXISTS (SELECT 1 FROM deliveries o WHERE o.lane = l.id AND o.blocks = 1 AND o.place IS NOT NULL),
  d.source
FROM (SELECT 1) LEFT JOIN dossiers d ON d.number = ? LEFT JOIN lanes l ON l.dossier = d.id AND l.partner = ?
  LEFT JOIN deliveries h ON h.id = l.head;

-- last_ids -- The highest numbers so far; nobody else writes while this transaction is open.
SELECT (SELECT coalesce(max(id), 0) FROM bodies), (SELECT coalesce(max(id), 0) FROM events),
  (SELECT coalesce(max(id), 0) FROM dossiers), (SELECT coalesce(max(id), 0) FROM lanes),
  (SELECT coalesce(max(id), 0) FROM deliveries);

-- put_dossier -- A new one as its first event leaves it.
INSERT INTO dossiers (id, number, source, first_seen_at, status, status_place, origin, national_number, procedure, unit,
  received_at, due_at, record_event, record_place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_body -- A sealed body, under a number that was chosen beforehand.
INSERT INTO bodies (id, data_key, sealed) VALUES (?, ?, ?);

-- put_event -- One event, once, under a number that was chosen beforehand.
INSERT INTO events (id, source, event_id, kind, dossier, place, occurred_at, accepted_at, digest, commitment, body,
  traceparent, receipt_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_dossier -- A number that nobody spoke of before.
INSERT INTO dossiers (number, source, first_seen_at) VALUES (?, ?, ?);

-- update_dossier_record -- The latest record's own facts.
UPDATE dossiers SET origin = ?, national_number = coalesce(?, national_number), procedure = ?, unit = ?,
  received_at = ?, due_at = ?, record_event = ?, record_place = ? WHERE id = ?;

-- note_filed -- A dossier that was filed on the portal, under the number that is its own there.
UPDATE dossiers SET origin = 'portal', national_number = number, procedure = coalesce(procedure, ?), unit = coalesce(unit, ?) WHERE id = ?;

-- update_dossier_status -- The latest event's status.
UPDATE dossiers SET status = ?, status_place = ? WHERE id = ?;

-- follow_dossier_status -- The status of an event that waited behind a gap, when nothing later has spoken.
UPDATE dossiers SET status = ?, status_place = ? WHERE id = ? AND (status_place IS NULL OR status_place <= ?);

-- add_search_term -- One keyed hash that finds this dossier.
INSERT OR IGNORE INTO search_terms (term, dossier) VALUES (?, ?);

-- add_body -- A sealed body.
INSERT INTO bodies (data_key, sealed) VALUES (?, ?);

-- add_event -- One event, once.
INSERT INTO events (source, event_id, kind, dossier, sequence, place, occurred_at, accepted_at, digest, commitment,
  body, traceparent, is_adopted, receipt_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- find_sequence -- How far a numbered source has come.
SELECT next, place, gap_since FROM sequences WHERE dossier = ? AND source = ?;

-- put_sequence -- Note how far it has come now.
INSERT INTO sequences (dossier, source, next, place, gap_since) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (dossier, source) DO UPDATE SET next = excluded.next, place = excluded.place, gap_since = excluded.gap_since;

-- find_behind_gap -- The event with this number, if it waits without a place.
SELECT id, occurred_at, kind FROM events WHERE dossier = ? AND source = ? AND sequence = ? AND place IS NULL;

-- find_passed -- Events that still wait behind a gap although a later number was adopted.
SELECT id, occurred_at, kind FROM events WHERE dossier = ? AND source = ? AND place IS NULL AND sequence < ? ORDER BY sequence;

-- any_behind_gap -- Whether something with a higher number still waits, and the lowest such number.
SELECT min(sequence) FROM events WHERE dossier = ? AND source = ? AND place IS NULL AND sequence IS NOT NULL;

-- place_event -- It is its turn now.
UPDATE events SET place = ? WHERE id = ?;

-- find_gaps -- Numbered sources that wait behind a gap since before a time.
SELECT s.dossier, d.number, s.source, s.next, s.gap_since FROM sequences s JOIN dossiers d ON d.id = s.dossier
WHERE s.gap_since IS NOT NULL AND s.gap_since <= ? ORDER BY s.gap_since LIMIT ?;

-- find_source_standing -- The last id and number taken from a source.
SELECT event_id, sequence, accepted_at FROM events WHERE source = ? ORDER BY id DESC LIMIT 1;

-- add_refusal -- Something was refused at a door; a reference that comes again means the newer one.
INSERT OR REPLACE INTO refusals (reference, at, route, caller, code, status, rules, base) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- trim_refusals -- Keep the newest.
DELETE FROM refusals WHERE id <= (SELECT max(id) FROM refusals) - ?;

-- dossier_record_place -- How new its newest record is.
SELECT record_place FROM dossiers WHERE id = ?;

-- load_event -- One event with its sealed body.
SELECT e.source, e.event_id, e.kind, o.number, e.occurred_at, e.sequence, e.digest, e.traceparent, b.data_key, b.sealed
FROM events e JOIN dossiers o ON o.id = e.dossier JOIN bodies b ON b.id = e.body WHERE e.id = ?;

-- all_data_keys -- Every data key, the newest last.
SELECT id, wrapped FROM data_keys ORDER BY created_at, id;

-- add_data_key -- A fresh one, before anything is sealed under it.
INSERT INTO data_keys (id, wrapped, created_at) VALUES (?, ?, ?);

-- find_receipt_key -- The number of a key that signs receipts.
SELECT id FROM receipt_keys WHERE key_id = ?;

-- add_receipt_key -- One that signs from now on.
INSERT OR IGNORE INTO receipt_keys (key_id) VALUES (?);

-- all_receipt_keys -- Every key that ever signed receipts, the first one first.
SELECT key_id FROM receipt_keys ORDER BY id;

-- get_meta -- A fact about the ledger itself.
SELECT value FROM meta WHERE name = ?;

-- put_meta -- Note it.
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
