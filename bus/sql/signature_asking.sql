-- due_signature_questions -- Signatures that are to be asked about, the longest due first.
SELECT id FROM signatures WHERE service = ? AND ask_at <= ? ORDER BY ask_at LIMIT ?;

-- lease_signature_question -- Nobody else asks about it before this time; nor does this worker, should it not come back.
UPDATE signatures SET ask_at = ? WHERE id = ?;

-- heal_signature_questions -- Times that only a clock gone wrong can have written are due now.
UPDATE signatures SET ask_at = ?1 WHERE service = ?2 AND ask_at > ?3;

-- far_signature_questions -- Whether a time was written by a clock gone wrong.
SELECT 1 FROM signatures WHERE service = ? AND ask_at > ? LIMIT 1;
