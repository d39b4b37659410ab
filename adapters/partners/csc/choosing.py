"""Which credential a signer signs with: reads alone (NOTES.md#r20 to #r27)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from adapters.partners.csc import wire
from adapters.partners.csc.codes import CREDENTIAL, LIST, Said
from adapters.partners.csc.replies import Answer, Held, held_of, ids_of
from adapters.partners.csc.talk import Talk
from adapters.partners.signers.choosing import Offered, choose
from bus.messages import Refused
from bus.signatures import SignatureStanding

MOST_PAGES: Final = 20
MOST_CREDENTIALS: Final = 20
"""Of one signer, looked at each by its own call."""
MOST_LISTED: Final = 1_000


def chosen(talk: Talk, standing: SignatureStanding, *, now: datetime) -> Held | Refused | Answer:
    """The one; or why there is none; or an answer that says nothing about credentials."""
    ids = _ids(talk, standing)
    if isinstance(ids, Answer):
        return ids
    found: dict[str, Held] = {}
    for each in ids:
        answer = talk.call(CREDENTIAL, wire.credential_body(each))
        if answer.said is not Said.YES:
            return answer
        found[each] = held_of(each, answer.values)
    offered = [_offered(each) for each in found.values() if each.certificate]
    one = choose(offered, standing, now=now)
    return one if isinstance(one, Refused) else found[one.id]


def _offered(held: Held) -> Offered:
    return Offered(
        id=held.id, certificate=held.certificate, chain=held.chain, is_usable=not held.trouble, most=held.auth.most
    )


def _ids(talk: Talk, standing: SignatureStanding) -> list[str] | Answer:
    """As many as are looked at; the one that is named first, where it is among all that were listed."""
    found: dict[str, None] = {}
    page = ""
    for _ in range(MOST_PAGES):
        answer = talk.call(LIST, wire.list_body(standing.user, page))
        if answer.said is not Said.YES:
            return answer
        ids, page = ids_of(answer.values)
        found |= dict.fromkeys(ids)
        if not page or len(found) >= MOST_LISTED:
            break
    named = [each for each in (standing.credential,) if each in found]
    return list(dict.fromkeys([*named, *found]))[:MOST_CREDENTIALS]
