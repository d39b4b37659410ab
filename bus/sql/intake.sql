-- remember_nonce -- A signed request's nonce; no row changes when it was here before.
INSERT OR IGNORE INTO nonces (key_id, nonce, expires_at) VALUES (?, ?, ?);

-- forget_nonces -- Nonces whose requests have expired anyway.
DELETE FROM nonces WHERE expires_at < ?;

-- find_event -- What was accepted under this key.
SELECT id, accepted_at, digest FROM events WHERE source = ? AND event_id = ?;

-- find_sequence_twin -- Another event that took the same number.
SELECT digest FROM events WHERE dossier = ? AND source = ? AND sequence = ?;

-- find_dossier -- By number.
SELECT id, due_at, record_place, status_place FROM dossiers WHERE number = ?;

-- add_dossier -- A number that nobody spoke of before.
INSERT INTO dossiers (number, source, first_seen_at) VALUES (?, ?, ?);

-- update_dossier_record -- The latest record's own facts.
UPDATE dossiers SET origin = ?, national_number = coalesce(?, national_number), procedure = ?, unit = ?,
  received_at = ?, due_at = ?, record_event = ?, record_place = ? WHERE id = ?;

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
  body, traceparent, is_adopted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- find_sequence -- How far a numbered source has come.
SELECT next, place, gap_since FROM sequences WHERE dossier = ? AND source = ?;

-- put_sequence -- Note how far it has come now.
INSERT INTO sequences (dossier, source, next, place, gap_since) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (dossier, source) DO UPDATE SET next = excluded.next, place = excluded.place, gap_since = excluded.gap_since;

-- find_behind_gap -- The event with this number, if it waits without a place.
SELECT id, occurred_at, kind FROM events WHERE dossier = ? AND source = ? AND sequence = ? AND place IS NULL;

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

-- get_meta -- A fact about the ledger itself.
SELECT value FROM meta WHERE name = ?;

-- put_meta -- Note it.
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;
