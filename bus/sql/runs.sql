-- add_run -- One list's one run.
INSERT INTO runs (selection, state, rate, digest, asked_by, carried_by, asked_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7);

-- find_run -- A run.
SELECT id, selection, state, rate, digest, asked_by, asked_at, expires_at, decided_by, decided_at, next, ended_at, lease_until,
  owner, fence, carried_by, halted_for FROM runs WHERE id = ?;

-- run_of_selection -- The run of a list.
SELECT id FROM runs WHERE selection = ?;

-- run_on_ones_own -- Items of the runs that an account began since then with nobody's yes.
SELECT coalesce(sum(s.count), 0) FROM runs r JOIN selections s ON s.id = r.selection
WHERE r.asked_by = ? AND r.asked_at > ? AND r.expires_at IS NULL;

-- list_runs -- The newest.
SELECT id, selection, state, rate, digest, asked_by, asked_at, expires_at, decided_by, decided_at, next, ended_at, lease_until,
  owner, fence, carried_by, halted_for FROM runs WHERE id < ? ORDER BY id DESC LIMIT ?;

-- runs_asked -- Those that wait for another person, the oldest first.
SELECT id, selection, state, rate, digest, asked_by, asked_at, expires_at, decided_by, decided_at, next, ended_at, lease_until,
  owner, fence, carried_by, halted_for FROM runs WHERE state = 'asked' ORDER BY id LIMIT ?;

-- free_run -- The oldest that is to go on and that nobody has.
SELECT id FROM runs WHERE state = 'running' AND (lease_until IS NULL OR lease_until < ?1 OR lease_until > ?2) ORDER BY id LIMIT 1;

-- lease_run -- Take it, under a new number.
UPDATE runs SET lease_until = ?, owner = ?, fence = fence + 1 WHERE id = ? RETURNING fence;

-- go_on_with_run -- One item further; the lease stands for as long again.
UPDATE runs SET next = ?, lease_until = ? WHERE id = ?;

-- set_run_state -- A person's word, or its end; nobody has it any more.
UPDATE runs SET state = ?, ended_at = ?, halted_for = NULL, lease_until = NULL, owner = NULL, fence = fence + 1 WHERE id = ?;

-- halt_run -- It stands, for whoever answers for it may not carry it on.
UPDATE runs SET state = 'paused', halted_for = ?, lease_until = NULL, owner = NULL, fence = fence + 1 WHERE id = ?;

-- carry_run -- Who answers for a run that stood and is to go on.
UPDATE runs SET carried_by = ? WHERE id = ? AND state = 'paused';

-- decide_run -- The other person's word.
UPDATE runs SET state = ?, decided_by = ?, decided_at = ?, ended_at = ? WHERE id = ?;

-- add_run_item -- What became of one.
INSERT INTO run_items (run, n, at, outcome) VALUES (?, ?, ?, ?);

-- run_outcomes -- How many came to what.
SELECT outcome, count(*) FROM run_items WHERE run = ? GROUP BY outcome ORDER BY count(*) DESC, outcome;

-- runs_expired -- Questions that nobody looked at in time.
SELECT id FROM runs WHERE state = 'asked' AND expires_at < ?;

-- free_run_again -- Its process stops; another goes on at once.
UPDATE runs SET lease_until = NULL, owner = NULL, fence = fence + 1 WHERE id = ?;
