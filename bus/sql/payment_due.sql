-- due_attempt -- A dossier's newest attempt that may still be paid, where it is this gateway's.
SELECT id FROM (
  SELECT a.id, a.partner FROM payments p JOIN payment_attempts a ON a.payment = p.id
  WHERE p.dossier = ?1 AND p.state IN ('created', 'unknown', 'open', 'pending') ORDER BY p.id DESC, a.n DESC LIMIT 1
) WHERE partner = ?2;
