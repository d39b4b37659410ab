"""Accounts, roles and sessions; every change is a move of the installation's chain, with actor and reason.

Two rules hold whatever is asked, and by whomever: the last administrator who signs in with a password of its own is
neither disabled nor stripped (a provider may be down, or say so of everybody), and what a provider says makes nobody an
administrator unless the settings allow it. Passwords come as argon2 strings; making and checking them is the doors'.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from bus.accounts import (
    LONGEST_SHOWN,
    NAME,
    Account,
    Identity,
    Language,
    SignedIn,
    account_digest,
    account_of,
    checked_roles,
    checked_shown,
    checked_units,
    claimable,
    free_name,
    has_administrator,
    known_roles,
    require,
    require_administrator,
    role_digest,
    tidied,
    told,
)
from bus.audit import Act, Audit
from bus.engines.sqlite import Tx
from bus.errors import AccountRefused, NoAccount, NotFound
from bus.ledger import Ledger
from bus.moves import Move
from bus.ports import Randomness
from bus.reasons import fault_in, kept
from bus.rights import ROLES, Right, rights_of
from bus.sessions import Opened, Session, SessionRules, Sessions
from bus.times import to_ms
from bus.tries import DAY_MS, Tries

T = TypeVar("T")
LARGEST_PAGE: Final = 200
FIRST_RUN_FILE: Final = "first-run-code"
"""Beside the ledger while it has no account: `bus.first_run`."""
FIRST_RUN_META: Final = "first_run_code"
STRANGERS_A_DAY: Final = 1_000
"""Failed tries under names that nobody has, of which each is noted; what comes beyond is only counted: strangers must
not fill the ledger."""
MOST_EXPECTED: Final = 10_000
"""Sign-ins at the provider under way at once."""


class People:
    """Accounts, roles, sessions. Threads may share one; processes meet in the ledger."""

    def __init__(
        self, ledger: Ledger, audit: Audit, *, randomness: Randomness, rules: SessionRules | None = None
    ) -> None:
        self._ledger = ledger
        self._audit = audit
        self._sessions = Sessions(ledger, randomness, rules or SessionRules())
        self.tries: Final = Tries(ledger)
        """Ask here before a password is looked at."""

    # -- reading ------------------------------------------------------------------------------------------------

    def account(self, name: str) -> Account:
        """One account. Raises NotFound."""
        found = self.find(name)
        if found is None:
            raise NoAccount(name)
        return found

    def find(self, name: str) -> Account | None:
        """One account, or None."""
        row = self._ledger.engine.read().one("find_account", name)
        return None if row is None else account_of(row)

    def accounts(self, *, after: str = "", limit: int = 50) -> list[Account]:
        """A page of accounts, by name."""
        limit = max(1, min(limit, LARGEST_PAGE))
        return [account_of(row) for row in self._ledger.engine.read().all("list_accounts", after, limit)]

    def is_anybody_here(self) -> bool:
        """Whether there is an account at all."""
        return self._ledger.engine.read().one("any_account") is not None

    def roles(self) -> dict[str, frozenset[Right]]:
        """Every role and what it allows."""
        return known_roles(self._ledger.engine.read())

    def rights(self, account: Account) -> frozenset[Right]:
        """What an account may do; nothing when it is disabled."""
        return frozenset() if account.is_disabled else rights_of(account.roles, self.roles())

    # -- accounts -----------------------------------------------------------------------------------------------

    def add(
        self,
        name: str,
        *,
        shown: str,
        password: str,
        roles: Iterable[str],
        units: Sequence[str] | None,
        actor: str,
        reason: str,
        language: Language = "vi",
        address: str = "",
    ) -> Account:
        """Make an account with a password of its own. Raises AccountRefused."""

        def job(tx: Tx) -> Account:
            return self.add_in(
                tx,
                name,
                shown=shown,
                password=password,
                roles=roles,
                units=units,
                language=language,
                actor=actor,
                reason=reason,
                address=address,
            )

        account = self._write(job, reason)
        self.end_first_run()
        return account

    def add_in(
        self,
        tx: Tx,
        name: str,
        *,
        shown: str,
        password: str,
        roles: Iterable[str],
        units: Sequence[str] | None,
        language: Language,
        actor: str,
        reason: str,
        address: str,
    ) -> Account:
        """The same within a transaction."""
        self._insert(tx, name, shown, password, None, None, roles, units, language)
        return self._changed(tx, "account_added", name, told(roles, units), actor, reason, address)

    def set_password(
        self, name: str, password: str, *, actor: str, reason: str, keep: int = 0, address: str = ""
    ) -> Account:
        """A new password; every session but `keep` ends. Raises NotFound, AccountRefused."""

        def job(tx: Tx) -> Account:
            if require(tx, name).password is None:
                raise AccountRefused("no_password_here", f"{name} signs in at the provider: its password is there")
            tx.run("set_password", password, name)
            tx.run("end_sessions", self._now(), name, keep)
            self.tries.forget(tx, name)
            return self._changed(tx, "password_changed", name, "", actor, reason, address)

        return self._write(job, reason)

    def rehashed(self, name: str, old: str, new: str) -> None:
        """Keep the same password under newer parameters; one that was changed meanwhile stays as it is."""

        def job(tx: Tx) -> None:
            if tx.run("set_rehashed", new, name, old):
                self._note(tx, "password_rehashed", name, f"person:{name}", account_digest(tx, name))

        self._ledger.engine.write(job)

    def grant(
        self,
        name: str,
        *,
        roles: Iterable[str],
        units: Sequence[str] | None,
        actor: str,
        reason: str,
        address: str = "",
    ) -> Account:
        """What it may do from now on, and for which units. Raises NotFound, AccountRefused."""

        def job(tx: Tx) -> Account:
            require(tx, name)
            with_administrator = has_administrator(tx)
            tx.run("set_grant", checked_roles(tx, roles), checked_units(units), name)
            require_administrator(tx, with_administrator)
            return self._changed(tx, "account_granted", name, told(roles, units), actor, reason, address)

        return self._write(job, reason)

    def set_shown(
        self, name: str, *, shown: str, language: Language, actor: str, reason: str, address: str = ""
    ) -> Account:
        """How it is called, and the language it reads. Raises NotFound, AccountRefused."""

        def job(tx: Tx) -> Account:
            require(tx, name)
            tx.run("set_shown", checked_shown(shown), language, name)
            return self._changed(tx, "account_described", name, f"language {language}", actor, reason, address)

        return self._write(job, reason)

    def disable(self, name: str, *, actor: str, reason: str, address: str = "") -> Account:
        """Out of use; its sessions end at once. Raises NotFound, AccountRefused."""

        def job(tx: Tx) -> Account:
            require(tx, name)
            with_administrator = has_administrator(tx)
            tx.run("set_disabled", self._now(), name)
            require_administrator(tx, with_administrator)
            tx.run("end_sessions", self._now(), name, 0)
            return self._changed(tx, "account_disabled", name, "", actor, reason, address)

        return self._write(job, reason)

    def enable(self, name: str, *, actor: str, reason: str, address: str = "") -> Account:
        """In use again; its old sessions stay ended. Raises NotFound."""

        def job(tx: Tx) -> Account:
            require(tx, name)
            tx.run("set_disabled", None, name)
            return self._changed(tx, "account_enabled", name, "", actor, reason, address)

        return self._write(job, reason)

    # -- roles --------------------------------------------------------------------------------------------------

    def set_role(self, role: str, rights: Iterable[Right], *, actor: str, reason: str, address: str = "") -> None:
        """What a role allows from now on; a new name makes a new role. Raises AccountRefused."""
        wanted = sorted({right.value for right in rights})

        def job(tx: Tx) -> None:
            if not NAME.fullmatch(role):
                raise AccountRefused("bad_name", "a role's name: letters a–z, digits, dots, dashes, underscores")
            self._seed(tx)
            with_administrator = has_administrator(tx)
            tx.run("put_role", role, json.dumps(wanted))
            require_administrator(tx, with_administrator)
            binds = role_digest(role, json.dumps(wanted))
            self._noted(tx, "role_set", role, f"[{', '.join(wanted)}]", actor, reason, address, binds)

        self._write(job, reason)

    def drop_role(self, role: str, *, actor: str, reason: str, address: str = "") -> None:
        """Do without a role that nobody has. Raises NotFound, AccountRefused."""

        def job(tx: Tx) -> None:
            if role in ROLES:
                raise AccountRefused("built_in_role", f"{role} is built in: change what it allows instead")
            if tx.one("accounts_with_role", role) is not None:
                raise AccountRefused("role_in_use", f"somebody has the role {role}")
            if not tx.run("drop_role", role):
                raise NotFound(f"no role {role}")
            self._noted(tx, "role_dropped", role, "", actor, reason, address, role_digest(role, None))

        self._write(job, reason)

    # -- signing in ---------------------------------------------------------------------------------------------

    def sign_in(self, name: str, *, address: str, agent: str) -> Opened:
        """Open a session for somebody whose password was right. Raises NotFound, AccountRefused: disabled."""

        def job(tx: Tx) -> Opened:
            account = require(tx, name)
            if account.is_disabled:
                raise AccountRefused("disabled", f"{name} is disabled")
            self.tries.forgive(tx, name, address, self._now())
            return self._open(tx, name, address, agent)

        return self._ledger.engine.write(job)

    def sign_in_failed(self, name: str, *, address: str) -> None:
        """Note a failure. For a name that nobody has the same is written, but for the name: it may be a password."""

        def job(tx: Tx) -> None:
            is_known = tx.one("find_account", name) is not None
            if self.tries.count_stranger(tx, self._now() // DAY_MS, is_known) <= STRANGERS_A_DAY or is_known:
                actor = f"person:{name}" if is_known else "stranger"
                self._audit.add(tx, actor=actor, act=Act.SIGN_IN_FAILED, address=address)

        self._ledger.engine.write(job)

    def welcome(self, who: Identity, *, address: str, agent: str) -> Opened:
        """Open a session for whom a provider vouches; its account is made, or changed as the claims say.

        Raises AccountRefused: disabled.
        """

        def job(tx: Tx) -> Opened:
            row = tx.one("find_account_of", who.issuer, who.subject)
            account = self._newcomer(tx, who) if row is None else self._claimed(tx, account_of(row), who)
            if account.is_disabled:
                raise AccountRefused("disabled", f"{account.name} is disabled")
            return self._open(tx, account.name, address, agent)

        opened = self._ledger.engine.write(job)
        self.end_first_run()
        return opened

    def _newcomer(self, tx: Tx, who: Identity) -> Account:
        name = free_name(tx, who)
        roles = claimable(known_roles(tx), who) if who.roles is not None else []
        shown = tidied(who.shown)[:LONGEST_SHOWN] or name
        self._insert(tx, name, shown, None, who.issuer, who.subject, roles, who.units, "vi")
        actor = f"provider:{who.issuer}"
        return self._changed(tx, "account_added", name, told(roles, who.units), actor, "signed in for the first time")

    def _claimed(self, tx: Tx, account: Account, who: Identity) -> Account:
        roles = account.roles if who.roles is None else tuple(claimable(known_roles(tx), who))
        units = who.units if who.are_units_claimed else account.units
        if (roles, units) == (account.roles, account.units):
            return account
        tx.run("set_grant", checked_roles(tx, roles), checked_units(units), account.name)
        actor = f"provider:{who.issuer}"
        return self._changed(tx, "account_granted", account.name, told(roles, units), actor, "claimed at sign-in")

    def _open(self, tx: Tx, name: str, address: str, agent: str) -> Opened:
        self._audit.add(tx, actor=f"person:{name}", act=Act.SIGNED_IN, address=address)
        return self._sessions.open(tx, name, address=address, agent=agent, now=self._now())

    def session(self, token_hash: bytes, now: datetime, *, is_used: bool = True) -> SignedIn | None:
        """Who holds the token with this SHA-256, with the rights of this moment; None when it holds no longer.

        `is_used`: a person asks, and not a page that renews itself: then the session goes on.
        """
        held = self._sessions.find(token_hash, to_ms(now), is_used=is_used)
        if held is None:
            return None
        account = account_of(held.account)
        return SignedIn(
            session=held.id,
            account=account.name,
            person=account.shown,
            rights=self.rights(account),
            units=account.units,
            language=account.language,
        )

    def sessions(self, name: str) -> list[Session]:
        """An account's sessions that hold, the newest first."""
        return self._sessions.of(name)

    def sign_out(self, name: str, session: int, *, address: str = "") -> None:
        """End one's own session; one that has ended already stays so."""

        def job(tx: Tx) -> None:
            if tx.run("end_session", self._now(), session, name):
                self._audit.add(tx, actor=f"person:{name}", act=Act.SIGNED_OUT, address=address)

        self._ledger.engine.write(job)

    def revoke(self, name: str, session: int, *, actor: str, reason: str, address: str = "") -> None:
        """End one session of an account. Raises NotFound: there is none that holds."""

        def job(tx: Tx) -> None:
            if not tx.run("end_session", self._now(), session, name):
                raise NotFound(f"{name} has no session {session}")
            self._noted(tx, "session_revoked", name, f"session {session}", actor, reason, address)

        self._write(job, reason)

    def revoke_all(self, name: str, *, actor: str, reason: str, keep: int = 0, address: str = "") -> int:
        """End every session of an account but `keep`; how many. Raises NotFound."""

        def job(tx: Tx) -> int:
            require(tx, name)
            count = tx.run("end_sessions", self._now(), name, keep)
            self._noted(tx, "session_revoked", name, f"{count} sessions", actor, reason, address)
            return count

        return self._write(job, reason)

    # -- the provider's answers ---------------------------------------------------------------------------------

    def expect(self, state: str, kept_: str, expires_at: datetime) -> None:
        """Keep what an answer of the provider must fit. For strangers too, so it is bounded."""
        digest, now = hashlib.sha256(state.encode()).digest(), self._now()

        def job(tx: Tx) -> None:
            tx.run("add_sso_waiting", digest, kept_, to_ms(expires_at))
            tx.run("forget_sso_waiting", now, MOST_EXPECTED)

        self._ledger.engine.write(job)

    def take_expected(self, state: str) -> str | None:
        """What was kept under this state, once; None when it was taken, is too old, or never was."""
        digest = hashlib.sha256(state.encode(errors="surrogatepass")).digest()
        row = self._ledger.engine.write(lambda tx: tx.one("take_sso_waiting", digest, self._now()))
        return None if row is None else str(row[0])

    def end_first_run(self) -> None:
        """Take the code's file away, now that there is an account: a secret that opens nothing only misleads."""
        with contextlib.suppress(OSError):
            Path(self._ledger.engine.path).with_name(FIRST_RUN_FILE).unlink()

    # -- shared -------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return to_ms(self._ledger.clock.now())

    def _write(self, job: Callable[[Tx], T], reason: str) -> T:
        if fault_in(reason) is not None:
            raise AccountRefused("bad_reason", "say why, in one line of at most 500 characters")
        return self._ledger.engine.write(job)

    def _insert(
        self,
        tx: Tx,
        name: str,
        shown: str,
        password: str | None,
        issuer: str | None,
        subject: str | None,
        roles: Iterable[str],
        units: Sequence[str] | None,
        language: Language,
    ) -> None:
        if not NAME.fullmatch(name):
            raise AccountRefused("bad_name", "an account's name: letters a–z, digits, dots, dashes, underscores")
        self._seed(tx)
        granted = (checked_roles(tx, roles), checked_units(units))
        row = (name, checked_shown(shown), password, issuer, subject, *granted, language, self._now())
        if not tx.run("add_account", *row):
            raise AccountRefused("name_taken", f"there is an account {name} already")
        tx.run("drop_meta", FIRST_RUN_META)

    def _seed(self, tx: Tx) -> None:
        """Put the built-in roles where they stand from then on; a role that was changed stays as it is."""
        tx.many("seed_role", [(name, json.dumps(sorted(rights))) for name, rights in ROLES.items()])

    def _changed(self, tx: Tx, cause: str, name: str, what: str, actor: str, reason: str, address: str = "") -> Account:
        self._noted(tx, cause, name, what, actor, reason, address, account_digest(tx, name))
        return require(tx, name)

    def _noted(
        self,
        tx: Tx,
        cause: str,
        name: str,
        what: str,
        actor: str,
        reason: str,
        address: str,
        binds: bytes | None = None,
    ) -> None:
        about = f"{name}: {what}" if what else name
        self._note(tx, cause, f"{about}: {kept(reason)}", actor, binds)
        subject = f"{cause} {about}"
        self._audit.add(tx, actor=actor, act=Act.ACCOUNT_CHANGED, subject=subject, reason=reason, address=address)

    def _note(self, tx: Tx, cause: str, reason: str, actor: str, binds: bytes | None) -> None:
        move = Move(lane=None, at=self._now(), delivery=None, cause=cause, reason=reason, actor=actor, binds=binds)
        self._ledger.moves.add(tx, move)
