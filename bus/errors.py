"""What callers of the bus may catch.

BusError
├── CannotSend            our own trouble before anything left: park it, name the field
│   ├── Unmappable        no row, or a field over the partner's limit: `held`, with table row or field named
│   ├── NotOurs           another system owns the procedure: `not_ours`, never sent
│   └── NothingNew        the partner was told all of it by another delivery: `superseded`, never sent
├── LedgerTrouble
│   ├── LedgerUnavailable cannot be written or read now: 503, try again
│   │   ├── LedgerBusy    somebody else writes for longer than who asked would wait: nothing was done
│   │   └── ReadTooLong   a question took longer than who asked would wait: ask a narrower one
│   ├── LedgerUnsafe      settings or files that would break a promise: refuses the start
│   ├── SchemaBehind      the ledger wants `lienthong migrate`
│   └── LedgerDamaged     a row does not match its chain
├── StaleFence            the lease was lost: what this worker learned is not written
├── NonceSeen             a signed request came twice: a replay
├── NotFound              no such event, delivery or dossier
│   └── NoAccount         nor such an account at the console
└── NotAllowedNow         the move is not legal from the delivery's present state
    ├── BornThere         the dossier was born at the partner: no record of ours is there to replace
    └── AccountRefused    an account, a role or the first-run code cannot be as asked; `rule` says why
"""

from __future__ import annotations

from bus.privacy import mask_text


class BusError(Exception):
    """Something in the bus went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").strip()


class CannotSend(BusError):
    """This delivery cannot be sent as it is; nothing left the house."""


class Unmappable(CannotSend):
    """The partner cannot take this: a code has no row, or a field breaks the partner's limit."""

    def __init__(self, *, field: str, rule: str, value: str = "", table: str | None = None, instead: str = "") -> None:
        self.field = field
        """The partner's field, e.g. `GhiChu`, or ours by JSON pointer."""
        self.rule = rule
        """Stable code: `no_row`, `too_long`, `bad_format`, `missing`, `contradicted`, `no_number`, `not_in_xml`."""
        self.value = value
        self.table = table
        # What was sent as a code may be anything, a person's number too, and reasons are kept and shown unsealed.
        where = f" (table {table}, row {mask_text(value)!r})" if table else ""
        where += f" (use {mask_text(instead)})" if instead else ""
        super().__init__(f"{field}: {rule}{where}")


class NotOurs(CannotSend):
    """Another system owns this procedure; only the owner's system confirms a status."""

    def __init__(self, *, procedure: str, owner: str) -> None:
        self.procedure = procedure
        self.owner = owner
        super().__init__(f"procedure {mask_text(procedure)} is owned by {owner}")


class NothingNew(CannotSend):
    """The partner has acknowledged all that this would tell it, with another delivery; told again it stands twice."""


class LedgerTrouble(BusError):
    """The ledger cannot do what was asked."""


class LedgerUnavailable(LedgerTrouble):
    """The ledger cannot be written or read at this moment; nothing was recorded. Try again."""


class LedgerBusy(LedgerUnavailable):
    """Somebody else writes for longer than the asker would wait; nothing was done, nor will be. Try again."""


class ReadTooLong(LedgerUnavailable):
    """A question took longer than its asker would wait for; ask a narrower one."""


class LedgerUnsafe(LedgerTrouble):
    """The ledger's settings would break a promise; the start is refused."""


class SchemaBehind(LedgerTrouble):
    """The ledger has an older schema than this program; run `lienthong migrate`."""


class LedgerDamaged(LedgerTrouble):
    """A row does not match the hash chain."""


class StaleFence(BusError):
    """The lease on this lane was lost; another worker has it, and nothing was written."""


class NonceSeen(BusError):
    """This very signed request was here before; sign anew with a fresh nonce."""


class NotFound(BusError):
    """There is nothing under this name in the ledger."""


class NoAccount(NotFound):
    """Nobody has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no account {name}")


class NotAllowedNow(BusError):
    """This move is not legal from the delivery's present state."""

    def __init__(self, *told: str, code: str = "") -> None:
        self.code = code
        """Stable; its words stand in the console's catalogue."""
        super().__init__(*told)


class BornThere(NotAllowedNow):
    """This dossier was born on the portal: its statuses go up one by one, and no record there could be replaced."""

    def __init__(self, *told: str) -> None:
        super().__init__(*told, code="born_there")


class PressRefused(BusError):
    """This key was not made for this form, this session and this account."""


class PressTooOld(PressRefused):
    """The form stood open for too long; render it anew, with what was typed."""


class AccountRefused(NotAllowedNow):
    """An account, a role or a session cannot be as asked."""

    def __init__(self, rule: str, detail: str) -> None:
        self.rule = rule
        """Stable code: `bad_name`, `bad_shown_name`, `bad_unit`, `bad_reason`, `name_taken`, `no_such_role`,
        `role_in_use`, `built_in_role`, `last_administrator`, `no_password_here`, `disabled`, `first_run_over`,
        `wrong_code`."""
        super().__init__(detail)
