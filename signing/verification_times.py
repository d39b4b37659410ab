"""When a signature certainly was there, and who vouches for that: what judging shares, whatever the form.

PDF or XML, a signature's own time stamp proves a time; at that time, and not at ours, its certificate must be of its
days and not taken back. What a stamp's unit is worth is judged as of the earliest moment that is proven so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from signing.revocation import SKEW
from signing.verdicts import Code, Reason
from signing.verification_chain import Chains, Heard, Party
from signing.verification_cms import CmsWrong, Stamped, read_stamp

_OF_STAMP: Final = {
    Code.EXPIRED: Code.STAMP_EXPIRED,
    Code.REVOKED: Code.STAMP_REVOKED,
    Code.AUTHORITY_REVOKED: Code.STAMP_REVOKED,
    Code.REVOCATION_UNKNOWN: Code.STAMP_REVOCATION_UNKNOWN,
}
"""What is wrong with a time-stamp unit leaves its time unproven; anything else makes it nobody we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was fetched beside the document: DER."""

    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()


NOTHING_FETCHED: Final = Evidence()


@dataclass(frozen=True, slots=True)
class Proven:
    """The earliest time by which everything below certainly was there."""

    at: datetime
    stamped_at: datetime | None = None
    is_over_all: bool = False

    def earlier(self, at: datetime, *, is_over_all: bool = False) -> Proven:
        """With one more stamp; a stamp that a clock puts behind what is over it proves nothing earlier."""
        return Proven(min(self.at, at), min(self.at, at), is_over_all or self.is_over_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class StampSeen:
    at: datetime | None = None
    """When, where it holds."""
    reasons: tuple[Reason, ...] = ()
    brings_evidence: bool = False

    @property
    def is_good(self) -> bool:
        return self.at is not None


@dataclass(slots=True, kw_only=True)
class Witnesses:
    """Who may be asked about the certificates of one document: chains, authorities' words, and what is still wanted."""

    chains: Chains
    heard: Heard
    certificates: tuple[bytes, ...]
    now: datetime
    wanted: dict[tuple[bytes, bytes], None] = field(default_factory=dict)

    def signer(self, certificate: bytes, others: Iterable[bytes], proven: Proven) -> Party:
        """Of who signed, at the time that is proven."""
        more = (*others, *self.certificates)
        party = self.chains.signer(certificate, more, self.heard, at=proven.at, now=self.now)
        self._want(party)
        return party

    def stamp_of(self, tokens: Iterable[bytes], over: bytes, proven: Proven) -> StampSeen:
        """The first stamp over a signature's value that holds; else what is wrong with the last one."""
        looked = StampSeen()
        for token in tokens:
            looked = self.stamp(token, over, proven)
            if looked.is_good:
                break
        return looked

    def stamp(self, token: bytes, over: bytes, proven: Proven) -> StampSeen:
        """What one stamp over these bytes is worth."""
        try:
            stamped = read_stamp(token, over)
        except CmsWrong as wrong:
            return StampSeen(reasons=(Reason(Code.STAMP_BROKEN, wrong.code.value),))
        return self._judged(stamped, proven.at)

    def _judged(self, stamped: Stamped, seen: datetime) -> StampSeen:
        """Whether the unit's word counts, seen from the earliest moment that is proven so far."""
        signed = stamped.signed
        if stamped.at > seen + SKEW:
            return StampSeen(reasons=(Reason(Code.STAMP_BROKEN, "it is of a later time than what is over it"),))
        more = (*signed.others, *self.certificates)
        party = self.chains.stamper(signed.certificate, more, self.heard, at=stamped.at, seen=seen, now=self.now)
        self._want(party)
        reasons = tuple(_of_unit(party, seen))
        if reasons:
            return StampSeen(reasons=reasons)
        return StampSeen(at=stamped.at, brings_evidence=party.brings_evidence)

    def _want(self, party: Party) -> None:
        self.wanted |= dict.fromkeys(party.wanted)


def of_signer(party: Party, proven: Proven, claimed_at: datetime | None) -> list[Reason]:
    """Without a stamp, what came too late for the certificate may still have been signed in time: nobody can say."""
    reasons = []
    for reason in party.reasons:
        since = party.since if reason.code is Code.REVOKED else None
        if proven.stamped_at is None and reason.code is Code.EXPIRED and not (claimed_at and claimed_at > party.ends):
            reason = replace(reason, code=Code.EXPIRED_NO_PROOF)
        elif proven.stamped_at is None and since is not None and not (claimed_at and claimed_at >= since):
            reason = replace(reason, code=Code.REVOKED_NO_PROOF)
        reasons.append(reason)
    return reasons


def _of_unit(party: Party, seen: datetime) -> list[Reason]:
    reasons = []
    for reason in party.reasons:
        if reason.code is Code.REVOKED_LATER:
            # A unit that closed stamped well until then; one whose key was lost may have stamped anything since.
            if party.lost_at is None or party.lost_at > seen:
                continue
            reason = replace(reason, code=Code.REVOKED)
        reasons.append(replace(reason, code=_OF_STAMP.get(reason.code, Code.STAMP_UNTRUSTED)))
    return reasons
