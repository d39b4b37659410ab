-- add_document -- What lies in the store for a dossier, once for each role; nothing where the dossier is not known.
INSERT INTO documents (dossier, sha256, size, media_type, role, came_from, scanned, at)
SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM dossiers WHERE number = ?1
ON CONFLICT (dossier, sha256, role) DO NOTHING RETURNING id;

-- document_as -- A document of a dossier by its content and role.
SELECT d.id, d.scanned FROM documents d JOIN dossiers o ON o.id = d.dossier WHERE o.number = ? AND d.sha256 = ? AND d.role = ?;

-- set_document_clean -- It was looked through after all.
UPDATE documents SET scanned = 'clean' WHERE id = ?;

-- read_document -- One, with its dossier's number.
SELECT d.id, o.number, d.sha256, d.size, d.media_type, d.role, d.came_from, d.scanned, d.at
FROM documents d JOIN dossiers o ON o.id = d.dossier WHERE d.id = ?;

-- documents_of -- A dossier's, the oldest first.
SELECT d.id, o.number, d.sha256, d.size, d.media_type, d.role, d.came_from, d.scanned, d.at
FROM documents d JOIN dossiers o ON o.id = d.dossier WHERE o.number = ? ORDER BY d.id;

-- stored_documents -- All, one behind another: which content of which dossier.
SELECT DISTINCT o.number, d.sha256, d.size FROM documents d JOIN dossiers o ON o.id = d.dossier ORDER BY o.number, d.sha256;

-- is_content_named -- Whether any dossier's document is this content.
SELECT 1 FROM documents d JOIN dossiers o ON o.id = d.dossier WHERE o.number = ? AND d.sha256 = ? LIMIT 1;

-- event_of_document -- The event that gave a signature's document its name, and which of its documents that is.
SELECT s.event, m.n FROM documents d JOIN signatures s ON s.dossier = d.dossier
JOIN signature_documents m ON m.signature = s.id AND d.id IN (m.given, m.prepared, m.signed)
WHERE d.id = ? ORDER BY s.id LIMIT 1;

-- bound_document -- One row, as its move binds it.
SELECT id, dossier, sha256, size, media_type, role, came_from, scanned, at FROM documents WHERE id = ?;

-- bound_documents -- Every row, as moves bind them.
SELECT id, dossier, sha256, size, media_type, role, came_from, scanned, at FROM documents ORDER BY id;

-- document_bindings -- What documents and tickets came to, by the moves that changed them: the row's number begins the reason.
SELECT cause, CAST(reason AS INTEGER), binds FROM moves
WHERE binds IS NOT NULL AND delivery IS NULL AND event IS NULL AND (cause GLOB 'document_*' OR cause GLOB 'ticket_*')
ORDER BY id;

-- add_ticket -- One document may be handed in once.
INSERT INTO upload_tickets (hash, signature, n, account, expires_at) VALUES (?, ?, ?, ?, ?);

-- end_tickets -- Of the same document and person: the newest ticket is the only one that opens.
UPDATE upload_tickets SET expires_at = min(expires_at, ?) WHERE signature = ? AND n = ? AND account = ? AND used_at IS NULL
AND expires_at > ? RETURNING id;

-- ticket_of_hash -- By the hash of what was told.
SELECT id, signature, n, account, expires_at, used_at FROM upload_tickets WHERE hash = ?;

-- use_ticket -- It is used now, and never again.
UPDATE upload_tickets SET used_at = ? WHERE id = ?;

-- judge_ticket -- What the upload came to.
UPDATE upload_tickets SET document = ?, verdict = ? WHERE id = ?;

-- tickets_of -- Of one signature, the newest first.
SELECT id, n, account, expires_at, used_at, document, verdict FROM upload_tickets WHERE signature = ? ORDER BY id DESC;

-- bound_ticket -- One row, as its move binds it.
SELECT id, hex(hash), signature, n, account, expires_at, used_at, document, verdict FROM upload_tickets WHERE id = ?;

-- bound_tickets -- Every row, as moves bind them.
SELECT id, hex(hash), signature, n, account, expires_at, used_at, document, verdict FROM upload_tickets ORDER BY id;

-- set_document_given -- What is handed out to be signed; nothing where it is that already.
UPDATE signature_documents SET given = ?1 WHERE signature = ?2 AND n = ?3 AND given IS NOT ?1;
