-- find_lane -- One dossier at one partner; a step that is on its way counts as sent.
SELECT l.id, l.record_state, l.top_record_place,
  CASE WHEN h.state = 'sending' AND h.rule = 'every_step' THEN max(coalesce(l.step_place, h.place), h.place) ELSE l.step_place END, h.place
FROM lanes l LEFT JOIN deliveries h ON h.id = l.head WHERE l.dossier = ? AND l.partner = ?;

-- put_lane -- A new lane with its first delivery at its head, under a number that was chosen beforehand.
INSERT INTO lanes (id, dossier, partner, deadline, top_record_place, head, ready_at) VALUES (?, ?, ?, ?, ?, ?, ?);

-- put_delivery -- One event on its way to one partner, under a number that was chosen beforehand; it waits.
INSERT INTO deliveries (id, event, partner, lane, rule, late, needs_record, place, state, cause, blocks, status,
  accepted_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, 1, ?, ?, ?);

-- add_lane -- The first event of a dossier for a partner.
INSERT INTO lanes (dossier, partner, deadline) VALUES (?, ?, ?);

-- set_lane_deadline -- The dossier's due date moved.
UPDATE lanes SET deadline = ? WHERE dossier = ?;

-- set_top_record -- A newer record was accepted.
UPDATE lanes SET top_record_place = ? WHERE id = ?;

-- add_delivery -- One event on its way to one partner.
INSERT INTO deliveries (event, partner, lane, rule, late, needs_record, place, state, cause, reason, due_at, blocks, status,
  accepted_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- find_overtaken -- Records of a lane that a newer one makes needless: nothing of them is on its way.
SELECT id, place, state FROM deliveries
WHERE lane = ? AND rule = 'latest_wins' AND blocks = 1 AND state IN ('waiting', 'held', 'refused') AND place IS NOT NULL
  AND (place < ? OR (place = ? AND event < ?));

-- first_open_step_place -- Where the steps that wait for a first record begin.
SELECT min(place) FROM deliveries WHERE lane = ? AND rule = 'every_step' AND blocks = 1 AND place IS NOT NULL;

-- set_place -- A delivery's place in its lane.
UPDATE deliveries SET place = ? WHERE id = ?;

-- find_unplaced -- Deliveries of an event that waited behind a gap.
SELECT id, lane, rule, needs_record, partner, status, late FROM deliveries WHERE event = ? AND state = 'waiting' AND place IS NULL;

-- enter_line -- It has its place now.
UPDATE deliveries SET place = ?, state = ?, cause = ?, due_at = ?, blocks = ?, changed_at = ? WHERE id = ?;

-- find_head -- First in line, and whether it goes alone.
SELECT id, state, due_at, needs_record, cause, suspected & CASE state WHEN 'waiting' THEN 1 ELSE 2 END FROM deliveries
WHERE lane = ? AND blocks = 1 AND place IS NOT NULL ORDER BY place, event LIMIT 1;

-- set_head -- What the lane waits for, and until when.
UPDATE lanes SET head = ?, ready_at = ? WHERE id = ?;

-- find_lane_gate -- What decides whether a lane may be claimed.
SELECT lease_until, record_state FROM lanes WHERE id = ?;

-- set_cause -- Why a delivery waits, without a change of state.
UPDATE deliveries SET cause = ? WHERE id = ?;

-- move_delivery -- A change of state.
UPDATE deliveries SET state = ?, cause = ?, reason = ?, due_at = ?, blocks = ?, changed_at = ? WHERE id = ?;

-- find_expired -- Lanes whose worker did not come back in time.
SELECT l.id, l.head, d.state, d.crashes, d.suspected FROM lanes l JOIN deliveries d ON d.id = l.head
WHERE l.partner = ? AND l.lease_until IS NOT NULL AND (l.lease_until < ? OR l.lease_until > ?) LIMIT 500;

-- heal_far_future -- Due times that only a clock gone wrong can have written are due now.
UPDATE lanes SET ready_at = ? WHERE partner = ? AND ready_at > ?;

-- free_lane -- The lease is over; its number is used up.
UPDATE lanes SET lease_until = NULL, owner = NULL, fence = fence + 1, head = NULL WHERE id = ?;

-- note_crash -- A worker went away over this delivery.
UPDATE deliveries SET crashes = ?, suspected = suspected | ?, is_unanswered = 1 WHERE id = ?;

-- clear_suspicion -- A worker came back from doing this with it.
UPDATE deliveries SET suspected = suspected & ~?, crashes = CASE suspected & ~? WHEN 0 THEN 0 ELSE crashes END WHERE id = ?;

-- may_have_arrived -- It was on its way: a step makes earlier ones late, and a look-up's no before it is worth nothing.
UPDATE lanes SET exists_there = nullif(exists_there, 0),
  step_place = CASE d.rule WHEN 'every_step' THEN max(coalesce(step_place, d.place), d.place) ELSE step_place END
FROM deliveries d WHERE d.id = ? AND lanes.id = d.lane;

-- due_by_age -- Lanes that may be claimed, the longest ready first.
SELECT id, head FROM lanes WHERE partner = ?1 AND ready_at <= ?2 AND head NOT IN (SELECT id FROM suspects WHERE partner = ?1) ORDER BY ready_at LIMIT ?3;

-- due_by_deadline -- Lanes that may be claimed, the nearest deadline first.
SELECT id, head FROM lanes WHERE partner = ?1 AND ready_at IS NOT NULL AND ready_at <= ?2
  AND head NOT IN (SELECT id FROM suspects WHERE partner = ?1) ORDER BY deadline, ready_at LIMIT ?3;

-- due_newest -- Lanes that became ready last: the share that keeps today fresh while a backlog drains.
SELECT id, head FROM lanes WHERE partner = ?1 AND ready_at <= ?2 AND ready_at > ?3
  AND head NOT IN (SELECT id FROM suspects WHERE partner = ?1) ORDER BY ready_at DESC LIMIT ?4;

-- due_suspect -- The lane of the suspect that waited longest: one, for it goes alone.
SELECT l.id, l.head FROM suspects s JOIN lanes l ON l.id = s.lane AND l.head = s.id
WHERE s.partner = ? AND l.ready_at <= ? ORDER BY l.ready_at LIMIT 1;

-- anything_due -- Whether a claim would find something else than suspects.
SELECT EXISTS (SELECT 1 FROM lanes WHERE partner = ?1 AND ready_at <= ?2
      AND head NOT IN (SELECT id FROM suspects WHERE partner = ?1))
    OR EXISTS (SELECT 1 FROM lanes WHERE partner = ?1 AND ready_at > ?3)
    OR EXISTS (SELECT 1 FROM lanes WHERE partner = ?1 AND lease_until IS NOT NULL AND (lease_until < ?2 OR lease_until > ?4));

-- next_due -- When the next lane becomes ready, or the next lease runs out.
SELECT min(t) FROM (SELECT min(ready_at) AS t FROM lanes WHERE partner = ? AND ready_at IS NOT NULL
  UNION ALL SELECT min(lease_until) FROM lanes WHERE partner = ? AND lease_until IS NOT NULL);

-- lease_lane -- Take it, under a new number.
UPDATE lanes SET lease_until = ?, owner = ?, fence = fence + 1, ready_at = NULL, head = ? WHERE id = ? RETURNING fence;

-- start_sending -- The head goes out.
UPDATE deliveries SET state = 'sending', cause = 'claimed', due_at = NULL, tries = tries + 1, changed_at = ? WHERE id = ?;

-- load_claimed -- All that a worker needs to know.
SELECT d.id, d.partner, d.lane, d.state, d.tries, d.crashes, d.is_unanswered, d.rule, d.place, e.id, e.source, e.event_id, e.kind,
  e.occurred_at, e.sequence, e.digest, e.traceparent, b.data_key, b.sealed, o.number, o.procedure, o.unit,
  o.national_number, o.received_at, l.exists_there, l.shown_status, l.record_state,
  d.suspected & CASE d.state WHEN 'waiting' THEN 1 ELSE 2 END, o.origin,
  (SELECT national_number FROM own_numbers WHERE own_number = o.number),
  (SELECT own_number FROM own_numbers WHERE national_number = o.number),
  CASE WHEN o.national_number IS NOT NULL THEN
    (SELECT f.kind = 'dossier.filed' FROM events f WHERE f.dossier = o.id ORDER BY f.id LIMIT 1) END,
  (SELECT own_number FROM own_numbers WHERE national_number = o.national_number),
  (SELECT f.kind = 'dossier.filed' FROM events f JOIN dossiers t ON t.id = f.dossier WHERE t.number = o.national_number
   ORDER BY f.id LIMIT 1), o.source
FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.id = d.event
  JOIN dossiers o ON o.id = e.dossier JOIN bodies b ON b.id = e.body
WHERE d.id = ?;

-- count_leased -- Calls of all workers on their way to a partner.
SELECT count(*) FROM lanes WHERE partner = ? AND lease_until IS NOT NULL;

-- record_is_there -- The partner has a record of the dossier, under a rule by which none replaces another.
UPDATE lanes SET record_state = 'shown', exists_there = 1 WHERE id = ? AND record_state = 'none';

-- adopt_step -- A step that is on the portal already.
UPDATE lanes SET shown_status = ?, step_place = max(coalesce(step_place, ?), ?) WHERE id = ?;
