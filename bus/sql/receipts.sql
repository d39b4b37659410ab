-- add_receipt -- A receipt that is there now; nothing where one of its kind, or its key, is known.
INSERT INTO payment_receipts (payment, kind, key, partner, state, number, amount, adjusts, at, changed_at)
VALUES (?, ?, ?, ?, 'issued', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- receipt_by_key -- What an issuer's key stands for.
SELECT id, payment, state, number, body FROM payment_receipts WHERE partner = ? AND key = ?;

-- set_receipt -- Where it stands now, and its number.
UPDATE payment_receipts SET state = ?, number = ?, changed_at = ? WHERE id = ?;

-- set_receipt_document -- Its document, once.
UPDATE payment_receipts SET media_type = ?, commitment = ?, body = ?, changed_at = ? WHERE id = ?;

-- receipts_wanted -- What a payment's receipts are to be: of whom, and of which fees.
SELECT p.receipts, p.fees FROM payments p WHERE p.id = ?;

-- receipt_kinds -- Kinds of which there is one.
SELECT kind FROM payment_receipts WHERE payment = ? AND adjusts IS NULL;

-- set_receipted -- All are there.
UPDATE payments SET receipted_at = ? WHERE id = ? AND receipted_at IS NULL;

-- bound_receipt -- One receipt, as moves bind it.
SELECT id, payment, kind, key, partner, state, number, amount, adjusts, media_type, commitment, at, changed_at
FROM payment_receipts WHERE id = ?;

-- bound_receipts -- Every one.
SELECT id, payment, kind, key, partner, state, number, amount, adjusts, media_type, commitment, at, changed_at
FROM payment_receipts ORDER BY id;
