-- make_theirs -- The platform's rows, while they are compared.
CREATE TEMP TABLE theirs (line INTEGER PRIMARY KEY, reference TEXT NOT NULL, transaction_id TEXT NOT NULL, bank TEXT NOT NULL,
  at INTEGER NOT NULL, told_time TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, verdict TEXT NOT NULL);

-- make_export -- The one-stop system's own rows, while they are compared.
CREATE TEMP TABLE export (line INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, amount INTEGER NOT NULL, is_paid INTEGER NOT NULL);

-- make_takers -- Who is told of a source's payments.
CREATE TEMP TABLE takers (source TEXT PRIMARY KEY, partner TEXT NOT NULL) WITHOUT ROWID;

-- make_scope -- Units whose payments are these, or are not.
CREATE TEMP TABLE scope (unit TEXT PRIMARY KEY) WITHOUT ROWID;

-- add_scope -- One of them.
INSERT INTO scope (unit) VALUES (?);

-- make_found -- Where they differ.
CREATE TEMP TABLE found (class TEXT NOT NULL, line INTEGER, reference TEXT, transaction_id TEXT, verdict TEXT, told_at INTEGER, told_time TEXT,
  bank TEXT, currency TEXT, payment INTEGER, attempt INTEGER, delivery INTEGER, ours INTEGER, theirs INTEGER, one_stop INTEGER, detail TEXT NOT NULL DEFAULT '');

-- make_across -- Attempts whose day is another one here.
CREATE TEMP TABLE across (attempt INTEGER PRIMARY KEY);

-- add_theirs -- Some of the platform's rows.
INSERT INTO theirs (line, reference, transaction_id, bank, at, told_time, amount, currency, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_export -- Some of the one-stop system's rows.
INSERT INTO export (line, source, name, amount, is_paid) VALUES (?, ?, ?, ?, ?);

-- add_taker -- One of them.
INSERT INTO takers (source, partner) VALUES (?, ?);

-- order_theirs -- By reference, as they are looked up.
CREATE INDEX temp.theirs_reference ON theirs (reference, verdict, transaction_id, line);

-- order_export -- By the source's own number.
CREATE INDEX temp.export_name ON export (source, name);

-- order_found -- What was found already.
CREATE INDEX temp.found_attempt ON found (attempt);

-- theirs_doubled -- Rows that stand twice in the platform's file.
SELECT max(line), reference FROM theirs GROUP BY reference, verdict, transaction_id HAVING count(*) > 1 ORDER BY max(line) LIMIT ?;

-- export_doubled -- Payments that stand twice in the one-stop system's file.
SELECT max(line), name FROM export GROUP BY source, name HAVING count(*) > 1 ORDER BY max(line) LIMIT ?;

-- find_theirs -- What the platform's rows say otherwise than the ledger.
INSERT INTO found (class, line, reference, transaction_id, verdict, told_at, told_time, bank, currency, payment, attempt, ours, theirs, detail)
SELECT class, line, reference, transaction_id, verdict, at, told_time, bank, currency, payment, attempt, ours, amount, detail FROM (
  SELECT CASE
      WHEN t.verdict <> 'paid' THEN CASE WHEN a.state = 'paid' AND NOT EXISTS (
          SELECT 1 FROM theirs o WHERE o.reference = t.reference AND o.verdict = 'paid') THEN 'contradiction' END
      WHEN a.id IS NULL THEN CASE WHEN k.id IS NULL THEN 'orphan' ELSE 'other_reference' END
      WHEN t.currency <> p.currency OR t.amount <> p.amount THEN 'amount_difference'
      WHEN a.state <> 'paid' THEN CASE
        WHEN p.paid_attempt IS NOT NULL OR p.state = 'paid_at_counter' OR EXISTS (
          SELECT 1 FROM theirs o WHERE o.reference = t.reference AND o.verdict = 'paid' AND o.line < t.line) THEN 'double_payment'
        ELSE 'missed_callback' END
      WHEN t.transaction_id IN ('', a.transaction_id) OR a.transaction_id IS NULL THEN NULL
      WHEN EXISTS (SELECT 1 FROM theirs o WHERE o.reference = t.reference AND o.verdict = 'paid'
        AND (o.transaction_id = a.transaction_id OR o.line < t.line)) THEN 'double_payment'
      ELSE 'other_transaction' END AS class,
    t.line, t.reference, t.transaction_id, t.verdict, t.at, t.told_time, t.bank, t.currency, coalesce(a.payment, k.payment) AS payment,
    coalesce(a.id, k.id) AS attempt, p.amount AS ours, t.amount,
    coalesce(CASE WHEN t.currency <> p.currency THEN p.currency || ' ' || t.currency ELSE a.state END, '') AS detail
  FROM theirs t
  LEFT JOIN payment_attempts a ON a.partner = ?1 AND a.reference = t.reference
  LEFT JOIN payments p ON p.id = a.payment
  LEFT JOIN payment_attempts k ON a.id IS NULL AND k.partner = ?1 AND k.transaction_id = nullif(t.transaction_id, '')
  ORDER BY t.line)
WHERE class IS NOT NULL;

-- find_across -- Attempts of this file that were paid on another day by our books.
INSERT OR IGNORE INTO across (attempt) SELECT a.id FROM theirs t JOIN payment_attempts a ON a.partner = ?1 AND a.reference = t.reference
WHERE t.verdict = 'paid' AND a.state = 'paid' AND (a.paid_at < ?2 OR a.paid_at >= ?3);

-- find_missing -- What was paid on this day here, and stands in no file.
INSERT INTO found (class, reference, transaction_id, told_at, currency, payment, attempt, ours)
SELECT 'missing_there', a.reference, a.transaction_id, a.paid_at, p.currency, p.id, a.id, p.amount
FROM payment_attempts a JOIN payments p ON p.id = a.payment
WHERE a.partner = ?1 AND a.state = 'paid' AND a.paid_at >= ?2 AND a.paid_at < ?3 AND (ifnull(p.unit, '') IN (SELECT unit FROM scope)) = ?4
  AND NOT EXISTS (SELECT 1 FROM theirs t WHERE t.reference = a.reference)
  AND NOT EXISTS (SELECT 1 FROM found f WHERE f.attempt = a.id)
  AND NOT EXISTS (SELECT 1 FROM settlement_across x JOIN settlement_runs r ON r.id = x.run WHERE x.attempt = a.id AND r.state = 'done');

-- find_untold -- What was paid on this day, and the one-stop system has not acknowledged.
INSERT INTO found (class, reference, transaction_id, told_at, currency, payment, attempt, delivery, ours, detail)
SELECT 'one_stop_not_told', a.reference, a.transaction_id, a.paid_at, p.currency, p.id, a.id, d.id, p.amount, coalesce(d.state, 'none')
FROM payment_attempts a JOIN payments p ON p.id = a.payment AND p.paid_attempt = a.id
JOIN takers k ON k.source = p.source LEFT JOIN deliveries d ON d.partner = k.partner AND d.event = (
  SELECT n.event FROM payment_news n JOIN events e ON e.id = n.event WHERE n.payment = p.id AND e.kind = 'payment.settled' ORDER BY n.event DESC LIMIT 1)
WHERE a.partner = ?1 AND a.state = 'paid' AND a.paid_at >= ?2 AND a.paid_at < ?3 AND (ifnull(p.unit, '') IN (SELECT unit FROM scope)) = ?4 AND d.state IS NOT 'delivered';

-- find_export -- What the one-stop system's rows say otherwise than the ledger.
INSERT INTO found (class, line, reference, currency, payment, attempt, ours, one_stop, detail)
SELECT class, line, coalesce(reference, name), currency, payment, attempt, ours, amount, detail FROM (
  SELECT CASE
      WHEN p.id IS NULL THEN CASE WHEN e.is_paid THEN 'one_stop_orphan' END
      WHEN p.state IN ('paid', 'refund_pending', 'partly_refunded', 'refunded', 'paid_at_counter') <> e.is_paid THEN 'one_stop_state'
      WHEN e.is_paid AND e.amount <> p.amount THEN 'one_stop_amount' END AS class,
    e.line, e.name, a.reference, p.currency, p.id AS payment, a.id AS attempt, p.amount AS ours, e.amount, coalesce(p.state, '') AS detail
  FROM export e LEFT JOIN payments p ON p.source = e.source AND p.name = e.name
  LEFT JOIN payment_attempts a ON a.id = coalesce(p.paid_attempt, (SELECT max(id) FROM payment_attempts WHERE payment = p.id))
  WHERE p.id IS NULL OR (a.partner = ?1 AND (ifnull(p.unit, '') IN (SELECT unit FROM scope)) = ?2))
WHERE class IS NOT NULL;

-- find_unlisted -- What was paid on this day, was acknowledged by the one-stop system, and is not in its file.
INSERT INTO found (class, reference, transaction_id, told_at, currency, payment, attempt, ours, detail)
SELECT 'one_stop_state', a.reference, a.transaction_id, a.paid_at, p.currency, p.id, a.id, p.amount, 'absent'
FROM payment_attempts a JOIN payments p ON p.id = a.payment AND p.paid_attempt = a.id
WHERE a.partner = ?1 AND a.state = 'paid' AND a.paid_at >= ?2 AND a.paid_at < ?3 AND (ifnull(p.unit, '') IN (SELECT unit FROM scope)) = ?4
  AND NOT EXISTS (SELECT 1 FROM export e WHERE e.source = p.source AND e.name = p.name)
  AND NOT EXISTS (SELECT 1 FROM found f WHERE f.attempt = a.id AND f.class = 'one_stop_not_told');

-- count_theirs -- Rows, their sum, and those that differ.
SELECT count(*), coalesce(sum(amount), 0), (SELECT count(*) FROM found WHERE verdict IS NOT NULL), (SELECT count(*) FROM found) FROM theirs;

-- all_found -- Where they differ, class by class in the order of the file.
SELECT class, line, reference, transaction_id, verdict, told_at, told_time, bank, currency, payment, attempt, delivery, ours, theirs, one_stop, detail
FROM found ORDER BY class, line, attempt;

-- all_across -- Attempts whose day is another one here.
SELECT attempt FROM across ORDER BY attempt;

-- find_settlement -- The run of these very files.
SELECT id, state FROM settlement_runs WHERE partner = ? AND merchant = ? AND day = ? AND file = ? AND digest = ? AND one_stop_digest = ?;

-- add_settlement -- A run begins.
INSERT INTO settlement_runs (partner, merchant, day, file, digest, one_stop_file, one_stop_digest, state, actor, at)
VALUES (?, ?, ?, ?, ?, ?, ?, 'reading', ?, ?);

-- begin_settlement_again -- After a crash, or in place of a refusal; whoever had it writes nothing more.
UPDATE settlement_runs SET state = 'reading', fence = fence + 1, actor = ?, at = ?, findings = 0, ended_at = NULL WHERE id = ?;

-- forget_differences -- Of a run that begins again.
DELETE FROM settlement_differences WHERE run = ?;

-- forget_findings -- Of a run that begins again.
DELETE FROM settlement_findings WHERE run = ?;

-- forget_across -- Of a run that begins again.
DELETE FROM settlement_across WHERE run = ?;

-- settlement_fence -- Who writes for it.
SELECT fence, state FROM settlement_runs WHERE id = ?;

-- add_difference -- One of them.
INSERT INTO settlement_differences (run, class, line, reference, transaction_id, verdict, told_at, told_time, bank, currency, payment, attempt, delivery,
  ours, theirs, one_stop, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_finding -- What is wrong with a file.
INSERT INTO settlement_findings (run, side, line, rule, field, detail) VALUES (?, ?, ?, ?, ?, ?);

-- add_across -- An attempt that stands in another day's file.
INSERT OR IGNORE INTO settlement_across (attempt, run) VALUES (?, ?);

-- find_late_row -- What another day's run missed and this file has: nothing is left to do.
UPDATE settlement_differences SET closed_at = ?, closed_by = 'bus', close_reason = ? WHERE class = 'missing_there' AND closed_at IS NULL AND attempt = ?;

-- earlier_settlement -- The run of this day that stood until now.
SELECT id, digest FROM settlement_runs WHERE partner = ? AND merchant = ? AND day = ? AND state = 'done' AND id <> ? ORDER BY id DESC LIMIT 1;

-- replace_settlements -- A later file took their place.
UPDATE settlement_runs SET state = 'replaced' WHERE partner = ? AND merchant = ? AND day = ? AND state = 'done' AND id <> ?;

-- close_replaced -- What they found is told anew by the run that took their place.
UPDATE settlement_differences SET closed_at = ?1, closed_by = 'bus', close_reason = ?2
WHERE closed_at IS NULL AND run IN (SELECT id FROM settlement_runs WHERE partner = ?3 AND merchant = ?4 AND day = ?5 AND state = 'replaced');

-- end_replaced_repairs -- Wishes about a run that was replaced.
UPDATE settlement_repairs SET state = 'expired', ended_at = ?1
WHERE state IN ('asked', 'running') AND run IN (SELECT id FROM settlement_runs WHERE partner = ?2 AND merchant = ?3 AND day = ?4 AND state = 'replaced');

-- end_settlement -- It is compared.
UPDATE settlement_runs SET state = 'done', replaces = ?, is_changed = ?, rows = ?, total = ?, matched = ?, differing = ?, ended_at = ? WHERE id = ?;

-- refuse_settlement -- Something is wrong with the file.
UPDATE settlement_runs SET state = 'refused', rows = ?, findings = ?, ended_at = ? WHERE id = ?;

-- get_settlement -- One run.
SELECT id, partner, merchant, day, file, digest, one_stop_file, state, replaces, is_changed, rows, findings, total, matched, differing, actor, at, ended_at
FROM settlement_runs WHERE id = ?;

-- newest_settlements -- The newest runs.
SELECT id, partner, merchant, day, file, digest, one_stop_file, state, replaces, is_changed, rows, findings, total, matched, differing, actor, at, ended_at
FROM settlement_runs WHERE id < ? ORDER BY id DESC LIMIT ?;

-- settlement_findings_page -- What is wrong with a run's files.
SELECT side, line, rule, field, detail FROM settlement_findings WHERE run = ? ORDER BY id LIMIT ?;

-- settlement_classes -- How many of each class, and how many of these are still open.
SELECT class, count(*), coalesce(sum(closed_at IS NULL), 0), coalesce(sum(abs(coalesce(theirs, one_stop, 0) - coalesce(ours, 0))), 0)
FROM settlement_differences WHERE run = ? GROUP BY class ORDER BY class;

-- settlement_page -- A run's differences from one on; of a class where one is named, and only open ones where that is asked.
SELECT f.id, f.class, f.line, f.reference, f.transaction_id, f.verdict, f.told_at, f.told_time, f.bank, f.currency, f.payment, f.attempt, f.delivery,
  f.ours, f.theirs, f.one_stop, f.detail, f.repaired_at, f.repaired_by, f.outcome, f.closed_at, f.closed_by, f.close_reason, o.number, o.unit, p.name
FROM settlement_differences f LEFT JOIN payments p ON p.id = f.payment LEFT JOIN dossiers o ON o.id = p.dossier
WHERE f.run = ?1 AND f.id > ?2 AND f.id <= ?3 AND (?4 = '' OR instr(' ' || ?4 || ' ', ' ' || f.class || ' ')) AND (?5 = 0 OR f.closed_at IS NULL)
ORDER BY f.id LIMIT ?6;

-- open_differences -- Those that a repair of some classes is about.
SELECT id FROM settlement_differences WHERE run = ?1 AND closed_at IS NULL AND instr(' ' || ?2 || ' ', ' ' || class || ' ') ORDER BY id;

-- next_day_is_in -- Whether a later day of this partner was compared: what it would have brought is known.
SELECT 1 FROM settlement_runs r JOIN settlement_runs n ON n.partner = r.partner AND n.merchant = r.merchant AND n.day = date(r.day, '+1 day') AND n.state IN ('done', 'replaced') WHERE r.id = ?;

-- repair_difference -- What its repair came to; closed where nothing is left to do.
UPDATE settlement_differences SET repaired_at = ?1, repaired_by = ?2, outcome = ?3, closed_at = CASE WHEN ?4 THEN ?1 END,
  closed_by = CASE WHEN ?4 THEN ?2 END, close_reason = CASE WHEN ?4 THEN ?5 END WHERE id = ?6;

-- add_settlement_repair -- A person's wish.
INSERT INTO settlement_repairs (run, classes, digest, count, last, state, actor, reason, asked_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- same_settlement_repair -- The same wish, not yet carried out.
SELECT id FROM settlement_repairs WHERE run = ? AND digest = ? AND state IN ('asked', 'running');

-- settlement_repaired_alone -- How many differences of a run are repaired, or about to be, without another person's word.
SELECT coalesce(sum(CASE state WHEN 'running' THEN count ELSE done END), 0) FROM settlement_repairs
WHERE run = ? AND decided_by IS NULL;

-- get_settlement_repair -- One.
SELECT id, run, classes, digest, count, last, state, next, done, actor, reason, asked_at, expires_at, decided_by, decided_at, ended_at
FROM settlement_repairs WHERE id = ?;

-- settlement_repairs_of -- A run's, the newest first.
SELECT id, run, classes, digest, count, last, state, next, done, actor, reason, asked_at, expires_at, decided_by, decided_at, ended_at
FROM settlement_repairs WHERE run = ? ORDER BY id DESC LIMIT ?;

-- running_settlement_repairs -- What is to be carried on.
SELECT id FROM settlement_repairs WHERE state = 'running' ORDER BY id;

-- settlement_repairs_asked -- What waits for another person.
SELECT id FROM settlement_repairs WHERE state = 'asked' ORDER BY id LIMIT ?;

-- settlement_repairs_expired -- Questions that nobody answered in time.
UPDATE settlement_repairs SET state = 'expired', ended_at = ?1 WHERE state = 'asked' AND expires_at < ?1;

-- go_on_with_settlement_repair -- A page further.
UPDATE settlement_repairs SET next = ?, done = done + ? WHERE id = ?;

-- decide_settlement_repair -- The other person's word.
UPDATE settlement_repairs SET state = ?, decided_by = ?, decided_at = ?, ended_at = ? WHERE id = ?;

-- end_settlement_repair -- It has been through all of them, or goes on no more.
UPDATE settlement_repairs SET state = ?, ended_at = ? WHERE id = ?;
