-- due_payment_questions -- Attempts that are to be asked about, the longest due first.
SELECT id FROM payment_attempts WHERE partner = ? AND ask_at <= ? ORDER BY ask_at LIMIT ?;

-- lease_payment_question -- Nobody else asks about it before this time; nor does this worker, should it not come back.
UPDATE payment_attempts SET ask_at = ? WHERE id = ?;

-- heal_payment_questions -- Times that only a clock gone wrong can have written are due now.
UPDATE payment_attempts SET ask_at = ?1 WHERE partner = ?2 AND ask_at > ?3;

-- due_refund_questions -- Refunds that the gateway has not settled yet, the longest due first.
SELECT id FROM refunds WHERE partner = ? AND ask_at <= ? ORDER BY ask_at LIMIT ?;

-- lease_refund_question -- Nobody else asks about it before this time.
UPDATE refunds SET ask_at = ? WHERE id = ?;

-- heal_refund_questions -- Times that only a clock gone wrong can have written are due now.
UPDATE refunds SET ask_at = ?1 WHERE partner = ?2 AND ask_at > ?3;

-- far_payment_questions -- Whether a time was written by a clock gone wrong.
SELECT 1 FROM payment_attempts WHERE partner = ? AND ask_at > ? LIMIT 1;

-- far_refund_questions -- The same for refunds.
SELECT 1 FROM refunds WHERE partner = ? AND ask_at > ? LIMIT 1;
