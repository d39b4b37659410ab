-- find_signature -- One that a source named so, with the digest of the event that asked for it.
SELECT s.id, s.dossier, e.digest FROM signatures s JOIN events e ON e.id = s.event WHERE s.source = ? AND s.name = ?;

-- read_signature -- One signature, with what is told of its dossier.
SELECT s.id, s.source, s.name, s.dossier, s.event, s.after, s.service, s.role, s.level, s.unit, s.procedure, s.state, s.delivery,
  s.n, s.request, s.handle, s.certificate, s.chain, s.code, s.via, s.expires_at, s.opened_at, s.ask_at, s.asked, s.asked_at,
  s.finish_at, s.finish_until, s.finish_fence, s.finish_tries, s.one_time, s.one_times, s.signed_at, s.made_at, s.created_at, o.number,
  o.due_at, e.traceparent
FROM signatures s JOIN dossiers o ON o.id = s.dossier JOIN events e ON e.id = s.event WHERE s.id = ?;

-- add_signature -- What a person is asked to sign, before anything is sent.
INSERT INTO signatures (source, name, dossier, event, after, service, role, level, unit, procedure, state, request, code, expires_at,
  created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_signature_document -- One of its documents.
INSERT INTO signature_documents (signature, n, name, form, is_result, continues) VALUES (?, ?, ?, ?, ?, ?);

-- set_signature_delivery -- The delivery that carries it to its service.
UPDATE signatures SET delivery = ? WHERE id = ?;

-- set_signature -- Where it stands, and why.
UPDATE signatures SET state = ?, code = ?, changed_at = ? WHERE id = ?;

-- set_signature_until -- How long it may be signed, or is worth sending.
UPDATE signatures SET expires_at = ? WHERE id = ?;

-- set_signature_opened -- The service took it, or may have: from now on it is asked about, until its time is over.
UPDATE signatures SET state = ?, handle = coalesce(handle, ?), opened_at = ?, expires_at = ?, changed_at = ? WHERE id = ?;

-- set_signature_handle -- What the service calls it; its first word stands.
UPDATE signatures SET handle = coalesce(handle, ?) WHERE id = ?;

-- set_signed_raw -- Its proof is here: the rest is ours.
UPDATE signatures SET state = 'signed_raw', code = '', via = ?, signed_at = ?, finish_at = ?, finish_tries = 0, ask_at = NULL,
  changed_at = ? WHERE id = ?;

-- set_signature_ask_at -- When the service is asked about it next.
UPDATE signatures SET ask_at = ? WHERE id = ?;

-- note_signature_asked -- It was asked about; when the service last said anything, and when to ask next.
UPDATE signatures SET asked = asked + 1, asked_at = coalesce(?, asked_at), ask_at = ? WHERE id = ?;

-- end_signature -- Nothing more is expected of it by itself.
UPDATE signatures SET state = ?, code = ?, ask_at = NULL, finish_at = NULL, changed_at = ? WHERE id = ?;

-- set_signature_prepared -- Under which certificate its documents were frozen.
UPDATE signatures SET state = CASE state WHEN 'created' THEN 'prepared' ELSE state END, certificate = ?, chain = ?, changed_at = ?
WHERE id = ?;

-- set_document_prepared -- A document as it was frozen.
UPDATE signature_documents SET given = ?, prepared = ?, plan = ?, digest = ? WHERE signature = ? AND n = ?;

-- set_document_value -- Its value, which verifies.
UPDATE signature_documents SET value = ? WHERE signature = ? AND n = ?;

-- set_document_uploaded -- It was signed on an official's desk.
UPDATE signature_documents SET signed = ? WHERE signature = ? AND n = ?;

-- set_document_finished -- What finishing it came to.
UPDATE signature_documents SET signed = coalesce(?, signed), verdict = ?, report = ?, report_commitment = ?, reached = ?, code = ?
WHERE signature = ? AND n = ?;

-- forget_signed_documents -- They are signed anew.
UPDATE signature_documents SET prepared = NULL, plan = NULL, digest = NULL, value = NULL, signed = NULL, verdict = '', report = NULL,
  report_commitment = NULL, reached = '', code = '' WHERE signature = ?;

-- documents_of_signature -- Its documents, in order.
SELECT d.n, d.name, d.form, d.is_result, d.given, d.prepared, d.plan, d.digest, d.value, d.signed, d.verdict, d.reached, d.code,
  g.sha256, t.sha256, t.size
FROM signature_documents d LEFT JOIN documents g ON g.id = d.given LEFT JOIN documents t ON t.id = d.signed
WHERE d.signature = ? ORDER BY d.n;

-- signature_by_request -- By our own id at the service.
SELECT id, n FROM signatures WHERE service = ?1 AND request = ?2
UNION ALL SELECT signature, n FROM signature_tries WHERE service = ?1 AND request = ?2 LIMIT 1;

-- signature_by_handle -- By the service's.
SELECT id, n FROM signatures WHERE service = ?1 AND handle = ?2
UNION ALL SELECT signature, n FROM signature_tries WHERE service = ?1 AND handle = ?2 LIMIT 1;

-- nameless_signatures -- Those that a service may speak of by an id that never reached us, the newest first.
SELECT s.id FROM signatures s INDEXED BY signatures_nameless WHERE s.service = ?1 AND s.handle IS NULL AND s.state IN ('prepared', 'unknown', 'expired')
  AND EXISTS (SELECT 1 FROM signature_documents d WHERE d.signature = s.id AND d.digest IS NOT NULL)
ORDER BY s.id DESC LIMIT ?2;

-- signature_of_delivery -- The one that a delivery carries.
SELECT id FROM signatures WHERE delivery = ?;

-- delivery_to -- An event's delivery to one partner.
SELECT id FROM deliveries WHERE event = ? AND partner = ?;

-- add_signature_try -- Another one takes its place.
INSERT INTO signature_tries (signature, n, service, request, handle, state, code, ended_at)
SELECT id, n, service, request, handle, state, code, ?1 FROM signatures WHERE id = ?2;

-- renew_signature -- The next try: its own id, and nothing of the last one's.
UPDATE signatures SET n = ?, service = ?, level = ?, request = ?, state = ?, delivery = ?, expires_at = ?, handle = NULL,
  certificate = NULL, chain = NULL, code = '', via = '', opened_at = NULL, ask_at = NULL, asked = 0, asked_at = NULL, finish_at = NULL,
  finish_tries = 0, one_time = NULL, one_times = 0, signed_at = NULL, changed_at = ? WHERE id = ?;

-- signatures_after -- Those that wait for one to be made.
SELECT id FROM signatures WHERE after = ? AND state = 'blocked' ORDER BY id;

-- due_signature_expiries -- Those whose time is over: asked about since, never sent, or out of patience.
SELECT s.id FROM signatures s INDEXED BY signatures_expiry
WHERE s.state IN ('blocked', 'created', 'prepared', 'unknown', 'waiting_user', 'at_desk') AND s.expires_at <= ?1
  AND CASE WHEN s.state IN ('unknown', 'waiting_user') THEN s.expires_at <= ?2 OR s.asked_at >= s.expires_at + ?3
    ELSE NOT EXISTS (SELECT 1 FROM deliveries d JOIN lanes l ON l.id = d.lane
      WHERE d.id = s.delivery AND l.head = d.id AND l.lease_until IS NOT NULL) END
ORDER BY s.expires_at LIMIT ?4;

-- due_finishes -- Those whose values are here, the longest due first.
SELECT id FROM signatures INDEXED BY signatures_finish WHERE finish_at <= ?1 AND ifnull(finish_until, 0) <= ?1
ORDER BY finish_at LIMIT ?2;

-- lease_finish -- Nobody else finishes it before this time.
UPDATE signatures SET finish_until = ?, finish_fence = finish_fence + 1 WHERE id = ?;

-- leave_finish -- When it is tried again; never by itself where none is named.
UPDATE signatures SET finish_until = NULL, finish_at = ?, finish_tries = finish_tries + 1 WHERE id = ?;

-- set_finish_at -- A person wants it tried now.
UPDATE signatures SET finish_at = ? WHERE id = ?;

-- set_signature_made -- It is made.
UPDATE signatures SET state = 'made', code = '', made_at = ?1, finish_at = NULL, finish_until = NULL, changed_at = ?1 WHERE id = ?2;

-- put_one_time -- What a person typed, sealed; an earlier one is forgotten.
UPDATE signatures SET one_time = ? WHERE id = ?;

-- take_one_time -- One attempt has it now: whoever waited for it may be signed by that, until it says otherwise.
UPDATE signatures SET one_time = NULL, one_times = one_times + 1, changed_at = ?,
  state = CASE state WHEN 'waiting_user' THEN 'unknown' ELSE state END WHERE id = ?;

-- destroy_body -- Nobody reads it again.
DELETE FROM bodies WHERE id = ?;

-- add_signature_hearing -- One thing that a service told.
INSERT INTO signature_hearings (at, partner, signature, via, verdict, effect, code, address, commitment, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- bound_signature_hearings -- Every hearing, as the move that heard it binds it.
SELECT id, at, partner, signature, via, verdict, effect, code, address, commitment FROM signature_hearings ORDER BY id;

-- signature_stands -- A signature, as moves bind it.
SELECT id, source, name, dossier, event, after, service, role, level, unit, procedure, state, delivery, n, request, handle,
  certificate, chain, code, via, expires_at, opened_at, signed_at, made_at, created_at FROM signatures WHERE id = ?;

-- signature_documents_stand -- Its documents, as moves bind them.
SELECT signature, n, name, form, is_result, continues, given, prepared, plan, digest, value, signed, verdict,
  report_commitment, reached, code FROM signature_documents WHERE signature = ? ORDER BY n;

-- signature_tries_stand -- Its earlier tries, as moves bind them.
SELECT signature, n, service, request, handle, state, code, ended_at FROM signature_tries WHERE signature = ? ORDER BY n;

-- bundle_signatures -- Of one dossier.
SELECT id FROM signatures WHERE dossier = ? ORDER BY id;

-- bundle_signature_hearings -- What services told of a dossier's signatures; the columns that a move binds, and where the bytes are.
SELECT h.id, h.at, h.partner, h.signature, h.via, h.verdict, h.effect, h.code, h.address, h.commitment, h.body, b.sealed IS NULL
FROM signature_hearings h JOIN signatures s ON s.id = h.signature JOIN bodies b ON b.id = h.body WHERE s.dossier = ? ORDER BY h.id;

-- bundle_reports -- How a dossier's signed documents were verified, and where the bytes are.
SELECT d.signature, d.n, d.report_commitment, d.report, b.sealed IS NULL
FROM signature_documents d JOIN signatures s ON s.id = d.signature JOIN bodies b ON b.id = d.report WHERE s.dossier = ? ORDER BY 1, 2;

-- all_signatures -- Every signature's number.
SELECT id FROM signatures ORDER BY id;

-- count_signature_rows -- Documents and tries, and how many of them belong to a signature.
SELECT (SELECT count(*) FROM signature_documents) + (SELECT count(*) FROM signature_tries),
  (SELECT count(*) FROM signature_documents d JOIN signatures s ON s.id = d.signature)
  + (SELECT count(*) FROM signature_tries t JOIN signatures s ON s.id = t.signature);

-- signature_bindings -- What signatures and hearings came to, by the moves that changed them, the oldest first.
SELECT cause, CAST(reason AS INTEGER), binds FROM moves WHERE cause IN ('signature_changed', 'signature_heard') ORDER BY id;

-- add_signature_news -- The ledger's own word of a signature.
INSERT INTO signature_news (event, signature) VALUES (?, ?);

-- count_signature_news -- How often the ledger told of one.
SELECT count(*) FROM signature_news WHERE signature = ?;

-- results_beside -- Signed results of the dossier that an event speaks of, with the event that asked for each.
SELECT s.event, s.made_at, d.n, d.signed FROM signatures s JOIN signature_documents d ON d.signature = s.id
WHERE s.dossier = (SELECT dossier FROM events WHERE id = ?) AND s.state = 'made' AND d.is_result = 1 AND d.signed IS NOT NULL
  AND d.code = '' AND NOT EXISTS (SELECT 1 FROM signatures f JOIN signature_documents c ON c.signature = f.id
    WHERE f.after = s.id AND c.continues = d.name AND f.state NOT IN ('declined', 'expired', 'failed', 'cancelled'))
ORDER BY s.id, d.n;

-- signed_document -- The signed form of a document, by the names that its source gave.
SELECT d.signed FROM signatures s JOIN signature_documents d ON d.signature = s.id
WHERE s.source = ? AND s.name = ? AND s.state = 'made' AND d.name = ? AND d.code = '';

-- doubted_signatures -- What may have been sent after the backup was made.
SELECT id FROM signatures WHERE state IN ('created', 'prepared') AND delivery IS NOT NULL ORDER BY id;

-- free_finishes -- No finisher of before the restore still holds anything.
UPDATE signatures SET finish_until = NULL, finish_fence = finish_fence + 1 WHERE finish_at IS NOT NULL;
