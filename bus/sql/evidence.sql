-- bundle_events -- Of one dossier, in the order of acceptance; the columns that a move binds first.
SELECT e.id, e.source, e.event_id, e.kind, o.number, e.sequence, e.occurred_at, e.accepted_at, e.digest, e.commitment, e.body, b.sealed IS NULL
FROM events e JOIN dossiers o ON o.id = e.dossier JOIN bodies b ON b.id = e.body WHERE e.dossier = ? ORDER BY e.id;

-- bundle_deliveries -- Of one dossier.
SELECT d.id, d.event, d.partner, d.rule, d.status, d.mapping, d.state, d.cause, d.reason, d.tries, d.accepted_at, d.changed_at
FROM deliveries d JOIN events e ON e.id = d.event WHERE e.dossier = ? ORDER BY d.id;

-- bundle_attempts -- Of one dossier; the columns that a move binds.
SELECT a.id, a.delivery, a.n, a.worker, a.started_at, a.outcome, a.code, a.reason, a.exchanges
FROM attempts a JOIN deliveries d ON d.id = a.delivery JOIN events e ON e.id = d.event WHERE e.dossier = ? ORDER BY a.id;

-- bundle_exchange -- One call; the columns that an attempt binds, and where its bytes are.
SELECT x.id, x.operation, x.method, x.url, x.status, x.sent_at, x.took_us, x.trouble, x.key_id, x.algorithm, x.commitment, x.body, b.sealed IS NULL
FROM exchanges x JOIN bodies b ON b.id = x.body WHERE x.id = ?;

-- is_shared -- Whether an attempt for another dossier had this very call. One batch's attempts are written together.
SELECT 1 FROM attempts a JOIN deliveries d ON d.id = a.delivery JOIN events e ON e.id = d.event
WHERE a.id BETWEEN ?1 - 2000 AND ?1 + 2000 AND e.dossier <> ?2
AND EXISTS (SELECT 1 FROM json_each(a.exchanges) WHERE value = ?3) LIMIT 1;

-- read_body -- Sealed bytes.
SELECT data_key, sealed FROM bodies WHERE id = ?;

-- bundle_moves -- Of one dossier, chain by chain. A move without delivery records an event that goes nowhere.
SELECT m.id, m.partition, m.n, m.at, m.delivery, m.event, m.from_state, m.to_state, m.cause, m.reason, m.actor, m.binds, m.prev, m.hash
FROM events e JOIN deliveries d ON d.event = e.id JOIN moves m ON m.delivery = d.id WHERE e.dossier = ?1
UNION
SELECT m.id, m.partition, m.n, m.at, m.delivery, m.event, m.from_state, m.to_state, m.cause, m.reason, m.actor, m.binds, m.prev, m.hash
FROM events e JOIN moves m ON m.delivery IS NULL AND m.event = e.id WHERE e.dossier = ?1
ORDER BY 2, 3;

-- moves_after -- The rest of a chain; read no farther than the next checkpoint.
SELECT id, partition, n, at, delivery, event, from_state, to_state, cause, reason, actor, binds, prev, hash
FROM moves WHERE id > ? AND partition = ? ORDER BY id;

-- export_deliveries -- Accepted in a time, to one partner or any.
SELECT d.id, d.partner, o.number, e.source, e.event_id, e.kind, d.status, d.state, d.cause, d.tries, d.accepted_at, d.changed_at
FROM deliveries d JOIN events e ON e.id = d.event JOIN dossiers o ON o.id = e.dossier
WHERE d.accepted_at >= ?1 AND d.accepted_at < ?2 AND (?3 IS NULL OR d.partner = ?3) ORDER BY d.id;

-- export_moves -- Made in a time, of deliveries to one partner or of everything.
SELECT m.id, m.at, m.delivery, d.partner, o.number, e.source, e.event_id, e.kind, m.from_state, m.to_state, m.cause, m.actor
FROM moves m LEFT JOIN deliveries d ON d.id = m.delivery LEFT JOIN events e ON e.id = coalesce(d.event, m.event)
LEFT JOIN dossiers o ON o.id = e.dossier
WHERE m.at >= ?1 AND m.at < ?2 AND (?3 IS NULL OR d.partner = ?3) ORDER BY m.id;

-- bundle_payments -- Of one dossier; the columns that a move binds.
SELECT id, source, name, dossier, event, amount, currency, unit, procedure, kinds, fees, number, gateway, receipts, issuer,
  account, account_bank, account_name, state, expires_at, paid_attempt, paid_at, refunded, created_at FROM payments WHERE dossier = ? ORDER BY id;

-- bundle_hearings -- What gateways told of a dossier's payments; the columns that a move binds, and where the bytes are.
SELECT h.id, h.at, h.partner, h.reference, h.attempt, h.via, h.verdict, h.effect, h.transaction_id, h.amount, h.currency, h.code,
  h.address, h.key_id, h.commitment, h.body, b.sealed IS NULL
FROM payment_hearings h JOIN payment_attempts a ON a.id = h.attempt JOIN payments p ON p.id = a.payment JOIN bodies b ON b.id = h.body
WHERE p.dossier = ? ORDER BY h.id;

-- bundle_offers -- Where a dossier's payments could be paid: the attempt, its commitment and where the bytes are, in the same places.
SELECT a.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a.offer_commitment, a.offer, b.sealed IS NULL
FROM payment_attempts a JOIN payments p ON p.id = a.payment JOIN bodies b ON b.id = a.offer WHERE p.dossier = ? ORDER BY a.id;
