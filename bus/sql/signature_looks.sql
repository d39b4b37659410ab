-- signed_back -- Signatures from one number down to another, the newest first, that fit.
SELECT s.id, s.source, s.name, o.number, s.service, s.role, s.level, s.unit, s.procedure, s.state, s.n, s.code, s.created_at, s.changed_at, s.expires_at, s.made_at, s.asked,
  (SELECT count(*) FROM signature_documents d WHERE d.signature = s.id)
FROM signatures s CROSS JOIN dossiers o ON o.id = s.dossier
WHERE s.id < ?5 AND s.id >= ?6
  AND (?1 IS NULL OR s.state IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR s.service = ?2)
  AND (?3 IS NULL OR s.unit IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR o.number = ?4 OR s.name = ?4)
ORDER BY s.id DESC LIMIT ?7;

-- signed_at_ids -- Those of these signatures that fit.
SELECT s.id, s.source, s.name, o.number, s.service, s.role, s.level, s.unit, s.procedure, s.state, s.n, s.code, s.created_at, s.changed_at, s.expires_at, s.made_at, s.asked,
  (SELECT count(*) FROM signature_documents d WHERE d.signature = s.id)
FROM json_each(?2) j CROSS JOIN signatures s ON s.id = j.value CROSS JOIN dossiers o ON o.id = s.dossier
WHERE (?1 IS NULL OR s.unit IN (SELECT value FROM json_each(?1)));

-- signed_ids_waiting -- Signatures that somebody may still sign, whose time is over first, first.
SELECT id FROM signatures WHERE state IN ('created', 'prepared', 'unknown', 'waiting_user', 'at_desk') ORDER BY expires_at LIMIT ?;

-- signed_ids_of_states -- Signatures that stand so, the oldest first.
SELECT id FROM signatures WHERE state IN (SELECT value FROM json_each(?1)) ORDER BY id LIMIT ?2;

-- signed_ids_asked_of -- Signatures whose service wants a one-time code.
SELECT id FROM signatures WHERE state = 'waiting_user' AND code IN ('otp_wanted', 'otp_wrong') ORDER BY id LIMIT ?;

-- signed_ends -- The first and the last signature.
SELECT (SELECT min(id) FROM signatures), (SELECT max(id) FROM signatures);

-- signed_time -- When a signature, or the next one after it, was asked for.
SELECT created_at FROM signatures WHERE id >= ? ORDER BY id LIMIT 1;

-- signed_units -- Every unit that has signatures, by leaps through the index.
WITH RECURSIVE leaps (unit) AS (SELECT (SELECT min(unit) FROM signatures WHERE unit >= '')
  UNION ALL SELECT (SELECT min(unit) FROM signatures WHERE unit > leaps.unit) FROM leaps WHERE leaps.unit IS NOT NULL)
SELECT unit FROM leaps WHERE unit IS NOT NULL LIMIT ?;

-- signed_services -- Every service that was ever asked, by leaps through the index.
WITH RECURSIVE leaps (service) AS (SELECT (SELECT min(service) FROM signatures WHERE service >= '')
  UNION ALL SELECT (SELECT min(service) FROM signatures WHERE service > leaps.service) FROM leaps WHERE leaps.service IS NOT NULL)
SELECT service FROM leaps WHERE service IS NOT NULL;

-- signed_of_dossier -- Signatures of a dossier, the newest first.
SELECT s.id FROM dossiers o CROSS JOIN signatures s ON s.dossier = o.id WHERE o.number = ?1 ORDER BY s.id DESC LIMIT ?2;

-- signed_one -- One signature.
SELECT s.id, s.source, s.name, o.number, s.service, s.role, s.level, s.unit, s.procedure, s.state, s.n, s.code, s.created_at, s.changed_at, s.expires_at, s.made_at, s.asked,
  (SELECT count(*) FROM signature_documents d WHERE d.signature = s.id),
  s.event, s.after, (SELECT name FROM signatures b WHERE b.id = s.after), s.delivery, s.request, s.handle, s.certificate, s.ask_at, s.asked_at, s.finish_at, s.finish_tries, s.signed_at
FROM signatures s CROSS JOIN dossiers o ON o.id = s.dossier WHERE s.id = ?;

-- signed_documents -- Its documents in their order, with what was found of each.
SELECT d.n, d.digest, d.value IS NOT NULL, d.verdict, d.reached, d.code, g.sha256, g.size, g.came_from, g.scanned, f.id, f.sha256, f.size, f.media_type, f.at, b.data_key, b.sealed
FROM signature_documents d LEFT JOIN documents g ON g.id = d.given LEFT JOIN documents f ON f.id = d.signed LEFT JOIN bodies b ON b.id = d.report
WHERE d.signature = ? ORDER BY d.n;

-- signed_hearings -- What was told of a signature, the newest first.
SELECT id, at, partner, via, verdict, effect, code, address FROM signature_hearings WHERE signature = ? ORDER BY id DESC LIMIT ?;

-- signed_hearing -- One thing that was told of a signature, with its bytes.
SELECT h.id, h.at, h.partner, h.via, h.verdict, h.effect, h.code, h.address, h.commitment, b.data_key, b.sealed
FROM signature_hearings h LEFT JOIN bodies b ON b.id = h.body WHERE h.signature = ?1 AND h.id = ?2;

-- signed_told -- Deliveries of a signature's own events: its asking, and what was told of it.
SELECT d.id, d.partner, d.state, d.cause, d.accepted_at, d.changed_at, e.kind
FROM (SELECT ?1 AS event UNION SELECT event FROM signature_news WHERE signature = ?2) t
  CROSS JOIN deliveries d ON d.event = t.event CROSS JOIN events e ON e.id = t.event ORDER BY d.id DESC LIMIT ?3;

-- signed_alarms -- Values that were no proof of what was sent, or came where none was awaited, and documents that did not hold, since a time.
SELECT partner, count(*), min(at), max(at) FROM (
  SELECT partner, at FROM (SELECT partner, at, effect FROM signature_hearings ORDER BY id DESC LIMIT ?2) WHERE effect IN ('wrong_value', 'late') AND at >= ?1
  UNION ALL SELECT service, changed_at FROM (SELECT service, changed_at, finish_tries FROM signatures WHERE state = 'failed' ORDER BY id DESC LIMIT ?2) WHERE finish_tries > 0 AND changed_at >= ?1)
GROUP BY 1;

-- signed_unfinished -- Signatures whose values came before a time, and that still wait for a stamp or for an authority's word.
SELECT service, count(*), min(signed_at) FROM signatures WHERE state IN ('time_stamp_pending', 'indeterminate') AND signed_at < ? GROUP BY 1;
