-- find_payment -- One that a source named so.
SELECT p.id, p.state, p.amount, p.currency, p.event, p.dossier, e.digest FROM payments p JOIN events e ON e.id = p.event
WHERE p.source = ? AND p.name = ?;

-- told_at_counter -- What else its source told of money at the counter for a dossier.
SELECT id FROM events WHERE dossier = ? AND source = ? AND id <> ? AND kind = 'payment.paid_at_counter' ORDER BY id;

-- read_payment -- One payment, and what its news are made of.
SELECT p.id, p.source, p.name, p.dossier, p.event, p.amount, p.currency, p.gateway, p.receipts, p.issuer, p.state, p.expires_at,
  p.unit, p.procedure, p.kinds, p.account, p.number, o.number, o.due_at, e.traceparent
FROM payments p JOIN dossiers o ON o.id = p.dossier JOIN events e ON e.id = p.event WHERE p.id = ?;

-- add_payment -- What is due.
INSERT INTO payments (source, name, dossier, event, amount, currency, unit, procedure, kinds, fees, number, gateway, receipts,
  issuer, account, account_bank, account_name, state, expires_at, created_at, changed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- set_payment -- Where it stands.
UPDATE payments SET state = ?, changed_at = ? WHERE id = ?;

-- set_paid -- The first success: it counts.
UPDATE payments SET state = 'paid', paid_attempt = ?, paid_at = ?, changed_at = ? WHERE id = ?;

-- set_account -- The account was entered after the payment was asked for.
UPDATE payments SET account = ?, account_bank = ?, account_name = ?, changed_at = ? WHERE id = ? AND account IS NULL;

-- add_payment_attempt -- One try, under a reference of its own, before anything is sent under it.
INSERT INTO payment_attempts (payment, n, partner, reference, delivery, state, made_at, changed_at)
VALUES (?, ?, ?, ?, ?, 'created', ?, ?);

-- is_reference_taken -- Whether this name was given at this gateway.
SELECT 1 FROM payment_attempts WHERE partner = ? AND reference = ?;

-- asked_for_payments -- Whether a source ever asked for one.
SELECT 1 FROM payments WHERE source = ? LIMIT 1;

-- attempt_by_reference -- What is known of an attempt.
SELECT id, payment, n, partner, reference, delivery, state, made_at, opened_at, transaction_id, paid_at, ask_at, asked,
  payment_state, amount, currency, expires_at, paid_attempt, source, name, event, dossier, dossier_number, last,
  (SELECT unit FROM payments p WHERE p.id = payment)
FROM attempts_known WHERE partner = ? AND reference = ?;

-- attempt_by_id -- The same, by its number.
SELECT id, payment, n, partner, reference, delivery, state, made_at, opened_at, transaction_id, paid_at, ask_at, asked,
  payment_state, amount, currency, expires_at, paid_attempt, source, name, event, dossier, dossier_number, last,
  (SELECT unit FROM payments p WHERE p.id = payment)
FROM attempts_known WHERE id = ?;

-- last_payment_attempt -- The newest attempt that a delivery opened.
SELECT id FROM payment_attempts WHERE delivery = ? ORDER BY n DESC LIMIT 1;

-- attempts_of -- Every attempt of a payment.
SELECT id, state, delivery, made_at, opened_at, asked FROM payment_attempts WHERE payment = ? ORDER BY n;

-- is_transaction_elsewhere -- Whether another attempt was paid by it.
SELECT 1 FROM payment_attempts WHERE partner = ? AND transaction_id = ? AND id <> ?;

-- set_attempt -- Where it stands.
UPDATE payment_attempts SET state = ?, code = ?, changed_at = ? WHERE id = ?;

-- set_attempt_told -- What the gateway told of its success.
UPDATE payment_attempts SET transaction_id = coalesce(transaction_id, ?), amount = coalesce(amount, ?), bank = coalesce(bank, ?),
  paid_at = coalesce(paid_at, ?), paid_time = coalesce(paid_time, ?) WHERE id = ?;

-- set_attempt_open -- The gateway opened it.
UPDATE payment_attempts SET state = 'open', opened_at = ?, open_until = ?, offer = ?, offer_commitment = ?, changed_at = ? WHERE id = ?;

-- set_ask_at -- When it is asked about next.
UPDATE payment_attempts SET ask_at = ? WHERE id = ?;

-- note_asked -- It was asked about.
UPDATE payment_attempts SET asked = asked + 1, asked_at = ?, ask_at = ?, lease_until = NULL WHERE id = ?;

-- delivery_stands -- Where a delivery is, and whether a worker has it now.
SELECT d.state, d.lane, d.partner, l.lease_until IS NOT NULL AND l.head IS d.id, d.blocks
FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.id = ?;

-- payment_delivery -- The delivery that opens a payment.
SELECT delivery FROM payment_attempts WHERE payment = ? ORDER BY n DESC LIMIT 1;

-- due_expiries -- Payments whose time is over: asked about since, never sent, or out of patience.
SELECT p.id FROM payments p INDEXED BY payments_expiry WHERE p.state IN ('created', 'unknown', 'open', 'pending') AND p.expires_at <= ?1
  AND (p.expires_at <= ?2 OR NOT EXISTS (SELECT 1 FROM payment_attempts a WHERE a.payment = p.id
    AND a.state IN ('unknown', 'open', 'pending') AND ifnull(a.asked_at, 0) < p.expires_at))
ORDER BY p.expires_at LIMIT ?3;

-- add_hearing -- One thing that a gateway told.
INSERT INTO payment_hearings (at, partner, reference, attempt, via, verdict, effect, transaction_id, amount, currency, code,
  address, key_id, commitment, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- bound_hearings -- Every hearing, as the move that heard it binds it.
SELECT h.id, h.at, h.partner, h.reference, h.attempt, h.via, h.verdict, h.effect, h.transaction_id, h.amount, h.currency, h.code,
  h.address, h.key_id, h.commitment FROM payment_hearings h ORDER BY h.id;

-- payment_stands -- A payment, as moves bind it.
SELECT id, source, name, dossier, event, amount, currency, unit, procedure, kinds, fees, number, gateway, receipts, issuer,
  account, account_bank, account_name, state, expires_at, paid_attempt, paid_at, refunded, created_at FROM payments WHERE id = ?;

-- attempts_stand -- Its attempts, as moves bind them.
SELECT id, payment, n, partner, reference, delivery, state, made_at, opened_at, open_until, offer_commitment, transaction_id,
  amount, bank, paid_at, paid_time, code FROM payment_attempts WHERE payment = ? ORDER BY n;

-- all_payments -- Every payment's number.
SELECT id FROM payments ORDER BY id;

-- count_payment_attempts -- How many there are.
SELECT count(*), (SELECT count(*) FROM payment_attempts a JOIN payments p ON p.id = a.payment) FROM payment_attempts;

-- payment_bindings -- What payments and hearings came to, by the moves that changed them, the oldest first.
SELECT cause, CAST(reason AS INTEGER), binds FROM moves WHERE cause IN ('payment_changed', 'payment_heard') ORDER BY id;

-- add_payment_news -- The ledger's own word of a payment.
INSERT INTO payment_news (event, payment, refund) VALUES (?, ?, ?);

-- standing_of_attempt -- What an adapter needs to know of an attempt and its payment.
SELECT p.id, p.name, a.id, a.n, a.reference, a.made_at, p.amount, p.currency, p.expires_at, p.account, p.account_bank, p.account_name,
  a.transaction_id, a.paid_at, a.paid_time FROM payment_attempts a JOIN payments p ON p.id = a.payment WHERE a.id = ?;

-- attempt_of_news -- The attempt that paid what an event of the ledger's own tells of.
SELECT coalesce(p.paid_attempt, (SELECT a.id FROM payment_attempts a WHERE a.payment = p.id ORDER BY n DESC LIMIT 1))
FROM payment_news w JOIN payments p ON p.id = w.payment WHERE w.event = ?;

-- attempt_of_refund -- The attempt whose money a delivery pays back.
SELECT coalesce(r.attempt, p.paid_attempt) FROM refunds r JOIN payments p ON p.id = r.payment WHERE r.delivery = ?;

-- receipts_of_payment -- Numbers of its receipts, by kind.
SELECT r.kind, r.number FROM payment_receipts r WHERE r.payment = ? AND r.adjusts IS NULL;

-- paid_fees_beside -- What was paid through us of the dossier that an event speaks of.
SELECT p.fees, p.state, p.gateway FROM payments p
WHERE p.dossier = (SELECT dossier FROM events WHERE id = ?) AND p.state IN ('paid', 'refund_pending', 'partly_refunded', 'refunded')
ORDER BY p.id;

-- newest_record -- A dossier's newest record, where it stands, and what became of it at a partner.
SELECT o.record_event, o.record_place, o.origin, o.due_at,
  (SELECT d.state FROM deliveries d WHERE d.event = o.record_event AND d.partner = ?2)
FROM dossiers o WHERE o.id = ?1 AND o.record_event IS NOT NULL;

-- count_payment_news -- How often the ledger told of a payment.
SELECT count(*) FROM payment_news WHERE payment = ?;

-- delivery_of_event -- The delivery of an event that goes to one partner.
SELECT id FROM deliveries WHERE event = ?;

-- renew_payment -- A person has it tried again: it may be paid for so long.
UPDATE payments SET state = 'created', expires_at = ?, changed_at = ? WHERE id = ?;

-- is_payment_delivery -- Whether it opens a payment.
SELECT 1 FROM payment_attempts WHERE delivery = ?;

-- stop_waiting_answer -- It goes anew, under another name: what was not answered was something else.
UPDATE deliveries SET is_unanswered = 0 WHERE id = ?;

-- set_gateway -- A gateway takes it by now: who, to which account, and until when it may be paid.
UPDATE payments SET gateway = ?, receipts = ?, issuer = ?, account = ?, account_bank = ?, account_name = ?, state = 'created',
  expires_at = ?, changed_at = ? WHERE id = ?;
