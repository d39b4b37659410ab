"""What a service's own call is to the door of callbacks, and what a service must be able to say of it.

RawCall ──read──▶ SignatureTold, to be heard by the ledger        (bus/signatures.py)
                │ Answered: nothing to hear; the service is told something (a token it may call with)
                │ Wrong: nothing changes; noted at the door under its rule
SignatureHeard | Answered | Wrong | LedgerTrouble ──reply──▶ Reply, in the service's own form
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from adapters.partners.gateways.calls import Place, RawCall, Reply, Wrong
from bus.errors import LedgerTrouble
from bus.signatures import SignatureHeard, SignatureTold


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A call that is about no signature."""

    result: str
    """For the count of calls: `token`, `registration`."""
    body: bytes = b""


Came: TypeAlias = SignatureHeard | Answered | Wrong | LedgerTrouble


class Hooks(Protocol):
    """One service's side of the door."""

    @property
    def places(self) -> Mapping[tuple[str, str], Place]:
        """(method, name below `/callbacks/<partner>/`) → what may come there: `("POST", "result")`."""
        ...

    def read(self, call: RawCall) -> SignatureTold | Answered | Wrong:
        """What it says. `is_authentic` False where nothing shows who called: only values prove themselves then."""
        ...

    def reply(self, call: RawCall, came: Came) -> Reply:
        """The acknowledgement. Must not raise, whatever `call` holds."""
        ...
