-- due_dossiers -- Dossiers whose deadline runs, the nearest first, from behind one of them on.
SELECT o.due_at, o.id, o.number, o.national_number, o.procedure, o.unit, o.status, o.received_at FROM dossiers o
WHERE o.due_at IS NOT NULL AND o.status NOT IN ('not_accepted', 'withdrawn', 'stopped', 'completed', 'returned')
  AND o.due_at >= ?1 AND o.due_at < ?2 AND (o.due_at > ?1 OR o.id > ?3) ORDER BY o.due_at, o.id LIMIT ?4;
