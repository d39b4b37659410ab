-- bound_refund -- One refund, as moves bind it.
SELECT id, payment, name, event, delivery, attempt, task, amount, reason, state, request_key, requested_by, approved_by,
  partner_reference, document, is_offline, created_at, changed_at FROM refunds WHERE id = ?;

-- bound_refunds -- Every one.
SELECT id, payment, name, event, delivery, attempt, task, amount, reason, state, request_key, requested_by, approved_by,
  partner_reference, document, is_offline, created_at, changed_at FROM refunds ORDER BY id;

-- bound_payment_task -- One task, as moves bind it.
SELECT id, at, kind, payment, attempt, cause, partner, amount, detail, closed_at, closed_by, close_reason FROM payment_tasks WHERE id = ?;

-- bound_payment_tasks -- Every one.
SELECT id, at, kind, payment, attempt, cause, partner, amount, detail, closed_at, closed_by, close_reason FROM payment_tasks ORDER BY id;

-- bound_beneficiary -- One account, as moves bind it.
SELECT id, unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason,
  approved_at, approved_by, rejected_at, rejected_by FROM beneficiaries WHERE id = ?;

-- bound_beneficiaries -- Every one.
SELECT id, unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason,
  approved_at, approved_by, rejected_at, rejected_by FROM beneficiaries ORDER BY id;

-- money_bindings -- What rows about money came to, by the moves that changed them: the row's number begins the reason.
SELECT cause, CAST(reason AS INTEGER), binds FROM moves
WHERE binds IS NOT NULL AND delivery IS NULL AND event IS NULL
  AND (cause GLOB 'refund_*' OR cause GLOB 'payment_task_*' OR cause GLOB 'beneficiary_*'
  OR cause GLOB 'receipt_*') ORDER BY id;

-- add_payment_task -- A person is asked; once for each cause, for ever.
INSERT INTO payment_tasks (at, kind, payment, attempt, cause, partner, amount, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING id;

-- find_payment_task -- One task.
SELECT id, at, kind, payment, attempt, cause, partner, amount, detail, closed_at, closed_by, close_reason FROM payment_tasks WHERE id = ?;

-- close_payment_task -- Decided.
UPDATE payment_tasks SET closed_at = ?, closed_by = ?, close_reason = ? WHERE id = ?;

-- add_beneficiary -- A proposal.
INSERT INTO beneficiaries (unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- find_beneficiary -- One row.
SELECT id, unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason,
  approved_at, approved_by, rejected_at, rejected_by FROM beneficiaries WHERE id = ?;

-- list_beneficiaries -- All of them, as they were proposed.
SELECT id, unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason,
  approved_at, approved_by, rejected_at, rejected_by FROM beneficiaries WHERE id > ? ORDER BY id LIMIT ?;

-- beneficiaries_asked -- Proposals that nobody has decided.
SELECT id, unit, procedure, fee_kind, account, bank, name, valid_from, valid_until, replaces, proposed_at, proposed_by, reason,
  approved_at, approved_by, rejected_at, rejected_by FROM beneficiaries WHERE approved_at IS NULL AND rejected_at IS NULL ORDER BY id LIMIT ?;

-- beneficiaries_at -- Rows in force at a time that may hold for this procedure and kind of fee; the unit is judged apart.
SELECT unit, procedure, fee_kind, account, bank, name FROM beneficiaries
WHERE approved_at IS NOT NULL AND valid_from <= ? AND (valid_until IS NULL OR valid_until > ?)
  AND procedure IN ('', ?) AND fee_kind IN ('', ?);

-- beneficiaries_of -- Rows that are in force, at any time, for the very same.
SELECT id, valid_from, valid_until FROM beneficiaries
WHERE approved_at IS NOT NULL AND unit = ? AND procedure = ? AND fee_kind = ? ORDER BY id;

-- approve_beneficiary -- Another person's yes.
UPDATE beneficiaries SET approved_at = ?, approved_by = ? WHERE id = ?;

-- reject_beneficiary -- A no.
UPDATE beneficiaries SET rejected_at = ?, rejected_by = ? WHERE id = ?;

-- end_beneficiary -- Another row takes its place from here on.
UPDATE beneficiaries SET valid_until = ?1 WHERE id = ?2 AND (valid_until IS NULL OR valid_until > ?1);

-- payment_of_refund -- What a refund must know of its payment.
SELECT p.id, p.name, p.state, p.amount, p.currency, p.refunded, p.paid_attempt, d.number, p.source
FROM payments p JOIN dossiers d ON d.id = p.dossier WHERE p.id = ?;

-- paid_attempt -- One attempt, as it was paid, and the lane that its gateway is spoken to in.
SELECT a.id, a.partner, a.state, coalesce(a.amount, p.amount), a.transaction_id, d.lane, a.payment
FROM payment_attempts a JOIN payments p ON p.id = a.payment LEFT JOIN deliveries d ON d.id = a.delivery WHERE a.id = ?;

-- refunds_taken -- What of a payment is paid back or asked for, and of which money: attempt, task's cause, the attempt's transaction.
SELECT r.attempt, t.cause, a.transaction_id, r.amount FROM refunds r LEFT JOIN payment_tasks t ON t.id = r.task
  LEFT JOIN payment_attempts a ON a.id = r.attempt WHERE r.payment = ? AND r.state <> 'rejected';

-- refunds_under_way -- How many of a payment's own success somebody has said yes to, and that are not over.
SELECT count(*) FROM refunds WHERE attempt = ? AND task IS NULL AND state IN ('approved', 'pending', 'unclear');

-- refunds_done -- What of a success was paid back.
SELECT coalesce(sum(amount), 0) FROM refunds WHERE attempt = ? AND task IS NULL AND state IN ('refunded', 'offline');

-- refunds_beside -- What else of a success its gateway paid back, or was told to.
SELECT coalesce(sum(amount), 0) FROM refunds WHERE attempt = ? AND task IS NULL AND id <> ? AND is_offline = 0
  AND state IN ('approved', 'pending', 'unclear', 'refunded');

-- count_refunds -- Of a payment: for the next one's key.
SELECT count(*) FROM refunds WHERE payment = ?;

-- find_refund_named -- By its payment and its name.
SELECT id, amount FROM refunds WHERE payment = ? AND name = ?;

-- add_refund -- Asked for.
INSERT INTO refunds (payment, name, event, delivery, attempt, task, amount, reason, state, request_key, requested_by, approved_by,
  is_offline, partner, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- find_refund -- One refund.
SELECT id, payment, name, event, delivery, attempt, task, amount, reason, state, request_key, requested_by, approved_by,
  partner_reference, document, is_offline, created_at, changed_at, partner FROM refunds WHERE id = ?;

-- refunds_of -- Of one payment, as they were asked for.
SELECT id, payment, name, event, delivery, attempt, task, amount, reason, state, request_key, requested_by, approved_by,
  partner_reference, document, is_offline, created_at, changed_at, partner FROM refunds WHERE payment = ? ORDER BY id;

-- refund_of_delivery -- The one that a delivery carries.
SELECT id FROM refunds WHERE delivery = ?;

-- set_refund -- Where it stands now.
UPDATE refunds SET state = ?, approved_by = ?, partner_reference = ?, document = ?, is_offline = ?, ask_at = ?,
  changed_at = ? WHERE id = ?;

-- set_payment_refunded -- What of a payment was paid back, and where it stands for that.
UPDATE payments SET state = ?, refunded = ?, changed_at = ? WHERE id = ?;

-- refund_delivery -- The delivery that carries a refund, and whether a worker has it.
SELECT d.state, d.lane, d.partner, l.lease_until IS NOT NULL AND l.head = d.id, d.tries FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.id = ?;

-- is_refund_delivery -- Whether a delivery carries a refund: it has verbs of its own.
SELECT 1 FROM deliveries d JOIN events e ON e.id = d.event WHERE d.id = ? AND e.kind = 'payment.refund_requested';

-- was_paid_at_counter -- Whether it was paid there after it had been paid online.
SELECT 1 FROM payment_tasks WHERE payment = ? AND kind = 'paid_twice' AND attempt IS NULL LIMIT 1;
