"""What an installation asks of a certificate before anybody is asked to sign with it: whether it would hold at all.

The whole document is judged at the end, at the time that a stamp proves. This is only so that nobody signs in vain:
where nobody can be asked now, nothing is said against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from adapters.partners.signers.adapter import Judge, no_judge
from adapters.partners.signers.credentials import Misfit
from bus.signatures import SignatureStanding
from config.signing_trust import chains_of, evidence_of, is_anybody_believed
from signing.verdicts import Code

if TYPE_CHECKING:
    from adapters.documents.evidence import EvidenceSource
    from config.wiring import Installation
    from signing.verification_chain import Chains, Party

NOT_KNOWN: Final = frozenset({Code.REVOCATION_UNKNOWN, Code.REVOKED_LATER})
"""What says nothing against a signature that is made now."""
UNUSABLE: Final = "certificate_not_usable"


def judge_of(installation: Installation) -> Judge:
    """Nothing is asked where the settings believe nobody. Raises SettingsRefused."""
    told = installation.settings.signing
    if not is_anybody_believed(told):
        return no_judge
    return Beforehand(chains_of(told), evidence_of(installation, told))


class Beforehand:
    """Chain, role and revocation, as far as they can be known now. Threads may share one."""

    def __init__(self, chains: Chains, source: EvidenceSource) -> None:
        self._chains = chains
        self._source = source

    def __call__(
        self, standing: SignatureStanding, certificate: bytes, chain: Sequence[bytes], at: datetime
    ) -> Misfit | None:
        """Why it would not hold; None where it would, or nobody knows."""
        party = self._party(certificate, chain, (), (), at)
        if party.wanted:
            answers = self._source.answers(party.wanted, at)
            party = self._party(certificate, chain, (), answers, at)
            if party.wanted:
                party = self._party(certificate, chain, self._source.lists(party.wanted, at), answers, at)
        wrong = [reason for reason in party.reasons if reason.code not in NOT_KNOWN]
        if wrong:
            return Misfit(code=UNUSABLE, reason=str(wrong[0].code))
        if standing.role not in party.roles:
            return Misfit(code=UNUSABLE, reason=f"no authority that the settings believe for role {standing.role}")
        return None

    def _party(
        self, certificate: bytes, chain: Sequence[bytes], lists: Sequence[bytes], answers: Sequence[bytes], at: datetime
    ) -> Party:
        from signing.verification_chain import Heard

        heard = Heard.of(((), ()), (lists, answers))
        return self._chains.signer(certificate, chain, heard, at=at, now=at)
