"""Pure. Which fields of an event are personal, and how each kind of them is masked on screens, in exports and in logs.

Every member of the event's `data` is either public or personal, by name, in the two tables below; what is in neither
is masked as free text, so that a field that somebody adds tomorrow is not shown by oversight. The log knows no event:
`mask_text` finds what looks personal in any text, and leaves dossier numbers, procedure codes, times and digests alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

HIDDEN: Final = "***"
FEWEST_HIDDEN: Final = 5
"""Of a number at least so many characters stay hidden: 100 000 guesses, at the door that counts them."""


def mask_number(number: str) -> str:
    """An identity number, telephone or account: `0990***001`. Never tells its length."""
    head, tail = _shown(len(number))
    return number[:head] + HIDDEN + (number[-tail:] if tail else "")


def mask_name(name: str) -> str:
    """Initials: `N.T.V.D.` tells two applicants of a page apart, and no more."""
    return "".join(f"{word[0].upper()}." for word in name.split()) or HIDDEN


def mask_email(address: str) -> str:
    """The first letter and the domain."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}{HIDDEN}{at}{domain}" if at else HIDDEN


def mask_address(address: str) -> str:
    """Nothing of it: a commune and a name are a person."""
    return HIDDEN


def mask_free(text: str) -> str:
    """Nothing of it: officers write names and numbers into free text. An empty one stays empty."""
    return HIDDEN if text else ""


def mask_link(url: str) -> str:
    """The server only: file names carry people's names, and some links open without a login."""
    server = re.match(r"https?://[^/?#@\s]+(?=[/?#]|$)", url)
    return f"{server.group()}/{HIDDEN}" if server else HIDDEN


Mask = Callable[[str], str]

_DOCUMENT: Final[Mapping[str, Mask]] = {"name": mask_free, "url": mask_link}


def _under(*places: str) -> dict[str, Mask]:
    return {f"{place}/*/{member}": mask for place in places for member, mask in _DOCUMENT.items()}


PERSONAL: Final[Mapping[str, Mask]] = {
    "/applicant/name": mask_name,
    "/applicant/identity/number": mask_number,
    "/applicant/phone": mask_number,
    "/applicant/fax": mask_number,
    "/applicant/email": mask_email,
    "/applicant/address": mask_address,
    "/applicant/tech_id": mask_number,
    "/officer/name": mask_name,
    "/payer/name": mask_name,
    "/payer/identity_number": mask_number,
    "/payer/address": mask_address,
    "/payer/phone": mask_number,
    "/payer/email": mask_email,
    "/description": mask_free,
    "/reason": mask_free,
    "/requested_by": mask_name,
    "/collected_by": mask_name,
    # A source's own page may open without a login for who knows its address.
    "/return_url": mask_link,
    # Where a payer pays, and what he scans: whoever has it sees his payment.
    "/pay_url": mask_link,
    "/qr": mask_free,
    "/signer/user": mask_number,
    "/signer/name": mask_name,
    "/signer/credential": mask_number,
    # A certificate's subject holds its owner's name and identity number; its serial leads to both.
    "/signer_subject": mask_free,
    "/serial": mask_number,
    "/summary": mask_free,
    "/note": mask_free,
    "/other_information": mask_free,
    "/return_note": mask_free,
    "/content": mask_free,
    "/enclosures/*/name": mask_free,
    "/supplements/*/requested_by": mask_name,
    "/supplements/*/content": mask_free,
    "/supplements/*/received_by": mask_name,
    "/supplements/*/received_note": mask_free,
    **_under("/submitted", "/results", "/supplements/*/documents", "/documents"),
}
"""Members of `data` that tell about a person, by JSON pointer with `*` for an index, and how each is masked."""

_FILE = (
    "id",
    "component",
    "digitised",
    "reused",
    "reused_from",
    "from_national_store",
    "deleted",
    "replaced_by_result",
)
_FEE = ("code", "name", "kind", "amount", "currency", "state", "collected_at")

PUBLIC: Final[frozenset[str]] = frozenset(
    {f"/{name}" for name in ("origin", "national_number", "unit", "unit_name", "procedure", "status", "local_step")}
    | {f"/{name}" for name in ("channel", "receipt_number", "filed_at", "received_at", "due_at", "finished_at")}
    | {f"/{name}" for name in ("returned_at", "refused_at", "return_by", "paid_online", "started_at", "databases/*")}
    | {f"/{name}" for name in ("payment", "refund", "amount", "currency", "procedure_name", "expires_at", "gateway")}
    | {f"/{name}" for name in ("paid_at", "attempt", "reference", "transaction", "bank", "is_late", "via", "at")}
    | {f"/{name}" for name in ("code", "total_refunded", "document")}
    | {f"/{name}" for name in ("signature", "service", "level", "after", "signed_at", "by", "expired_at")}
    | {"/signer/role", "/signer/title"}
    | {f"/documents/*/{name}" for name in ("id", "form", "sha256", "of", "result", "code", "component", "state")}
    | {f"/documents/*/{name}" for name in ("size", "verdict", "url_until", "visible/kind", "visible/page")}
    | {"/documents/*/visible/box/*"}
    | {"/applicant/kind", "/applicant/identity/kind", "/applicant/verified_by_vneid"}
    | {"/officer/position", "/officer/department"}
    | {f"/{place}/*/{name}" for place in ("submitted", "supplements/*/documents") for name in _FILE}
    | {f"/{place}/*/{name}" for place in ("fees", "supplements/*/fees") for name in _FEE}
    | {"/enclosures/*/count", "/enclosures/*/kind", "/results/*/id", "/results/*/code", "/results/*/component"}
    | {f"/supplements/*/{name}" for name in ("id", "requested_at", "received_at", "is_received")}
    | {f"/supplements/*/{name}" for name in ("due_before", "due_after")}
)
"""Members that may be shown to whoever may see the dossier at all."""


def mask_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """The event's `data` with everything personal masked; the shape stays, nulls stay."""
    return {name: _masked(value, f"/{name}") for name, value in data.items()}


def _masked(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _masked(member, f"{place}/{name}") for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(member, f"{place}/*") for member in value]
    if value is None or place in PUBLIC:
        return value
    mask = PERSONAL.get(place, mask_free)
    # A stranger's member may be a number; shown as text it is masked like one.
    return mask(value if isinstance(value, str) else str(value))


def _shown(length: int) -> tuple[int, int]:
    """How many characters may be seen at the beginning and at the end."""
    spare = max(length - FEWEST_HIDDEN, 0)
    return min(4, (spare + 1) // 2), min(3, spare // 2)


_SECRET: Final = re.compile(
    r"""(?ix)
    \b( (?:proxy-)? authorization ["']? \s{0,4} [:=] \s{0,4} ["']? (?:bearer|basic|digest)? \s{0,4}
      | bearer \s{1,4}
      | (?: [\w-]{0,40}(?:password|secret|token) | passwd | pwd | mat_?khau | api[_-]?key | session | cookie )
        ["']? \s{0,4} [:=] \s{0,4} ["']?
    ) [^\s"'&,;<>}]+ """
)
_EMAIL: Final = re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_KEEP: Final = (
    r"\b[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b"
    r"|\b[0-9a-f]{32,128}\b"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)
"""Trace parents, digests and UUIDs: a run of digits inside one is chance."""
_NUMBER: Final = re.compile(
    rf"{_KEEP}"
    r"|(?<!\d)(?P<plain>\+?\d{9,12})(?!\d)"
    r"|(?<![0-9A-Za-z])(?<![0-9A-Za-z][.-])"
    r"(?P<grouped>\+?\d{1,12}(?P<gap>[ .-])\d{1,12}(?:(?P=gap)\d{1,12}){0,6})(?![.-]?[0-9A-Za-z])"
)


def mask_text(text: str) -> str:
    """Any text made fit for a log: secrets, e-mails, and what looks like an identity number or a telephone are masked.

    Every repetition in the patterns is bounded: a hostile text takes time in proportion to its length, not its square.
    """
    text = _SECRET.sub(lambda found: found.group(1) + HIDDEN, text)
    if "@" in text:
        text = _EMAIL.sub(lambda found: mask_email(found.group()), text)
    return _NUMBER.sub(_mask_found, text)


_NINE: Final = re.compile("[0-9]{9}")
_PERSONS: Final = re.compile(rf"{_KEEP}|(?<!\d)(?P<plain>\+?84\d{{9}}|0\d{{8,11}})(?!\d)")
"""Telephones and identity numbers begin so. Numbers of nine digits that do not are no longer anybody's since 2025."""


def mask_identifier(text: str) -> str:
    """The name of an event or a dossier, made fit for a log: a caller may have made it of somebody's number.

    Milder than `mask_text`: a province whose dossier numbers are all digits must still find them in the log.
    """
    if _NINE.search(text) is None:  # nearly all: a dossier's number has its day in it, and that is six or eight
        return text
    return _PERSONS.sub(lambda found: mask_number(found["plain"]) if found["plain"] else found.group(), text)


def _mask_found(found: re.Match[str]) -> str:
    """Mask a run of 9 to 12 digits; grouped ones only where the grouping is a person's, not a code's or a date's."""
    if (plain := found["plain"]) is not None:
        return mask_number(plain)
    if (grouped := found["grouped"]) is None:
        return found.group()
    digits = re.sub(r"\D", "", grouped)
    is_spelt = grouped[0] in "+0" or found["gap"] == " "
    return mask_number(digits) if is_spelt and 9 <= len(digits) <= 12 else grouped
