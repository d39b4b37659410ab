"""signing.verification: what the corpus (tests/proofs) does not show, branch by branch."""

import hashlib
import json
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from contracts.signing_pki.authorities import DUTY, root
from signing import comparisons, pdf_reader
from signing.documents import prepare
from signing.errors import DocumentRefused
from signing.keys import spki_of
from signing.verdicts import Report, Verdict
from signing.verification import Evidence, verify_pdf
from signing.verification_chain import DocumentTrust
from tests.forged_documents import altered, cms_of, filled, prepared
from tests.pdf_kit import one_page, word_made
from tests.signed_documents import (
    LATER,
    Update,
    archived,
    evidence,
    lasting,
    looked,
    signed,
    stamped_at,
    trust,
)
from tests.signing_kit import DAY, HOUR, NOW, fresh_pki, pki, signer, small_pdf, stamper


def codes(report: Report) -> set[str]:
    return {each.value for each in report.codes}


# -- reports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: archived(), lambda: altered(signed()), lambda: small_pdf()])
def test_a_report_is_kept_and_read_again(make):
    """As JSON and back it says the same; what was wanted is for the moment, and left out."""
    report = looked(make())
    kept = json.loads(json.dumps(report.to_json()))

    assert replace(report, wanted=()) == Report.from_json(kept)


def test_what_may_pass_later():
    """Only where nothing is missing but an authority's word is another look worth it."""
    assert looked(signed(), Evidence()).may_pass_later
    assert not looked(signed()).may_pass_later
    assert not looked(signed(by=pki().foreign.issue("TSA", purposes=(STAMPING,)))).may_pass_later


def test_unsigned():
    """A document that nobody signed is not valid: there is nothing to be valid."""
    report = looked(small_pdf())

    assert (Verdict.FAILED, {"no_signature"}) == (report.verdict, codes(report))


def test_what_is_wanted():
    """A report names certificate and issuer of everybody of whom nobody spoke; with the answers nothing is wanted."""
    wanted = looked(signed(), Evidence()).wanted

    assert {stamper().der, signer("official").der} == {certificate for certificate, _ in wanted}
    assert () == looked(signed(), evidence()).wanted
    assert () == looked(signed(), evidence(lists=True)).wanted


# -- form --------------------------------------------------------------------------------------------------------------


def official(digest: bytes) -> bytes:
    return cms_of(signer("official"), digest)


def with_format(name: bytes) -> bytes:
    return prepared().replace(b"/ETSI.CAdES.detached", name.ljust(20))


def test_a_signature_from_before_pades():
    """PKCS#7 as older programs make it is judged, and its level is called basic."""
    report = looked(filled(with_format(b"/adbe.pkcs7.detached"), official))

    assert (Verdict.PASSED, {"basic_profile", "no_time_stamp"}) == (report.verdict, codes(report))
    assert "basic" == report.signatures[0].level


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: filled(with_format(b"/adbe.x509.rsa_sha1"), official), "format_unknown"),
        (lambda: filled(prepared(), lambda _: b"\x30\x03\x02\x01\x01"), "signature_broken"),
        (lambda: filled(prepared(), lambda _: b""), "signature_broken"),
        (
            lambda: filled(prepared(), lambda told: official(told).replace(b"\x30\x82", b"\x30\x83", 1)),
            "signature_broken",
        ),
        (lambda: filled(prepared(), lambda told: unreadable_certificate(official(told))), "signature_broken"),
        (lambda: ranged(b"[0 10 20 30 40]"), "partial_coverage"),
        (lambda: ranged(b"[1 10 20 30]"), "partial_coverage"),
        (lambda: ranged(b"[0 20 10 30]"), "partial_coverage"),
        (lambda: ranged(b"[0 10 20 99999999]"), "partial_coverage"),
        (lambda: ranged(b"[0 10 20 30]"), "partial_coverage"),
        (lambda: ranged(b"[0 -1 20 30]"), "partial_coverage"),
        (lambda: ranged(b"(no list)"), "signature_broken"),
    ],
)
def test_a_signature_that_nobody_can_read(make, code):
    """Whatever stands in a signature's place, it is a signature that failed, and never trouble of ours."""
    report = looked(make())

    assert (Verdict.FAILED, {code}) == (report.verdict, codes(report) - {"no_time_stamp"})


def ranged(told: bytes) -> bytes:
    """Another byte range than the one that was signed."""
    pdf = signed(stamped=None)
    begin = pdf.index(b"/ByteRange [") + len(b"/ByteRange ")
    end = pdf.index(b"]", begin) + 1
    return pdf[:begin] + told.ljust(end - begin) + pdf[end:]


def unreadable_certificate(content: bytes) -> bytes:
    """Its version is one that no certificate has."""
    return content.replace(b"\xa0\x03\x02\x01\x02\x02", b"\xa0\x03\x02\x01\x07\x02", 1)


def test_a_value_that_is_no_value():
    """Letters in the place of a signature that are no hexadecimal digits make it no document at all."""
    pdf = signed(stamped=None)
    place = pdf.index(b"/Contents <") + 30_000

    with pytest.raises(DocumentRefused):
        looked(pdf[:place] + b"ZZ" + pdf[place + 2 :])


def test_two_tables_of_objects():
    """As Word writes two tables it is one document; where they contradict each other nobody says which was signed."""
    report = looked(signed(word_made(twice=5)))

    assert (Verdict.INDETERMINATE, {"ambiguous_structure"}) == (report.verdict, codes(report))
    assert Verdict.PASSED is looked(signed(word_made())).verdict


def test_bounds(monkeypatch):
    """More revisions or signatures than any result has are not compared at all."""
    two = signed(signed(), signer("agency"), field="Ky2")
    monkeypatch.setattr(comparisons, "MOST_REVISIONS", 2)
    with pytest.raises(DocumentRefused, match="more than 2"):
        looked(two)
    monkeypatch.setattr(comparisons, "MOST_REVISIONS", 3)
    monkeypatch.setattr(comparisons, "MOST_SIGNATURES", 1)
    with pytest.raises(DocumentRefused, match="more than 1"):
        looked(two)


def test_what_would_take_minutes_to_compare(monkeypatch):
    """Pages × signatures × revisions are bounded before anything is compared, and before another signature is asked
    for: pages that a later revision took away count, too."""
    two = signed(signed(), signer("agency"), field="Ky2")
    fewest = 2 * 3 * (1 + comparisons.EACH)
    monkeypatch.setattr(comparisons, "MOST_COMPARED", fewest)
    assert 2 == len(looked(two).signatures)
    with pytest.raises(DocumentRefused, match="3 signatures and 6 revisions") as refused:
        prepare(two, certificate=signer().der, at=NOW, field="Ky3")
    assert "document_too_many_revisions" == refused.value.code
    monkeypatch.setattr(comparisons, "MOST_COMPARED", fewest - 1)
    with pytest.raises(DocumentRefused, match="2 signatures and 3 revisions on more than 0 pages"):
        looked(two)


def tangled(depth: int) -> bytes:
    """Each of these objects names the next one twice: a way more to the last one with each, times two."""
    objects = [b"[%d 0 R %d 0 R]" % (number, number) for number in range(5, 5 + depth)]
    return one_page(b"/PieceInfo 4 0 R", *objects, b"<< >>")


def test_more_ways_than_anybody_counts(monkeypatch):
    """Two kilobytes of objects with a million million ways between them are not asked to be signed, and where
    they are signed already, judging ends where the count does."""
    monkeypatch.setattr(pdf_reader, "MOST_COMPARED", 40_000)
    with pytest.raises(DocumentRefused, match="cannot be compared") as refused:
        prepare(tangled(40), certificate=signer().der, at=NOW, field="Ky1")
    assert "document_too_many_revisions" == refused.value.code

    two = signed(signed(tangled(6)), signer("agency"), field="Ky2")
    assert Verdict.PASSED is looked(two, evidence(signer("official"), signer("agency"))).verdict
    monkeypatch.setattr(pdf_reader, "MOST_COMPARED", 1500)
    with pytest.raises(DocumentRefused, match="cannot be compared"):
        looked(two)


@pytest.mark.parametrize(
    ("junk", "code"),
    [
        (b"", "document_empty"),
        (b"hello", "document_not_pdf"),
        (b"%PDF-1.7\nnothing", "document_broken"),
        (small_pdf().replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 9 0 R"), "document_encrypted"),
    ],
)
def test_what_is_no_document(junk, code):
    """A file that cannot be judged is refused by its code."""
    with pytest.raises(DocumentRefused) as refused:
        verify_pdf(junk, trust(), NOW)

    assert code == refused.value.code


def test_a_strange_time_of_signing():
    """A time without a zone, or none that anybody can read, is no time; one past the stamp is called odd."""
    for told in (b"(hello)", b"(D:20260703)"):
        pdf = prepared()
        begin = pdf.index(b"/M (")
        end = pdf.index(b")", begin) + 1
        report = looked(filled(pdf[:begin] + (b"/M " + told).ljust(end - begin) + pdf[end:], official))
        assert report.signatures[0].signing_time is None
    assert {"claimed_time_odd"} == codes(looked(signed(at=LATER)))


def test_evidence_that_is_none():
    """What cannot be read in the document's store, or is none, is as good as not there."""
    for store in (b"<< /Certs [3 0 R] /OCSPs [] >>", b"<< >>"):
        pdf = Update(small_pdf()).with_objects({1: b"<< /Type /Catalog /Pages 2 0 R /DSS %s >>" % store})
        assert Verdict.PASSED is looked(signed(pdf)).verdict


# -- authorities -------------------------------------------------------------------------------------------------------

STAMPING = x509.ExtendedKeyUsageOID.TIME_STAMPING


def test_evidence_from_anybody():
    """Junk among lists, answers and certificates is passed over: what is good among it still counts."""
    unsuccessful = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    broken = listed(DUTY, extension=(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"junk"), False))
    # By an algorithm of nobody, under the authority's name.
    strange = listed(DUTY).replace(b"\x2a\x86\x48\xce\x3d\x04\x03\x02", b"\x2a\x86\x48\xce\x3d\x04\x03\x63")
    good = evidence()
    mixed = Evidence(
        crls=(b"junk", broken, strange),
        ocsps=(b"junk", unsuccessful.public_bytes(Encoding.DER), *good.ocsps),
        certificates=(b"junk", *good.certificates),
    )

    assert Verdict.PASSED is looked(signed(), mixed).verdict


def listed(which: str, *serials: int, at=NOW, reason=None, extension=None, by=None) -> bytes:
    """A list of the authority, or of the root above it."""
    holder = by or pki().authorities[which].holder
    builder = x509.CertificateRevocationListBuilder().issuer_name(holder.certificate.subject)
    builder = builder.last_update(LATER).next_update(LATER + DAY)
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    if extension is not None:
        builder = builder.add_extension(*extension)
    return builder.sign(holder.key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(("hours", "code"), [(-1, "authority_revoked"), (0.5, "revoked_later")])
def test_the_authority_was_taken_back(hours, code):
    """An authority between that its root took back vouches for nobody from then on, and still for what was before."""
    between = pki().duty.holder.certificate.serial_number
    report = looked(signed(), evidence(), Evidence(crls=(listed(DUTY, between, at=NOW + hours * HOUR, by=root(DUTY)),)))

    assert {code} == codes(report)


@pytest.mark.parametrize(
    ("hours", "reason", "code"),
    [
        (-1, x509.ReasonFlags.cessation_of_operation, "stamp_revoked"),
        (0.5, x509.ReasonFlags.cessation_of_operation, None),
        (0.5, x509.ReasonFlags.key_compromise, "stamp_revoked"),
        (0.5, None, "stamp_revoked"),
    ],
)
def test_the_time_stamp_unit_was_taken_back(hours, reason, code):
    """A unit that closed stamped well until then; one whose key was lost, or of which nobody says why, never did."""
    told = listed("stamps", stamper().certificate.serial_number, at=NOW + hours * HOUR, reason=reason)
    report = looked(signed(), evidence(), Evidence(crls=(told,)))

    assert (set() if code is None else {code, "no_time_stamp"}) == codes(report)


def test_a_lost_key_before_the_day_that_is_told():
    """Where the authority says since when the key was in other hands, that day counts, and not the day of the entry."""
    holder = signer("official")
    entry = x509.RevokedCertificateBuilder().serial_number(holder.certificate.serial_number).revocation_date(LATER)
    entry = entry.add_extension(x509.InvalidityDate(NOW - HOUR), critical=False)
    entry = entry.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"x"), critical=False)
    authority = pki().duty.holder
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(LATER).next_update(LATER + DAY).add_revoked_certificate(entry.build())
    told = builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)

    assert {"revoked"} == codes(looked(signed(), evidence(), Evidence(crls=(told,))))


def test_a_word_from_the_future():
    """What an authority is to say tomorrow is not said yet."""
    report = looked(signed(), evidence(at=LATER + DAY))

    assert {"revocation_unknown", "stamp_revocation_unknown", "no_time_stamp"} == codes(report)


def test_a_stamp_from_the_future():
    """A stamp of a later time than that of looking proves nothing."""
    report = looked(signed(stamped=LATER + HOUR))

    assert (Verdict.FAILED, {"stamp_broken", "no_time_stamp"}) == (report.verdict, codes(report))


def test_a_stamp_of_another_program():
    """The first stamp that holds counts, whatever stands before it."""
    both = filled(
        prepared(), lambda told: cms_of(signer("official"), told, stamp=lambda digest: stamped_at(NOW)(digest))
    )

    assert set() == codes(looked(both))


def test_a_stamp_over_all_that_does_not_hold():
    """Then the whole is not certain, and what stands below it is judged as if there were none."""
    report = looked(archived(lasting(), at=LATER + HOUR), now=LATER)

    assert ("failed", "passed") == (report.signatures[1].verdict, report.signatures[0].verdict)
    assert "B-LT" == report.signatures[0].level


def test_a_unit_whose_days_are_over():
    """When the unit's certificate is over, its stamp proves nothing any more, unless a newer one is over it."""
    report = looked(signed(), now=NOW + 4_000 * DAY)

    assert {"stamp_expired"} <= codes(report)
    assert Verdict.INDETERMINATE is report.verdict


def test_a_key_that_everybody_has(monkeypatch):
    """The published demo key signs nothing outside the demo."""
    holder = signer("official")
    monkeypatch.setattr("signing.keys.DEMO_KEY", hashlib.sha256(spki_of(holder.key.public_key())).hexdigest())
    told = evidence(holder)

    assert {"demo_key"} == codes(looked(signed(holder=holder), told))
    demo = replace(trust(), is_demo=True)
    assert Verdict.PASSED is verify_pdf(signed(holder=holder), demo, LATER, told).verdict


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"usage": ("key_encipherment",)}, "not_for_signing"),
        ({"purposes": (x509.ExtendedKeyUsageOID.SERVER_AUTH,)}, "not_for_signing"),
    ],
)
def test_a_certificate_for_something_else(wanted, code):
    """What a certificate was not made for it does not do."""
    holder = pki().duty.issue("Khác", **wanted)

    assert {code} == codes(looked(signed(holder=holder), evidence(holder)))


def test_a_unit_that_is_none():
    """Only a certificate with this one purpose stamps."""
    server = pki().authorities["stamps"].issue("Máy chủ")

    assert {"stamp_untrusted", "no_time_stamp"} == codes(looked(signed(by=server), evidence(), evidence(server)))


def test_an_authority_between_that_was_over():
    """A leaf of these days below an authority of other days is out of date, and not unknown."""
    mine = fresh_pki(NOW)
    holder = mine.official()
    longer = NOW.replace(year=2051)
    assert longer > NOW
    report = looked(signed(holder=holder, stamped=None, at=NOW), evidence(holder, mine=mine), now=longer)

    assert "expired_no_proof" in codes(report)


def test_roles():
    """A chain counts for the roles whose roots it ends in; a signer of a role without roots is nobody's."""
    assert ("agency", "official") == looked(signed()).signatures[0].roles
    only = DocumentTrust(roots={"citizen": trust().roots["citizen"], "agency": ()}, stamp_roots=trust().stamp_roots)
    report = verify_pdf(signed(), only, LATER, evidence())
    assert ((), {"untrusted"}) == (report.signatures[0].roles, codes(report))
    nobody = DocumentTrust(roots=only.roots)
    assert {"untrusted", "stamp_untrusted", "no_time_stamp"} == codes(verify_pdf(signed(), nobody, LATER, evidence()))
