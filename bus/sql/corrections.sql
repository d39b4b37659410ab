-- correctable -- A delivery's event with all that decides whether another may stand for it, and where.
SELECT e.id, e.kind, e.place, e.occurred_at, d.place, d.late, d.needs_record, l.top_record_place, o.unit,
  coalesce((SELECT root FROM corrections WHERE event = e.id), e.id),
  EXISTS (SELECT 1 FROM deliveries t WHERE t.lane = d.lane AND t.blocks = 1 AND t.rule = 'every_step' AND t.place = d.place AND t.event > e.id)
FROM deliveries d JOIN events e ON e.id = d.event JOIN lanes l ON l.id = d.lane JOIN dossiers o ON o.id = e.dossier WHERE d.id = ?;

-- add_correction -- Which event stands for which.
INSERT INTO corrections (event, of_event, root, delivery) VALUES (?, ?, ?, ?);

-- corrections_of_dossier -- Which of its events stand for which others.
SELECT c.event, c.of_event, c.delivery FROM corrections c JOIN events e ON e.id = c.event JOIN dossiers o ON o.id = e.dossier
WHERE o.number = ? ORDER BY c.event;

-- source_of_event -- Who told it.
SELECT source FROM events WHERE id = ?;
