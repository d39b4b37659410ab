-- has_schema -- Whether this file was ever migrated.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions';

-- schema_version -- The newest migration that was applied.
SELECT max(version) FROM schema_versions;

-- all_moves -- The chains, partition by partition.
SELECT id, partition, n, at, delivery, event, from_state, to_state, cause, reason, actor, binds, prev, hash
FROM moves ORDER BY id;

-- all_chain_heads -- Where the chains end.
SELECT partition, n, hash, mac FROM chain_heads ORDER BY partition;

-- integrity_check -- Whether every page can be read and every index fits its table; the first trouble, or `ok`.
PRAGMA integrity_check(1);

-- last_move -- Where a chain really ends.
SELECT n, hash FROM moves WHERE partition = ? ORDER BY id DESC LIMIT 1;

-- find_move -- One move of a chain; looked for from the newest on.
SELECT hash FROM moves WHERE partition = ? AND n = ? ORDER BY id DESC LIMIT 1;

-- all_checkpoints -- Oldest first.
SELECT at, statement, key_id, signature FROM checkpoints ORDER BY id;

-- last_checkpoint -- The newest.
SELECT statement, at FROM checkpoints ORDER BY id DESC LIMIT 1;

-- add_checkpoint -- A signed statement over all heads.
INSERT INTO checkpoints (at, statement, key_id, signature) VALUES (?, ?, ?, ?);

-- bound_events -- Events beside the move that recorded them.
SELECT e.id, e.source, e.event_id, e.kind, o.number, e.sequence, e.occurred_at, e.accepted_at, e.digest, e.commitment, m.binds, m.id
FROM events e JOIN dossiers o ON o.id = e.dossier LEFT JOIN (SELECT event, min(id) AS id, binds FROM moves WHERE event IS NOT NULL GROUP BY event) m ON m.event = e.id
ORDER BY e.id;

-- count_event_moves -- Moves that say they recorded an event.
SELECT count(DISTINCT event) FROM moves WHERE event IS NOT NULL;

-- count_events -- Events.
SELECT count(*) FROM events;

-- bound_attempts -- Attempts with the commitments of their exchanges.
SELECT id, delivery, n, worker, started_at, outcome, code, reason, exchanges FROM attempts ORDER BY id;

-- bound_exchanges -- What attempts bind of every exchange.
SELECT id, operation, method, url, status, sent_at, took_us, trouble, key_id, algorithm, commitment FROM exchanges ORDER BY id;

-- attempt_bindings -- What settled moves bind.
SELECT id, binds FROM moves WHERE binds IS NOT NULL AND event IS NULL AND delivery IS NOT NULL
  AND cause NOT IN ('payment_changed', 'payment_heard', 'signature_changed', 'signature_heard') ORDER BY id;

-- misstated_deliveries -- Deliveries whose state is not what their last move says.
SELECT d.id, d.state, m.to_state FROM deliveries d
LEFT JOIN moves m ON m.id = (SELECT max(id) FROM moves WHERE delivery = d.id)
WHERE m.to_state IS NOT d.state ORDER BY d.id;

-- undelivered_moves -- Moves of deliveries that are not there.
SELECT m.id, m.delivery FROM moves m LEFT JOIN deliveries d ON d.id = m.delivery
WHERE m.delivery IS NOT NULL AND d.id IS NULL ORDER BY m.id;

-- misstated_numbers -- Own numbers that are not what a move of their filed dossier learned.
SELECT n.delivery, n.national_number, n.own_number FROM own_numbers n
WHERE NOT EXISTS (SELECT 1 FROM moves m JOIN deliveries d ON d.id = m.delivery JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
  WHERE m.delivery = n.delivery AND m.cause = 'number_learned' AND m.reason = n.own_number AND o.number = n.national_number) ORDER BY 2;

-- forgotten_numbers -- Moves that learned a number of which nothing is left.
SELECT m.id, m.reason FROM moves m LEFT JOIN own_numbers n ON n.delivery = m.delivery AND n.own_number = m.reason
WHERE m.cause = 'number_learned' AND n.own_number IS NULL ORDER BY m.id;

-- all_bodies -- Sealed bodies beside what their rows committed to.
SELECT 'event', e.id, b.data_key, b.sealed, e.commitment FROM events e JOIN bodies b ON b.id = e.body
UNION ALL SELECT 'exchange', x.id, b.data_key, b.sealed, x.commitment FROM exchanges x JOIN bodies b ON b.id = x.body
UNION ALL SELECT 'hearing', h.id, b.data_key, b.sealed, h.commitment FROM payment_hearings h JOIN bodies b ON b.id = h.body
UNION ALL SELECT 'offer', a.id, b.data_key, b.sealed, a.offer_commitment FROM payment_attempts a JOIN bodies b ON b.id = a.offer
UNION ALL SELECT 'receipt', r.id, b.data_key, b.sealed, r.commitment FROM payment_receipts r JOIN bodies b ON b.id = r.body
UNION ALL SELECT 'hearing', h.id, b.data_key, b.sealed, h.commitment FROM signature_hearings h JOIN bodies b ON b.id = h.body
UNION ALL SELECT 'report', d.signature, b.data_key, b.sealed, d.report_commitment FROM signature_documents d JOIN bodies b ON b.id = d.report;

-- open_after_restore -- What may have gone out after the backup was made.
SELECT d.id, d.lane, d.partner, d.state FROM deliveries d WHERE d.state IN ('waiting', 'sending', 'awaiting') AND d.blocks = 1;

-- doubt_existence -- A look-up's no is not to be trusted after a restore.
UPDATE lanes SET exists_there = NULL WHERE exists_there = 0;

-- free_all_lanes -- No worker of before the restore still holds anything.
UPDATE lanes SET lease_until = NULL, owner = NULL, fence = fence + 1, step_place = coalesce((
    SELECT max(coalesce(lanes.step_place, d.place), d.place) FROM deliveries d
    WHERE d.id = lanes.head AND d.state = 'sending' AND d.rule = 'every_step'), step_place)
WHERE lease_until IS NOT NULL;

-- restored_events -- Steps taken in again after a restore, that may have gone out before it.
SELECT count(*) FROM deliveries WHERE cause = 'restore_gap';

-- last_accepted -- When the newest event was accepted.
SELECT max(accepted_at), count(*) FROM events;

-- applied_migrations -- Each with the digest of its text.
SELECT version, name, digest FROM schema_versions ORDER BY version;

-- note_migration -- It was applied.
INSERT INTO schema_versions (version, name, applied_at, digest) VALUES (?, ?, ?, ?);
