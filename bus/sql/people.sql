-- all_roles -- Every role and its rights.
SELECT name, rights FROM roles ORDER BY name;

-- seed_role -- A built-in role, where nobody has changed it yet.
INSERT OR IGNORE INTO roles (name, rights) VALUES (?, ?);

-- put_role -- A role from now on.
INSERT INTO roles (name, rights) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET rights = excluded.rights;

-- drop_role -- A role that nobody has.
DELETE FROM roles WHERE name = ?;

-- any_account -- Whether there is one.
SELECT 1 FROM accounts LIMIT 1;

-- find_account -- One account by name.
SELECT name, shown, password, issuer, subject, roles, units, language, made_at, disabled_at FROM accounts WHERE name = ?;

-- find_account_of -- One account by what the provider calls it.
SELECT name, shown, password, issuer, subject, roles, units, language, made_at, disabled_at FROM accounts
WHERE issuer = ? AND subject = ?;

-- list_accounts -- A page, by name.
SELECT name, shown, password, issuer, subject, roles, units, language, made_at, disabled_at FROM accounts
WHERE name > ? ORDER BY name LIMIT ?;

-- all_accounts -- Every one, as moves bind it.
SELECT name, shown, password, issuer, subject, roles, units, language, made_at, disabled_at FROM accounts ORDER BY name;

-- grant_bindings -- What accounts and roles came to, by the moves that changed them.
SELECT cause, reason, binds FROM moves
WHERE binds IS NOT NULL AND delivery IS NULL AND event IS NULL
  AND (cause GLOB 'account_*' OR cause GLOB 'password_*' OR cause GLOB 'role_*') ORDER BY id;

-- grants -- What every account has that is not disabled, and whether it has a password of its own.
SELECT name, roles, password IS NOT NULL FROM accounts WHERE disabled_at IS NULL;

-- accounts_with_role -- Of any account, disabled or not.
SELECT name FROM accounts WHERE EXISTS (SELECT 1 FROM json_each(roles) WHERE value = ?) ORDER BY name;

-- add_account -- A new one.
INSERT INTO accounts (name, shown, password, issuer, subject, roles, units, language, made_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- set_password -- In place of the old one.
UPDATE accounts SET password = ? WHERE name = ?;

-- set_rehashed -- The same password under other parameters, unless it was changed meanwhile.
UPDATE accounts SET password = ?1 WHERE name = ?2 AND password = ?3;

-- set_grant -- Roles and units.
UPDATE accounts SET roles = ?, units = ? WHERE name = ?;

-- set_shown -- How it is called, and in which language it reads.
UPDATE accounts SET shown = ?, language = ? WHERE name = ?;

-- set_disabled -- Out of use since, or in use again.
UPDATE accounts SET disabled_at = ? WHERE name = ?;

-- add_session -- Of an account that has just signed in.
INSERT INTO sessions (token, account, opened_at, seen_at, expires_at, address, agent)
VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6);

-- find_session -- A session that still holds, with its account.
SELECT s.id, s.opened_at, s.seen_at, s.expires_at,
  a.name, a.shown, a.password, a.issuer, a.subject, a.roles, a.units, a.language, a.made_at, a.disabled_at
FROM sessions s JOIN accounts a ON a.name = s.account
WHERE s.token = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2 AND a.disabled_at IS NULL;

-- touch_session -- It was used; one that has ended stays ended.
UPDATE sessions SET seen_at = max(seen_at, ?1), expires_at = max(expires_at, ?2) WHERE id = ?3 AND ended_at IS NULL;

-- sessions_of -- Those of an account that still hold, the newest first.
SELECT id, opened_at, seen_at, expires_at, address, agent FROM sessions
WHERE account = ?1 AND ended_at IS NULL AND expires_at > ?2 ORDER BY id DESC;

-- end_session -- One, of this account.
UPDATE sessions SET ended_at = ?1 WHERE id = ?2 AND account = ?3 AND ended_at IS NULL AND expires_at > ?1;

-- end_sessions -- All of an account, but for one.
UPDATE sessions SET ended_at = ?1 WHERE account = ?2 AND id <> ?3 AND ended_at IS NULL AND expires_at > ?1;

-- end_oldest_sessions -- An account's beyond the newest so many.
UPDATE sessions SET ended_at = ?1 WHERE account = ?2 AND ended_at IS NULL AND expires_at > ?1 AND id NOT IN (
  SELECT id FROM sessions WHERE account = ?2 AND ended_at IS NULL AND expires_at > ?1 ORDER BY id DESC LIMIT ?3);

-- forget_sessions -- Long past; the audit rows tell of them.
DELETE FROM sessions WHERE expires_at < ?;

-- was_here_from -- Whether this account was signed in from this address lately.
SELECT 1 FROM sessions WHERE account = ? AND address = ? AND opened_at > ? LIMIT 1;

-- find_tries -- How often it failed, and when last.
SELECT failures, at FROM login_tries WHERE who = ?;

-- put_tries -- So often now.
INSERT INTO login_tries (who, failures, at) VALUES (?, ?, ?)
ON CONFLICT (who) DO UPDATE SET failures = excluded.failures, at = excluded.at;

-- forgive_tries -- This one succeeded.
UPDATE login_tries SET failures = max(failures - ?, 0) WHERE who = ?;

-- trim_tries -- The least that can be forgotten: who failed least, longest ago.
DELETE FROM login_tries WHERE who IN (SELECT who FROM login_tries ORDER BY failures, at
  LIMIT max(0, (SELECT count(*) FROM login_tries) - ?));

-- add_sso_waiting -- An answer is expected.
INSERT INTO sso_waiting (state, kept, expires_at) VALUES (?, ?, ?);

-- take_sso_waiting -- The answer came; it is good once.
DELETE FROM sso_waiting WHERE state = ? AND expires_at > ? RETURNING kept;

-- forget_sso_waiting -- Answers that never came; and the oldest, when strangers begin more than the table may hold.
DELETE FROM sso_waiting WHERE expires_at <= ?1 OR state IN (SELECT state FROM sso_waiting ORDER BY expires_at
  LIMIT max(0, (SELECT count(*) FROM sso_waiting) - ?2));

-- add_audit -- Who saw or did what.
INSERT INTO audit (at, actor, act, dossier, delivery, subject, reason, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- audit_up_to -- The newest row of a time.
SELECT id FROM audit WHERE at < ? ORDER BY at DESC, id DESC LIMIT 1;

-- audit_any -- The newest rows before one.
SELECT a.id, a.at, a.actor, a.act, a.dossier, a.delivery, a.subject, a.reason, a.address, d.unit
FROM audit a LEFT JOIN dossiers d ON d.number = a.dossier WHERE a.id < ? ORDER BY a.id DESC LIMIT ?;

-- audit_by_actor -- Of one person.
SELECT a.id, a.at, a.actor, a.act, a.dossier, a.delivery, a.subject, a.reason, a.address, d.unit
FROM audit a LEFT JOIN dossiers d ON d.number = a.dossier WHERE a.id < ? AND a.actor = ? ORDER BY a.id DESC LIMIT ?;

-- audit_by_act -- Of one kind.
SELECT a.id, a.at, a.actor, a.act, a.dossier, a.delivery, a.subject, a.reason, a.address, d.unit
FROM audit a LEFT JOIN dossiers d ON d.number = a.dossier WHERE a.id < ? AND a.act = ? ORDER BY a.id DESC LIMIT ?;

-- audit_by_dossier -- About one dossier.
SELECT a.id, a.at, a.actor, a.act, a.dossier, a.delivery, a.subject, a.reason, a.address, d.unit
FROM audit a LEFT JOIN dossiers d ON d.number = a.dossier WHERE a.id < ? AND a.dossier = ? ORDER BY a.id DESC LIMIT ?;

-- bound_audit -- The rows, oldest first, as moves bind them.
SELECT id, at, actor, act, dossier, delivery, subject, reason, address FROM audit ORDER BY id;

-- audit_bindings -- What the moves say was noted: the number of the row before the blank, and its digest.
SELECT CAST(reason AS INTEGER), binds FROM moves WHERE cause = 'noted' ORDER BY id;

-- drop_meta -- It was good once.
DELETE FROM meta WHERE name = ?;
