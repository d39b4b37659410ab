-- paid_back -- Payments from one number down to another, the newest first, that fit.
SELECT p.id, p.source, p.name, o.number, p.amount, p.currency, p.unit, p.procedure, p.gateway, p.state, p.created_at, p.changed_at, p.expires_at, p.paid_at, p.refunded,
  (SELECT count(*) FROM payment_tasks t WHERE t.payment = p.id AND t.closed_at IS NULL), (SELECT max(n) FROM payment_attempts a WHERE a.payment = p.id)
FROM payments p CROSS JOIN dossiers o ON o.id = p.dossier
WHERE p.id < ?6 AND p.id >= ?7
  AND (?1 IS NULL OR p.state IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR p.gateway = ?2)
  AND (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR p.created_at >= ?4) AND (?5 IS NULL OR p.created_at < ?5)
ORDER BY p.id DESC LIMIT ?8;

-- paid_at_ids -- Those of these payments that fit.
SELECT p.id, p.source, p.name, o.number, p.amount, p.currency, p.unit, p.procedure, p.gateway, p.state, p.created_at, p.changed_at, p.expires_at, p.paid_at, p.refunded,
  (SELECT count(*) FROM payment_tasks t WHERE t.payment = p.id AND t.closed_at IS NULL), (SELECT max(n) FROM payment_attempts a WHERE a.payment = p.id)
FROM json_each(?6) j CROSS JOIN payments p ON p.id = j.value CROSS JOIN dossiers o ON o.id = p.dossier
WHERE (?1 IS NULL OR p.state IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR p.gateway = ?2)
  AND (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR p.created_at >= ?4) AND (?5 IS NULL OR p.created_at < ?5);

-- paid_sums_back -- Count and sums by state, of those between two numbers that fit.
SELECT p.state, count(*), sum(p.amount), sum(p.refunded) FROM payments p
WHERE p.id < ?6 AND p.id >= ?7
  AND (?1 IS NULL OR p.state IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR p.gateway = ?2)
  AND (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR p.created_at >= ?4) AND (?5 IS NULL OR p.created_at < ?5)
GROUP BY p.state;

-- paid_sums_at_ids -- Count and sums by state, of these payments that fit.
SELECT p.state, count(*), sum(p.amount), sum(p.refunded) FROM json_each(?6) j CROSS JOIN payments p ON p.id = j.value
WHERE (?1 IS NULL OR p.state IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR p.gateway = ?2)
  AND (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR p.created_at >= ?4) AND (?5 IS NULL OR p.created_at < ?5)
GROUP BY p.state;

-- paid_ends -- The first and the last payment.
SELECT (SELECT min(id) FROM payments), (SELECT max(id) FROM payments);

-- paid_time -- When a payment, or the next one after it, was asked for.
SELECT created_at FROM payments WHERE id >= ? ORDER BY id LIMIT 1;

-- paid_units -- Every unit that has payments, by leaps through the index.
WITH RECURSIVE leaps (unit) AS (SELECT (SELECT min(unit) FROM payments WHERE unit >= '')
  UNION ALL SELECT (SELECT min(unit) FROM payments WHERE unit > leaps.unit) FROM leaps WHERE leaps.unit IS NOT NULL)
SELECT unit FROM leaps WHERE unit IS NOT NULL LIMIT ?;

-- paid_gateways -- Every gateway that has attempts, by leaps through the index.
WITH RECURSIVE leaps (partner) AS (SELECT (SELECT min(partner) FROM payment_attempts WHERE partner >= '')
  UNION ALL SELECT (SELECT min(partner) FROM payment_attempts WHERE partner > leaps.partner) FROM leaps WHERE leaps.partner IS NOT NULL)
SELECT partner FROM leaps WHERE partner IS NOT NULL;

-- paid_ids_of_state -- Payments in a state, the newest first.
SELECT id FROM payments WHERE state = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4;

-- paid_ids_of_unit -- Payments of a unit, the newest first.
SELECT id FROM payments WHERE unit = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC LIMIT ?4;

-- paid_ids_in_review -- Payments that somebody has to decide about.
SELECT DISTINCT payment FROM (SELECT payment FROM payment_tasks WHERE closed_at IS NULL ORDER BY id DESC LIMIT ?1) WHERE payment IS NOT NULL;

-- paid_ids_of_dossier -- Payments of dossiers whose number begins so.
SELECT p.id FROM (SELECT id FROM dossiers WHERE number >= ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3) o CROSS JOIN payments p ON p.dossier = o.id LIMIT ?3;

-- paid_ids_of_name -- Payments that some source calls so.
SELECT id FROM payments WHERE source = ?1 AND name = ?2;

-- paid_ids_of_reference -- Payments with an attempt at this gateway whose reference begins so.
SELECT payment FROM payment_attempts WHERE partner = ?1 AND reference >= ?2 AND reference < ?3 LIMIT ?4;

-- paid_ids_of_transaction -- Payments with an attempt at this gateway that was paid by this transaction.
SELECT payment FROM payment_attempts WHERE partner = ?1 AND transaction_id = ?2;

-- paid_sources -- Every source that has payments, by leaps through the index.
WITH RECURSIVE leaps (source) AS (SELECT (SELECT min(source) FROM payments WHERE source >= '')
  UNION ALL SELECT (SELECT min(source) FROM payments WHERE source > leaps.source) FROM leaps WHERE leaps.source IS NOT NULL)
SELECT source FROM leaps WHERE source IS NOT NULL;

-- paid_one -- One payment.
SELECT p.id, p.source, p.name, o.number, p.amount, p.currency, p.unit, p.procedure, p.gateway, p.state, p.created_at, p.changed_at, p.expires_at, p.paid_at, p.refunded,
  (SELECT count(*) FROM payment_tasks t WHERE t.payment = p.id AND t.closed_at IS NULL), (SELECT max(n) FROM payment_attempts a WHERE a.payment = p.id),
  p.event, p.kinds, p.receipts, p.account, p.account_bank, p.account_name, p.paid_attempt, p.receipted_at
FROM payments p CROSS JOIN dossiers o ON o.id = p.dossier WHERE p.id = ?;

-- paid_attempts -- Attempts of a payment, the first one first.
SELECT a.id, a.n, a.partner, a.reference, a.delivery, a.state, a.made_at, a.opened_at, a.open_until, a.transaction_id, a.amount, a.bank, a.paid_at, a.code, a.ask_at, a.asked, a.changed_at,
  b.data_key, b.sealed
FROM payment_attempts a LEFT JOIN bodies b ON b.id = a.offer WHERE a.payment = ? ORDER BY a.n LIMIT ?;

-- paid_hearings -- What gateways told of a payment, the newest first.
SELECT h.id, h.at, h.partner, h.reference, a.n, h.via, h.verdict, h.effect, h.transaction_id, h.amount, h.code, h.address, h.key_id
FROM payment_attempts a CROSS JOIN payment_hearings h ON h.attempt = a.id WHERE a.payment = ? ORDER BY h.id DESC LIMIT ?;

-- paid_hearing -- One thing that a gateway told of a payment, with its bytes.
SELECT h.id, h.at, h.partner, h.reference, a.n, h.via, h.verdict, h.effect, h.transaction_id, h.amount, h.code, h.address, h.key_id, h.commitment, b.data_key, b.sealed
FROM payment_hearings h CROSS JOIN payment_attempts a ON a.id = h.attempt LEFT JOIN bodies b ON b.id = h.body WHERE a.payment = ?1 AND h.id = ?2;

-- paid_tasks -- What a person has to decide, or has decided, about a payment; the newest first.
SELECT id, at, kind, payment, attempt, cause, partner, amount, detail, closed_at, closed_by, close_reason, NULL, NULL, NULL FROM payment_tasks WHERE payment = ? ORDER BY id DESC LIMIT ?;

-- paid_refunds -- Refunds of a payment, the first one first.
SELECT id, payment, name, delivery, amount, reason, state, requested_by, approved_by, partner_reference, document, is_offline, partner, created_at, changed_at, NULL, NULL, NULL FROM refunds WHERE payment = ? ORDER BY id LIMIT ?;

-- paid_receipts -- Receipts of a payment.
SELECT id, kind, key, partner, state, number, media_type, at, body IS NOT NULL FROM payment_receipts WHERE payment = ? ORDER BY id;

-- paid_receipt -- One receipt with its document.
SELECT r.media_type, r.number, b.data_key, b.sealed, r.commitment FROM payment_receipts r LEFT JOIN bodies b ON b.id = r.body WHERE r.payment = ?1 AND r.id = ?2;

-- paid_told -- Deliveries of a dossier's payment events, and of records that were made here, the newest first.
SELECT d.id, d.partner, d.state, d.cause, d.accepted_at, d.changed_at, e.kind, e.id, e.source
FROM dossiers o CROSS JOIN events e ON e.dossier = o.id CROSS JOIN deliveries d ON d.event = e.id
WHERE o.number = ?1 AND (e.kind LIKE 'payment.%' OR e.source = 'lienthong') ORDER BY d.id DESC LIMIT ?2;

-- waiting_payment_tasks -- What a person has to decide, the oldest first.
SELECT t.id, t.at, t.kind, t.payment, t.attempt, t.cause, t.partner, t.amount, t.detail, t.closed_at, t.closed_by, t.close_reason, p.name, o.number, p.unit
FROM (SELECT * FROM payment_tasks WHERE closed_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2) t
  LEFT JOIN payments p ON p.id = t.payment LEFT JOIN dossiers o ON o.id = p.dossier
WHERE (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR t.kind = ?4) ORDER BY t.id LIMIT ?5;

-- decided_payment_tasks -- What persons have decided, the newest first.
SELECT t.id, t.at, t.kind, t.payment, t.attempt, t.cause, t.partner, t.amount, t.detail, t.closed_at, t.closed_by, t.close_reason, p.name, o.number, p.unit
FROM (SELECT * FROM payment_tasks WHERE id < ?1 ORDER BY id DESC LIMIT ?2) t
  LEFT JOIN payments p ON p.id = t.payment LEFT JOIN dossiers o ON o.id = p.dossier
WHERE t.closed_at IS NOT NULL AND (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR t.kind = ?4) ORDER BY t.id DESC LIMIT ?5;

-- one_payment_task -- One of them.
SELECT t.id, t.at, t.kind, t.payment, t.attempt, t.cause, t.partner, t.amount, t.detail, t.closed_at, t.closed_by, t.close_reason, p.name, o.number, p.unit
FROM payment_tasks t LEFT JOIN payments p ON p.id = t.payment LEFT JOIN dossiers o ON o.id = p.dossier WHERE t.id = ?;

-- refunds_of_state -- Refunds that stand so, the oldest first.
SELECT r.id, r.payment, r.name, r.delivery, r.amount, r.reason, r.state, r.requested_by, r.approved_by, r.partner_reference, r.document, r.is_offline, r.partner, r.created_at, r.changed_at, p.name, o.number, p.unit
FROM (SELECT * FROM refunds WHERE state = ?1 AND id > ?2 ORDER BY id LIMIT ?3) r CROSS JOIN payments p ON p.id = r.payment CROSS JOIN dossiers o ON o.id = p.dossier
WHERE (?4 IS NULL OR p.unit IN (SELECT value FROM json_each(?4))) ORDER BY r.id LIMIT ?5;

-- refunds_back -- Refunds from one number down, the newest first.
SELECT r.id, r.payment, r.name, r.delivery, r.amount, r.reason, r.state, r.requested_by, r.approved_by, r.partner_reference, r.document, r.is_offline, r.partner, r.created_at, r.changed_at, p.name, o.number, p.unit
FROM (SELECT * FROM refunds WHERE id < ?1 ORDER BY id DESC LIMIT ?2) r CROSS JOIN payments p ON p.id = r.payment CROSS JOIN dossiers o ON o.id = p.dossier
WHERE (?3 IS NULL OR p.unit IN (SELECT value FROM json_each(?3))) ORDER BY r.id DESC LIMIT ?4;

-- paid_returned -- What a citizen who comes back may know.
SELECT p.state, (SELECT count(*) FROM payment_tasks t WHERE t.payment = p.id AND t.closed_at IS NULL), p.amount, p.expires_at, p.paid_at, p.event
FROM payment_attempts a CROSS JOIN payments p ON p.id = a.payment WHERE a.partner = ?1 AND a.reference = ?2;

-- paid_moves -- Moves of these deliveries, the newest first.
SELECT m.id, m.at, m.delivery, m.from_state, m.to_state, m.cause, m.reason, m.actor
FROM json_each(?1) j CROSS JOIN moves m ON m.delivery = j.value ORDER BY m.id DESC LIMIT ?2;

-- paid_attempt_of -- Whether an attempt is this payment's.
SELECT 1 FROM payment_attempts WHERE id = ?1 AND payment = ?2;

-- money_alarms -- Open tasks: whose money, what is wrong, since when.
SELECT partner, kind, at FROM payment_tasks WHERE closed_at IS NULL ORDER BY id LIMIT ?;

-- forged_callbacks -- How many calls of each gateway did not fit their checksum since a time.
SELECT coalesce(caller, ''), count(*), min(at), max(at) FROM refusals
WHERE at >= ? AND code IN ('bad_signature', 'unsigned') AND route LIKE '/callbacks/%' GROUP BY 1;
