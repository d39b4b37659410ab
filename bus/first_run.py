"""The first administrator: made by whoever can read a file beside the ledger, once.

No default password, and no page that the first passer-by could fill in: the code is in a file that only the
installation's own account may read. The ledger keeps its digest, so a code is good once, for one ledger.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from bus.accounts import Account, Language
from bus.engines.sqlite import Tx
from bus.errors import AccountRefused, LedgerUnavailable
from bus.ledger import Ledger
from bus.people import FIRST_RUN_FILE, FIRST_RUN_META, People
from bus.ports import Randomness
from bus.rights import ADMINISTRATOR

CODE_BYTES: Final = 15


class FirstRun:
    """Makes the code while there is no account, and takes it."""

    def __init__(self, ledger: Ledger, people: People, *, randomness: Randomness) -> None:
        self._ledger = ledger
        self._people = people
        self._randomness = randomness
        self.path: Final = Path(ledger.engine.path).parent / FIRST_RUN_FILE

    def prepare(self) -> Path | None:
        """Where the code stands; None when there is an account. A lost code is replaced. Raises LedgerUnavailable.

        The file is written inside the transaction: of two doors that start at once the second finds the first one's
        code, and a crash between file and commit leaves a file that fits no digest, replaced at the next start.
        """

        def job(tx: Tx) -> Path | None:
            if tx.one("any_account") is not None:
                return None
            known = tx.one("get_meta", FIRST_RUN_META)
            if known is None or not hmac.compare_digest(_digest(self._standing()), known[0]):
                code = base64.b32encode(self._randomness.token(CODE_BYTES)).decode().lower()
                self._put(code)
                tx.run("put_meta", FIRST_RUN_META, _digest(code))
            return self.path

        path = self._ledger.engine.write(job)
        if path is None:
            self._people.end_first_run()  # of an earlier version, or of a crash right after the first account
        return path

    def complete(
        self, code: str, name: str, *, shown: str, password: str, language: Language = "vi", address: str = ""
    ) -> Account:
        """Make the first administrator. Raises AccountRefused: `wrong_code`, `first_run_over`, or a bad name."""

        def job(tx: Tx) -> Account:
            if tx.one("any_account") is not None:
                raise AccountRefused("first_run_over", "there is an account already: sign in with it")
            known = tx.one("get_meta", FIRST_RUN_META)
            if known is None or not hmac.compare_digest(_digest(code), known[0]):
                raise AccountRefused("wrong_code", f"that is not the code in {self.path}")
            return self._people.add_in(
                tx,
                name,
                shown=shown,
                password=password,
                roles=[ADMINISTRATOR],
                units=None,
                language=language,
                actor=f"person:{name}",
                reason="first run",
                address=address,
            )

        account = self._ledger.engine.write(job)
        self._people.end_first_run()
        return account

    def _standing(self) -> str:
        try:
            return self.path.read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def _put(self, code: str) -> None:
        fresh = self.path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{code}\n")
            fresh.replace(self.path)
        except OSError as failure:
            raise LedgerUnavailable(f"the first-run code cannot be written to {self.path}: {failure}") from failure


def _digest(code: str) -> str:
    """Of the code as it is read aloud: blanks, dashes and large letters are nothing."""
    plain = "".join(code.split()).replace("-", "").lower()
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
