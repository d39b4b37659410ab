"""Issue 6: a corpus of signed documents, good and bad; each judged right, and beside two verifiers that are not ours.

`pdfsig` (poppler) says whether a signature's bytes verify; it knows no trusted time, no revisions and, without a store
of certificates, nobody to trust. OpenSSL verifies the CMS with its chain, at the time of the stamp where there is one.
Where one of them says something else than we do, the case says why; where none does, a case may not claim it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.fields import MDPPerm

from contracts.signing_pki.authorities import Holder, roots_pem
from signing.appearance import Appearance
from signing.documents import embed, prepare
from signing.verdicts import Report, Verdict
from signing.verification import Evidence
from tests.forged_documents import (
    altered,
    certified,
    cms_of,
    covered,
    drawn_anew,
    field_filled,
    filled,
    forgotten,
    prepared,
    rewritten,
    shadow_before,
    shadow_hide,
    shadow_hide_and_replace,
    shadow_replace,
    with_junk,
    with_text_field,
)
from tests.signed_documents import LATER, archived, evidence, lasting, looked, signed, stamped_at
from tests.signing_kit import DAY, HOUR, NOW, crl_of, fresh_pki, revoked, signer

PASSED, FAILED, UNSURE = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE
BYTES_ONLY = "it looks at the signed bytes only, and says that the signature is not over the whole file"
ONE_CMS = "it is given the signed bytes, and never sees what was appended behind them"
NO_TRUST = "it was given no certificates to trust, and judges the value only"
NO_STAMPS = "poppler 22.12 cannot judge a time stamp over a document"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One document, and what there is to say of it."""

    name: str
    make: Callable[[], bytes]
    verdict: Verdict
    codes: str = ""
    """All that we say, in any order."""
    said: Callable[[], tuple[Evidence, ...]] = tuple
    now: datetime = LATER
    at: datetime = NOW
    """When OpenSSL looks: at the time that is proven."""
    pdfsig: str = ""
    """Why it says something else."""
    openssl: str = ""


def both() -> tuple[Evidence, ...]:
    return (evidence(signer("official"), signer("agency")),)


def about(kind: str) -> Callable[[], tuple[Evidence, ...]]:
    return lambda: (evidence(signer(kind)),)


@cache
def taken_back(hours: float) -> tuple[object, object]:
    return revoked(NOW + hours * HOUR)


def of_revoked(hours: float, *, stamped: datetime | None = NOW) -> dict[str, Callable[..., object]]:
    def said() -> tuple[Evidence, ...]:
        mine, holder = taken_back(hours)
        return (evidence(holder, mine=mine),)

    return {"make": lambda: signed(holder=taken_back(hours)[1], stamped=stamped), "said": said}


def two() -> bytes:
    return signed(signed(), signer("agency"), field="Ky2")


def shown(pdf: bytes, holder: Holder) -> bytes:
    """Signed once more, with a picture."""
    words = Appearance(kind="official", page=1, box=(72, 700, 500, 810), lines=("Đã ký",))
    made = prepare(pdf, certificate=holder.der, chain=holder.chain_der, at=NOW, field="Ky2", appearance=words)
    return embed(made.document, made.plan, holder.sign_digest(made.digest), stamp=stamped_at(NOW))


def official(digest: bytes) -> bytes:
    return cms_of(signer("official"), digest)


CASES = [
    Case(name="B-B", make=lambda: signed(stamped=None), verdict=PASSED, codes="no_time_stamp"),
    Case(name="B-T", make=signed, verdict=PASSED),
    Case(name="B-LT", make=lasting, verdict=PASSED, codes="evidence_added", said=lambda: (Evidence(),)),
    Case(
        name="B-LTA",
        make=archived,
        verdict=PASSED,
        codes="evidence_added",
        said=lambda: (Evidence(),),
        pdfsig=NO_STAMPS,
    ),
    Case(
        name="B-LTA, when the signer's certificate is long over",
        make=archived,
        verdict=PASSED,
        codes="evidence_added",
        said=lambda: (Evidence(),),
        now=NOW + 900 * DAY,
        pdfsig=NO_STAMPS,
    ),
    Case(name="two in sequence", make=two, verdict=PASSED, codes="signed_after", said=both),
    Case(name="an altered byte", make=lambda: altered(signed()), verdict=FAILED, codes="digest_differs"),
    Case(
        name="two, one broken",
        make=lambda: signed(filled(prepared(), lambda _: official(bytes(32))), signer("agency"), field="Ky2"),
        verdict=FAILED,
        codes="digest_differs signed_after",
        said=both,
        openssl="it is shown the last signature only, which is good",
    ),
    Case(
        name="an appended revision",
        make=lambda: rewritten(signed()),
        verdict=FAILED,
        codes="changed_after",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="junk behind the end",
        make=lambda: with_junk(signed()),
        verdict=FAILED,
        codes="changed_after",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(name="a shadow that was not cast", make=lambda: signed(shadow_before()), verdict=PASSED),
    *(
        Case(
            name=f"shadow: {name}",
            make=lambda cast=cast: cast(signed(shadow_before())),
            verdict=FAILED,
            codes="changed_after",
            pdfsig=BYTES_ONLY,
            openssl=ONE_CMS,
        )
        for name, cast in (
            ("hide", shadow_hide),
            ("replace", shadow_replace),
            ("hide and replace", shadow_hide_and_replace),
        )
    ),
    Case(
        name="a table that knows no earlier one",
        make=lambda: forgotten(signed()),
        verdict=FAILED,
        codes="partial_coverage",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="over a part of the file",
        make=lambda: filled(prepared(), official, cut=300),
        verdict=FAILED,
        codes="partial_coverage",
        pdfsig=BYTES_ONLY,
        openssl="it is given the part that is signed",
    ),
    Case(
        name="a wrong chain",
        make=lambda: signed(holder=signer("stranger")),
        verdict=FAILED,
        codes="untrusted",
        said=about("stranger"),
        pdfsig=NO_TRUST,
    ),
    Case(
        name="expired before it was stamped",
        make=lambda: signed(holder=signer("expired")),
        verdict=FAILED,
        codes="expired revocation_unknown",
        said=about("expired"),
        pdfsig=NO_TRUST,
    ),
    Case(
        name="expired, and no stamp says since when it is there",
        make=lambda: signed(holder=signer("expired"), at=NOW - 40 * DAY, stamped=None),
        verdict=UNSURE,
        codes="expired_no_proof no_time_stamp revocation_unknown",
        said=about("expired"),
        at=LATER,
        pdfsig=NO_TRUST,
    ),
    Case(
        name="not valid yet",
        make=lambda: signed(holder=signer("not_yet")),
        verdict=FAILED,
        codes="not_yet_valid",
        said=about("not_yet"),
        pdfsig=NO_TRUST,
    ),
    Case(name="revoked before the stamp", verdict=FAILED, codes="revoked", pdfsig=NO_TRUST, **of_revoked(-1)),
    Case(
        name="revoked after the stamp",
        verdict=PASSED,
        codes="revoked_later",
        openssl="to it a certificate on a list is revoked, whenever that was",
        **of_revoked(0.5),
    ),
    Case(
        name="revoked, and no stamp says whether it was there before",
        verdict=UNSURE,
        codes="revoked_no_proof no_time_stamp",
        at=LATER,
        pdfsig=NO_TRUST,
        **of_revoked(0.5, stamped=None),
    ),
    Case(
        name="nobody says whether it is revoked",
        make=signed,
        verdict=UNSURE,
        codes="revocation_unknown stamp_revocation_unknown no_time_stamp",
        said=lambda: (Evidence(),),
        pdfsig=NO_TRUST,
        openssl="it was not told to ask",
    ),
    Case(
        name="a stamp of an authority that nobody knows",
        make=lambda: signed(by=fresh_pki().foreign.issue("TSA", purposes=(x509.ExtendedKeyUsageOID.TIME_STAMPING,))),
        verdict=UNSURE,
        codes="stamp_untrusted no_time_stamp",
        pdfsig="it does not look at stamps",
        openssl="it does not look at stamps",
    ),
    Case(
        name="SHA-1",
        make=lambda: filled(
            prepared(), lambda told: cms_of(signer("official"), told, hash_name="sha1"), hash_name="sha1"
        ),
        verdict=FAILED,
        codes="weak_hash",
        pdfsig="it takes SHA-1",
        openssl="it takes SHA-1 in a CMS",
    ),
    Case(
        name="a certificate under SHA-1",
        make=lambda: signed(holder=signer("sha1")),
        verdict=FAILED,
        codes="weak_hash untrusted",
        said=about("sha1"),
        pdfsig=NO_TRUST,
    ),
    Case(
        name="a weak key",
        make=lambda: signed(holder=signer("weak")),
        verdict=FAILED,
        codes="weak_key",
        said=about("weak"),
        pdfsig="it takes 1024 bits",
    ),
    Case(
        name="another certificate than the one that is named",
        make=lambda: filled(prepared(), lambda told: cms_of(signer("official"), told, names=signer("agency"))),
        verdict=FAILED,
        codes="certificate_mismatch",
        pdfsig="it does not look at signed attributes",
        openssl="without -cades it does not look at them",
    ),
    Case(
        name="certified, and kept",
        make=lambda: certified(signer("official"), MDPPerm.NO_CHANGES),
        verdict=PASSED,
        codes="no_time_stamp",
    ),
    Case(
        name="a certification that was violated",
        make=lambda: rewritten(certified(signer("official"), MDPPerm.NO_CHANGES)),
        verdict=FAILED,
        codes="certification_violated no_time_stamp",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="a form that was filled in where nothing more was allowed",
        make=lambda: field_filled(certified(signer("official"), MDPPerm.NO_CHANGES, pdf=with_text_field()), b"12"),
        verdict=FAILED,
        codes="certification_violated no_time_stamp",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="a form that was filled in afterwards",
        make=lambda: field_filled(signed(with_text_field()), b"12"),
        verdict=UNSURE,
        codes="filled_in_after",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="number and date filled in, and sealed by the agency",
        make=lambda: signed(
            field_filled(signed(with_text_field()), b"12"), signer("agency"), field="Ky2", at=NOW, stamped=LATER
        ),
        verdict=PASSED,
        codes="filled_in_signed",
        said=both,
    ),
    *(
        Case(
            name=f"a picture over the page that nobody signed{name}",
            make=lambda as_kid=as_kid: covered(signed(), as_kid=as_kid),
            verdict=FAILED,
            codes="changed_after",
            pdfsig=BYTES_ONLY,
            openssl=ONE_CMS,
        )
        for name, as_kid in (("", False), (", below its field", True))
    ),
    Case(
        name="the agency's seal, seen on the page",
        make=lambda: shown(signed(), signer("agency")),
        verdict=PASSED,
        codes="signed_after",
        said=both,
    ),
    Case(
        name="a citizen's picture on an official's page",
        make=lambda: shown(signed(), signer("person")),
        verdict=UNSURE,
        codes="filled_in_after",
        said=lambda: (evidence(signer("official"), signer("person")),),
        pdfsig="it does not look at what a later signature shows",
        openssl=ONE_CMS,
    ),
    Case(
        name="two citizens on one page",
        make=lambda: shown(signed(holder=signer("person")), signer("person")),
        verdict=PASSED,
        codes="signed_after",
        said=about("person"),
    ),
    Case(
        name="a form that is drawn in another font",
        make=lambda: drawn_anew(signed(with_text_field())),
        verdict=UNSURE,
        codes="filled_in_after",
        pdfsig=BYTES_ONLY,
        openssl=ONE_CMS,
    ),
    Case(
        name="a form that is written anew and drawn the same",
        make=lambda: drawn_anew(signed(with_text_field()), b""),
        verdict=PASSED,
        codes="evidence_added",
    ),
    Case(
        name="a stamp over something else",
        make=lambda: filled(
            prepared(),
            lambda told: cms_of(signer("official"), told, stamp=lambda _: stamped_at(NOW)(bytes(32))),
        ),
        verdict=FAILED,
        codes="stamp_broken no_time_stamp",
        pdfsig="it does not look at stamps",
        openssl="it does not look at stamps",
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@cache
def made(name: str) -> bytes:
    return next(case for case in CASES if case.name == name).make()


def judged(case: Case) -> Report:
    return looked(made(case.name), *case.said(), now=case.now)


def test_p15_each_is_judged_right(case):
    """Verdict and reasons of each document are exactly those that its making deserves."""
    report = judged(case)

    assert (case.verdict, set(case.codes.split())) == (report.verdict, {code.value for code in report.codes})


@pytest.mark.needs("pdfsig")
def test_poppler_agrees_or_it_is_said_why(case, tmp_path):
    """Wherever poppler and we differ the case says why, and no case says so without need."""
    is_valid = all("Signature is Valid" in line for line in pdfsig(made(case.name), tmp_path))

    assert (is_valid != (case.verdict is PASSED)) == bool(case.pdfsig), case.pdfsig


@pytest.mark.needs("openssl")
def test_openssl_agrees_or_it_is_said_why(case, tmp_path):
    """Wherever OpenSSL, at the time that is proven, and we differ the case says why, and none without need."""
    is_valid, words = openssl(case, tmp_path)

    assert (is_valid != (case.verdict is PASSED)) == bool(case.openssl), words


def test_a_case_that_is_not_passed_is_wanted_or_wrong():
    """Every reason that keeps a document from passing is in some document of the corpus, but for those tested alone."""
    heavy = {code for case in CASES if case.verdict is not PASSED for code in case.codes.split()}

    assert {"digest_differs", "changed_after", "partial_coverage", "untrusted", "expired", "revoked"} <= heavy
    assert {"weak_hash", "weak_key", "certification_violated", "revocation_unknown", "stamp_untrusted"} <= heavy


# -- the others --------------------------------------------------------------------------------------------------------


def pdfsig(pdf: bytes, folder: Path) -> list[str]:
    """What poppler says of each signature's bytes; it has a home without certificates."""
    file = folder / "it.pdf"
    file.write_bytes(pdf)
    told = run("pdfsig", "-nocert", str(file), home=folder)
    return re.findall(r"Signature Validation: .*", told.stdout)


def openssl(case: Case, folder: Path) -> tuple[bool, str]:
    """The last signature's CMS over its bytes, with the mocks' roots, at the time that is proven."""
    pdf = made(case.name)
    content, signed_bytes = last_signature(pdf)
    (folder / "it.der").write_bytes(content)
    (folder / "it.bin").write_bytes(signed_bytes)
    (folder / "trusted.pem").write_bytes(roots_pem() + lists(case))
    check = ["-crl_check"] if lists(case) else []
    told = run(
        *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", str(folder / "it.der")),
        *("-content", str(folder / "it.bin"), "-CAfile", str(folder / "trusted.pem"), "-purpose", "any"),
        *("-auth_level", "2"),
        *("-attime", str(int(case.at.timestamp())), "-out", os.devnull, *check),
        home=folder,
    )
    return told.returncode == 0, told.stderr


def lists(case: Case) -> bytes:
    """The revocation list of those who revoke, as of the time of looking; PEM."""
    if "revoked" not in case.name or "nobody" in case.name:
        return b""
    hours = -1 if "before the" in case.name else 0.5
    mine, holder = taken_back(hours)
    listed = x509.load_der_x509_crl(crl_of(holder, max(case.at, NOW + HOUR / 2), mine=mine))
    return listed.public_bytes(Encoding.PEM)


def last_signature(pdf: bytes) -> tuple[bytes, bytes]:
    """Value and signed bytes of the last signature that is none over the whole document, read by hand."""
    for found in reversed(list(re.finditer(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", pdf))):
        begin, end, length = (int(each) for each in found.groups())
        content = bytes.fromhex(pdf[begin + 1 : end - 1].decode())
        told = cms.ContentInfo.load(content)
        if told["content"]["encap_content_info"]["content_type"].native == "data":
            return told.dump(), pdf[:begin] + pdf[end : end + length]
    raise LookupError("no signature")


def run(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """One program, in a home of its own."""
    program = shutil.which(command[0])
    assert program is not None
    environment = {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
