"""Signatures in the console's world: four signing services' mocks, a signature in each state, hostile words about some.

What persons do in their phones is done at the mocks; the services are asked, nobody calls back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from bus.asking import Asker
from bus.signature_asking import SignatureQuestions
from bus.signature_close import SignatureClose
from bus.signature_looks import SignatureLooks, WantedSignatures
from config.demo.approving import AGENCY, CITIZEN, DEPUTY, LEADER, Signer
from config.demo.result_pdf import building_permit, result_pdf
from config.demo_files import FileServer
from config.finishing import Finishing
from contracts.csc.mock import Csc
from contracts.mocking import Mock
from contracts.mysign.mock import MySign
from contracts.signing_mock import ApproveOrder, SigningMock
from contracts.signing_pki.authorities import SigningPki
from contracts.signing_pki.mock import SigningAuthorities
from contracts.smartca.mock import SmartCa
from contracts.timestamp_authority.mock import TimestampAuthority
from contracts.vneid_gateway.mock import VneidGateway
from tests.builders import event_json, from_json

if TYPE_CHECKING:
    from tests.console_world import ConsoleWorld

SOURCE: Final = "one-stop/h99"


class Signers:
    """The signing services, with the authorities behind their certificates."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.pki = SigningPki(clock)
        self.services: dict[str, SigningMock] = {
            "smartca": SmartCa(pki=self.pki, clock=clock),
            "mysign": MySign(pki=self.pki, clock=clock),
            "vneid_gateway": VneidGateway(pki=self.pki, clock=clock),
            "csc": Csc(pki=self.pki, clock=clock),
        }
        self.others: tuple[Mock, ...] = (
            TimestampAuthority(self.pki, clock=clock), SigningAuthorities(self.pki, clock=clock),
        )  # fmt: skip

    @property
    def mocks(self) -> tuple[Mock, ...]:
        return (*self.services.values(), *self.others)


class Signatures:
    """What befalls signatures on the day's last hour. By name: their numbers in the ledger."""

    def __init__(self, world: ConsoleWorld, signers: Signers, carry: Callable[[], None], hostile: str) -> None:
        self._world = world
        self._signers = signers
        self._carry = carry
        self._hostile = hostile
        self._looks = SignatureLooks(world.installation.ledger)
        self._close = SignatureClose(world.installation.ledger)
        self._files = FileServer()
        self.numbers: dict[str, int] = {}

    def tell(self) -> Mapping[str, int]:
        """The whole of it."""
        for signer in (LEADER, DEPUTY, CITIZEN, AGENCY):
            self._signers.services[signer.service].signers.give(signer.user, signer.kinds)
        try:
            self._tell()
        finally:
            self._files.close()
        return self.numbers

    def _tell(self) -> None:
        self._ask("made", LEADER)
        self._answer("made", result="approve")
        self._ask("sealed", AGENCY, after="made")
        self._ask("declined", CITIZEN)
        self._answer("declined", result="decline")
        self._ask("failed", DEPUTY)
        self._answer("failed", result="approve", wrong="digest")
        self._ask("expired", CITIZEN)
        self._answer("expired", result="expire")
        self._ask("waiting", LEADER)
        self._ask("hostile", LEADER, hostile=True)
        self._ask("blocked", AGENCY, after="waiting")
        self._ask("at_desk", LEADER, service="desk")

    def _ask(
        self, name: str, signer: Signer, *, after: str | None = None, service: str = "", hostile: bool = False
    ) -> None:
        n = len(self.numbers) + 1
        dossier = f"H99.09-260703-{9400 + (n if after is None else self._n_of(after))}"
        document: dict[str, Any] = {
            "id": "KQ-1",
            "name": self._hostile[:200] if hostile else "Giấy phép",
            "form": "pdf",
        }
        if after is None:
            url, sha256 = self._files.put(f"{n}.pdf", result_pdf(building_permit(dossier, "Nguyễn Thị Ví Dụ")))
            document |= {"url": url, "sha256": sha256}
        else:
            document |= {"of": "KQ-1"}
        data: dict[str, Any] = {
            "signature": f"K-{n:02d}-{name}",
            "unit": "000.00.09.H99",
            "procedure": "1.013225",
            "signer": {
                "role": signer.role, "user": signer.user, "name": self._hostile[:200] if hostile else signer.name
            },
            "service": service or signer.service,
            "documents": [document],
        }  # fmt: skip
        if after is not None:
            data["after"] = f"K-{self._n_of(after):02d}-{after}"
        if hostile:
            data["description"] = self._hostile[:200]
        wire = event_json("signature.requested", id=f"sign-{name}", dossier=dossier, source=SOURCE)
        self._world.accept(from_json(wire | {"data": data, "time": self._world.clock.now().isoformat()}))
        self._carry()
        found = self._looks.signatures(WantedSignatures(text=data["signature"]), None).lines
        self.numbers[name] = found[0].id

    def _n_of(self, name: str) -> int:
        return list(self.numbers).index(name) + 1

    def _answer(self, name: str, **order: Any) -> None:
        """In the signer's phone; then the service is asked, and what is there is put together."""
        seen = self._close.signature(self.numbers[name])
        mock = self._signers.services[str(seen.line.service)]
        with mock.lock:
            mock.approve(ApproveOrder(request=seen.request, handle=seen.handle or "", callbacks=0, **order))
        self._world.clock.advance(timedelta(seconds=31).total_seconds())
        # Of signatures alone: payments stand as their own story left them.
        here = self._world.installation
        books, ports = (SignatureQuestions(here.ledger),), here.ports
        asker = Asker(here.ledger, here.partners(), books, name="w", clock=ports.clock, crash_point=ports.crash_point)
        try:
            asker.run_once()
        finally:
            asker.stop()
        finishing = Finishing(self._world.installation, "w")
        while finishing.look():
            pass
        self._carry()
