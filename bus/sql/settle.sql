-- settle_view -- Whether this worker still holds the lane, and where its delivery stands.
SELECT l.fence, l.lease_until, l.head, l.record_state, d.state, d.rule, d.event, d.place, d.status
FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.id = ?;

-- count_no_try -- It was claimed to be sent, and could not be shaped: nothing left.
UPDATE deliveries SET tries = tries - 1 WHERE id = ?;

-- leave_lane -- The worker is done with it, or goes on with its next delivery under the same number; what was learned.
UPDATE lanes SET lease_until = ?, owner = ?, head = ?, ready_at = ?, record_state = ?,
  exists_there = coalesce(?, exists_there), shown_record = coalesce(?, shown_record),
  shown_place = coalesce(?, shown_place), shown_status = coalesce(?, shown_status),
  step_place = CASE WHEN ? IS NULL THEN step_place ELSE max(coalesce(step_place, ?), ?) END
WHERE id = ?;

-- set_record_shown -- A whole record that is at the partner already.
UPDATE lanes SET record_state = 'shown', exists_there = 1, shown_record = ?, shown_place = ?, shown_status = ? WHERE id = ?;

-- put_partner -- The circuit's and the allowance's new standing.
UPDATE partners SET circuit = ?, failures = ?, opened_at = ?, probe_at = ?, window = ?, last_success_at = ?, tokens = ?,
  tokens_at = ? WHERE name = ?;

-- add_exchange -- One call, both ways.
INSERT INTO exchanges (operation, method, url, status, sent_at, took_us, trouble, key_id, algorithm, commitment, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_attempt -- One try.
INSERT INTO attempts (delivery, n, worker, started_at, outcome, code, reason, exchanges) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- settle_delivery -- What the attempt came to.
UPDATE deliveries SET state = ?, cause = ?, reason = ?, due_at = ?, blocks = ?, is_unanswered = ?,
  mapping = coalesce(?, mapping), changed_at = ? WHERE id = ?;

-- delivery_now -- Its present state and standing.
SELECT state, rule, event, place, status, lane, tries, blocks, cause, partner FROM deliveries WHERE id = ?;

-- learn_own_number -- What a one-stop system calls a filed dossier; the first word about either number stands.
INSERT OR IGNORE INTO own_numbers (national_number, own_number, delivery, learned_at) VALUES (?, ?, ?, ?);

-- national_number_of -- Under which national number a dossier was filed.
SELECT national_number FROM own_numbers WHERE own_number = ?;

-- find_held_for -- What waits for a person for one cause, of one dossier.
SELECT d.id, d.lane, d.partner FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = l.dossier
WHERE d.state = 'held' AND d.cause = ? AND o.number = ? ORDER BY d.id;

-- records_of -- A dossier's records and where each stands, as they were taken in.
SELECT d.id, d.lane, d.partner, d.state, d.event FROM deliveries d JOIN lanes l ON l.id = d.lane
  JOIN dossiers o ON o.id = l.dossier JOIN events e ON e.id = d.event
WHERE o.number = ? AND e.kind = 'dossier.recorded' ORDER BY d.id;

-- own_number_of -- What it is called.
SELECT own_number FROM own_numbers WHERE national_number = ?;

-- set_step_shown -- The partner acknowledged a step.
UPDATE lanes SET shown_status = ? WHERE id = ?;

-- add_move -- One more link of its partition's chain.
INSERT INTO moves (partition, n, at, delivery, event, from_state, to_state, cause, reason, actor, binds, prev, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- last_move_id -- How many there are.
SELECT coalesce(max(id), 0) FROM moves;

-- told_event -- Whose delivery this is: what its source is told of it, under its own name where the event was corrected here.
SELECT t.source, t.event_id, e.kind, e.traceparent, o.id, o.due_at, o.number, d.partner
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
  JOIN events t ON t.id = coalesce((SELECT c.root FROM corrections c WHERE c.event = e.id), e.id) WHERE d.id = ?;

-- last_outcome_place -- Where the newest outcome of a dossier stands that a partner is told.
SELECT e.place FROM lanes l JOIN deliveries d ON d.lane = l.id JOIN events e ON e.id = d.event
WHERE l.dossier = ? AND l.partner = ? AND e.kind = 'delivery.settled' ORDER BY d.id DESC LIMIT 1;

-- find_chain_head -- Where a partition's chain ends.
SELECT n, hash FROM chain_heads WHERE partition = ?;

-- put_chain_head -- Where it ends now.
INSERT INTO chain_heads (partition, n, hash, mac) VALUES (?, ?, ?, ?)
ON CONFLICT (partition) DO UPDATE SET n = excluded.n, hash = excluded.hash, mac = excluded.mac;

-- add_to_tally -- Count a change of state.
INSERT INTO tallies (partner, state, n) VALUES (?, ?, ?) ON CONFLICT (partner, state) DO UPDATE SET n = n + excluded.n;

-- find_partner -- Its circuit, hold and allowance.
SELECT is_held, circuit, failures, opened_at, probe_at, window, tokens, tokens_at, last_success_at, hold_reason
FROM partners WHERE name = ?;

-- add_partner -- First sight of a partner.
INSERT OR IGNORE INTO partners (name) VALUES (?);

-- set_hold -- A person stops or frees all sending to a partner.
UPDATE partners SET is_held = ?, hold_reason = ? WHERE name = ?;

-- wake_deliveries -- The partner is back: who waited because of it is due now.
UPDATE deliveries SET due_at = ? WHERE partner = ? AND state = 'waiting' AND cause = 'unreachable' AND due_at > ?;

-- wake_lanes -- The same, for their lanes.
UPDATE lanes SET ready_at = ? WHERE partner = ? AND ready_at > ?
  AND head IN (SELECT id FROM deliveries WHERE partner = ? AND state = 'waiting' AND cause = 'unreachable');


-- newer_record_waiting -- The newest record of a lane that waits, newer than this event by the events' own places.
SELECT d.id, d.place FROM deliveries d JOIN events e ON e.id = d.event JOIN events own ON own.id = ?
WHERE d.lane = ? AND d.rule = 'latest_wins' AND d.blocks = 1 AND d.state = 'waiting' AND d.place IS NOT NULL
  AND (e.place > own.place OR (e.place = own.place AND e.id > own.id)) ORDER BY e.place DESC, e.id DESC LIMIT 1;

-- newer_record_sent -- Whether a newer record of the lane went out already, by the records' own places.
SELECT 1 FROM deliveries d JOIN events e ON e.id = d.event JOIN events own ON own.id = ?
WHERE d.lane = ? AND d.rule = 'latest_wins' AND d.state IN ('delivered', 'sending', 'in_doubt', 'awaiting')
  AND (e.place > own.place OR (e.place = own.place AND e.id > own.id)) LIMIT 1;
