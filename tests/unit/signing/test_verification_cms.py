"""signing.verification_cms: one CMS with one signer, read from anybody and judged by what it says it is."""

import hashlib

import pytest
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding

from signing.verdicts import Code
from signing.verification_cms import LARGEST, CmsWrong, check, digest_name, read, read_stamp
from tests.forged_documents import cms_of
from tests.signing_kit import NOW, certificates, signer, stamp, stamper

DIGEST = hashlib.sha256(b"what is signed").digest()


def judged(content: bytes) -> None:
    signed = read(content)
    digest_name(signed)
    check(signed, DIGEST)


def without(kind: str):
    return lambda given: [pair for pair in given if pair[0] != kind]


def twice(kind: str):
    return lambda given: [*given, *(pair for pair in given if pair[0] == kind)]


def other(kind: str, value: object):
    return lambda given: [(name, value if name == kind else it) for name, it in given]


def of_two_signers() -> bytes:
    told = cms.ContentInfo.load(cms_of(signer("official"), DIGEST))
    data = told["content"]
    data["signer_infos"] = [data["signer_infos"][0], data["signer_infos"][0]]
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def by_key_identifier(holder=None) -> dict[str, object]:
    named = asn1_x509.Certificate.load((holder or signer("official")).der).key_identifier
    return {"sid": cms.SignerIdentifier({"subject_key_identifier": named})}


def older(given):
    named = tsp.SigningCertificate({"certs": [{"cert_hash": hashlib.sha1(signer("official").der).digest()}]})
    return [*without("signing_certificate_v2")(given), ("signing_certificate", named)]


GOOD = {
    "as it should be": lambda: cms_of(signer("official"), DIGEST),
    "SHA-512": lambda: cms_of(signer("official"), DIGEST, hash_name="sha512"),
    "ECDSA": lambda: cms_of(stamper(), DIGEST),
    "plain RSA": lambda: cms_of(
        signer("official"), DIGEST, algorithm=algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"})
    ),
    "signer by key identifier": lambda: cms_of(signer("official"), DIGEST, more=by_key_identifier()),
    "without a name of the certificate": lambda: cms_of(
        signer("official"), DIGEST, attributes=without("signing_certificate_v2")
    ),
    "named the older way": lambda: cms_of(signer("official"), DIGEST, attributes=older),
    "PSS": lambda: pss(),
}
BAD = {
    "no CMS": (lambda: b"\x30\x03\x02\x01\x01", Code.SIGNATURE_BROKEN),
    "nothing": (lambda: b"", Code.SIGNATURE_BROKEN),
    "too long": (lambda: bytes(LARGEST + 1), Code.SIGNATURE_BROKEN),
    "not signed data": (
        lambda: cms.ContentInfo({"content_type": "data", "content": core.OctetString(b"x")}).dump(),
        Code.SIGNATURE_BROKEN,
    ),
    "two signers": (of_two_signers, Code.SIGNATURE_BROKEN),
    "a time stamp in its place": (lambda: stamp(DIGEST), Code.FORMAT_UNKNOWN),
    "another digest": (lambda: cms_of(signer("official"), bytes(32)), Code.DIGEST_DIFFERS),
    "another certificate is named": (
        lambda: cms_of(signer("official"), DIGEST, names=signer("agency")),
        Code.CERTIFICATE_MISMATCH,
    ),
    "its certificate is not there": (
        lambda: cms_of(signer("official"), DIGEST, carried=[signer("person")]),
        Code.CERTIFICATE_MISSING,
    ),
    "nor by key identifier": (
        lambda: cms_of(signer("official"), DIGEST, carried=[stamper()], more=by_key_identifier()),
        Code.CERTIFICATE_MISSING,
    ),
    "no digest": (
        lambda: cms_of(signer("official"), DIGEST, attributes=without("message_digest")),
        Code.SIGNATURE_BROKEN,
    ),
    "no content type": (
        lambda: cms_of(signer("official"), DIGEST, attributes=without("content_type")),
        Code.SIGNATURE_BROKEN,
    ),
    "of another content": (
        lambda: cms_of(signer("official"), DIGEST, attributes=other("content_type", "tst_info")),
        Code.SIGNATURE_BROKEN,
    ),
    "two digests": (
        lambda: cms_of(signer("official"), DIGEST, attributes=twice("message_digest")),
        Code.SIGNATURE_BROKEN,
    ),
    "another value": (
        lambda: cms_of(signer("official"), DIGEST, more={"signature": bytes(256)}),
        Code.SIGNATURE_BROKEN,
    ),
    "an algorithm of another key": (
        lambda: cms_of(
            signer("official"), DIGEST, algorithm=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
        ),
        Code.FORMAT_UNKNOWN,
    ),
    "SHA-1": (lambda: cms_of(signer("official"), DIGEST, hash_name="sha1"), Code.WEAK_HASH),
    "SHA-1 in the algorithm alone": (
        lambda: cms_of(signer("official"), DIGEST, algorithm=algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})),
        Code.WEAK_HASH,
    ),
    "PSS over a mask of SHA-1": (lambda: pss("sha1"), Code.WEAK_HASH),
    "a name by a hash that nobody has": (
        lambda: cms_of(signer("official"), DIGEST, attributes=other("signing_certificate_v2", by_strange_hash())),
        Code.SIGNATURE_BROKEN,
    ),
    "a key of a kind that nobody signs with": (lambda: of_edwards(), Code.FORMAT_UNKNOWN),
}


def pss(mask: str = "sha256") -> bytes:
    algorithm = algos.SignedDigestAlgorithm(
        {
            "algorithm": "rsassa_pss",
            "parameters": {
                "hash_algorithm": {"algorithm": "sha256"},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": mask}},
                "salt_length": 32,
            },
        }
    )
    content = cms.ContentInfo.load(cms_of(signer("official"), DIGEST, algorithm=algorithm))
    info = content["content"]["signer_infos"][0]
    signed = info["signed_attrs"].untag().dump()
    shape = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    value = signer("official").key.sign(signed, shape, hashes.SHA256())
    return cms_of(signer("official"), DIGEST, algorithm=algorithm, more={"signature": value})


def by_strange_hash() -> tsp.SigningCertificateV2:
    strange = algos.DigestAlgorithm({"algorithm": "1.2.3.4"})
    return tsp.SigningCertificateV2({"certs": [{"hash_algorithm": strange, "cert_hash": bytes(32)}]})


def of_edwards() -> bytes:
    """The certificate beside the signature has, for the same name and number, a key of another kind."""
    holder, key = signer("official"), ed25519.Ed25519PrivateKey.generate()
    known = holder.certificate
    builder = pyca.CertificateBuilder().subject_name(known.subject).issuer_name(known.issuer)
    builder = builder.serial_number(known.serial_number).public_key(key.public_key())
    made = builder.not_valid_before(NOW).not_valid_after(known.not_valid_after_utc).sign(key, None)
    content = cms.ContentInfo.load(cms_of(holder, DIGEST, attributes=without("signing_certificate_v2")))
    content["content"]["certificates"] = [asn1_x509.Certificate.load(made.public_bytes(Encoding.DER))]
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": content["content"]}).dump())


@pytest.mark.parametrize("name", GOOD)
def test_what_verifies(name):
    """RSA with either padding and ECDSA, over SHA-2; the signer named either way; PAdES or from before it."""
    judged(GOOD[name]())


@pytest.mark.parametrize("name", BAD)
def test_what_does_not(name):
    """Everything else is refused, by a code of its own where somebody can do something about it."""
    make, code = BAD[name]

    with pytest.raises(CmsWrong) as refused:
        judged(make())

    assert code is refused.value.code


def test_who_signed_and_who_stands_above():
    """The signer's certificate is the one that the signer names; the others are for finding a chain."""
    signed = read(GOOD["as it should be"]())

    assert signer("official").der == signed.certificate
    assert [each.public_bytes(Encoding.DER) for each in certificates(signer("official"))[1:]] == list(signed.others)
    assert signed.names_certificate


def test_a_stamp_over_these_bytes():
    """A time stamp says when, and over which digest; it is read only where its own signature verifies."""
    assert NOW == read_stamp(stamp(hashlib.sha256(b"x").digest()), b"x").at


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda: stamp(hashlib.sha256(b"y").digest()), Code.DIGEST_DIFFERS),
        (lambda: GOOD["as it should be"](), Code.FORMAT_UNKNOWN),
        (lambda: of_content(b"\x30\x00"), Code.SIGNATURE_BROKEN),
        (lambda: of_content(imprint("sha1")), Code.WEAK_HASH),
    ],
)
def test_a_stamp_that_is_none(token, code):
    """One over something else, no stamp at all, one whose content nobody can read, one over SHA-1."""
    with pytest.raises(CmsWrong) as refused:
        read_stamp(token(), b"x")

    assert code is refused.value.code


def of_content(content: bytes) -> bytes:
    digest = hashlib.sha256(content).digest()
    return cms_of(stamper(), digest, content_type="tst_info", content=content)


def imprint(name: str) -> bytes:
    told = {
        "version": "v1",
        "policy": "1.2.3",
        "message_imprint": {
            "hash_algorithm": {"algorithm": name},
            "hashed_message": hashlib.new(name, b"x").digest(),
        },
        "serial_number": 1,
        "gen_time": core.GeneralizedTime(NOW),
    }
    return bytes(tsp.TSTInfo(told).dump())
