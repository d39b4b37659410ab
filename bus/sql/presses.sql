-- find_press -- What a key was pressed for, and what came of it.
SELECT account, act, target, result FROM presses WHERE key = ?;

-- add_press -- It is pressed now.
INSERT INTO presses (key, account, act, target, pressed_at, result) VALUES (?, ?, ?, ?, ?, ?);

-- forget_presses -- Keys that nobody can press any more.
DELETE FROM presses WHERE pressed_at < ?;

-- all_presses -- What was pressed lately.
SELECT key, account, act, target, pressed_at FROM presses ORDER BY pressed_at;
