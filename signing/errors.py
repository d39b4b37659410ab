"""What callers of the room may catch.

SigningError
├── KeyTrouble               our own key or secret cannot be used
│   ├── KeyUnreadable        not there, not a key, or of another kind
│   ├── KeyExposed           others may read the file
│   ├── SecretTooShort       a shared secret that could be guessed
│   ├── CertificateMismatch  certificate and key do not belong together
│   ├── KeyTooWeak           of a kind or size that nobody should sign with
│   ├── DemoKeyRefused       the published demo key, outside the demo
│   └── TokenTrouble         the hardware token does not sign
├── PlanWrong                document, plan and value of a signature do not belong together
├── StampRefused             what a time-stamp authority answered is no stamp for what was asked
├── DocumentRefused          not a document that anybody can sign or judge
└── NotVerified              a refusal: what came is not proven to be from whom it says
    ├── SignatureMissing     nothing was signed
    ├── SignatureBroken      what was signed is not what came, or not in the agreed profile
    │   └── VerifierFailed   our verifier met what it does not know: a refusal, and an alarm
    ├── SignatureStale       expired, or from the future
    ├── KeyUnknown           signed under a name that nobody gave out
    ├── XmlRefused           not XML that anybody should read
    ├── EnvelopeWrong        not one Security header in one SOAP envelope, in the agreed form
    ├── PartsWrong           what is signed is not exactly what must be
    ├── AlgorithmWeak        an algorithm or transform that is not agreed
    ├── IdRepeated           one Id on two elements
    ├── HeaderNotUnderstood  a header that must be understood, and is not
    └── NotTrusted           a certificate that proves nothing here
        ├── Untrusted            no chain leads to an authority of the settings
        ├── ExpiredCertificate   outside its days
        ├── Revoked              its authority took it back
        ├── ForeignSubject       good, but somebody else's
        ├── WeakKey              too short, or of a broken kind
        └── RevocationUnknown    nobody says now that it still holds
"""

from __future__ import annotations

from dataclasses import dataclass, field


class SigningError(Exception):
    """Something about a signature or a key went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").strip()


class KeyTrouble(SigningError):
    """A key or secret of this installation cannot be used; see which, and replace it."""


class KeyUnreadable(KeyTrouble):
    """The key file is missing or holds no key of the kind needed; generate one with `lienthong keys generate`."""


class KeyExposed(KeyTrouble):
    """Others may read the key file; take their rights away (chmod 600) and consider the key known."""


class SecretTooShort(KeyTrouble):
    """The shared secret is shorter than 16 bytes and could be guessed; agree on one of 32 random bytes."""


class CertificateMismatch(KeyTrouble):
    """The certificate is not of this key; put the two that were made together into the settings."""


class KeyTooWeak(KeyTrouble):
    """The key is not RSA of 2048 bits or more, nor ECDSA P-256; make one with `lienthong keys generate identity`."""


class DemoKeyRefused(KeyTrouble):
    """This is the published demo key: everybody has it. It signs and is believed in `demo` only."""


class TokenTrouble(KeyTrouble):
    """The hardware token did not sign; see that it is there, that its PIN is right, and that it holds the key."""


class PlanWrong(SigningError):
    """Document, plan and signature value do not belong together: nothing was embedded. Prepare the document anew."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(message or code)


class StampRefused(SigningError):
    """The time-stamp authority's answer is no stamp for what was asked; `code` is stable, the message has its words."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(message or code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One digest of what was signed: as it came, and as it was made here."""

    part: str
    """The local name of an element, or the name of a header."""
    sent: str
    ours: str
    octets: bytes = field(repr=False)
    """What ours was made of: personal; for comparing, not for keeping."""


class NotVerified(SigningError):
    """What came is not proven to be from whom it says: refuse it.

    Carries what a telephone question needs, and no secret: the key's name as claimed, and the signature base as built
    here. The two sides compare their bases line by line; the first line that differs is the answer.
    """

    code: str = "not_verified"
    """What callers are told; stable, unlike the message."""

    def __init__(self, message: str = "", *, key_id: str | None = None, base: bytes | None = None) -> None:
        self.key_id = key_id
        self.base = base
        self.compared: tuple[Digest, ...] = ()
        self.certificate: bytes | None = None
        """The one that stands in a SOAP message, DER: whose it is, is claimed by whoever sent that, not proven."""
        super().__init__(message)


class SignatureMissing(NotVerified):
    """The request lacks its signature headers; sign it (RFC 9421, label sig1) and send it again."""

    code = "unsigned"


class SignatureBroken(NotVerified):
    """The signature does not fit the request; compare secret, covered components and the signature base."""

    code = "bad_signature"


class VerifierFailed(SignatureBroken):
    """The verifier met something that it does not know; the request is refused, and somebody should look at the log."""

    code = "verifier_failed"


class SignatureStale(NotVerified):
    """The signature has expired or comes from the future; check both clocks, sign anew and send again."""

    code = "stale_signature"


class KeyUnknown(NotVerified):
    """Nobody was given this key's name; check `keyid`, or add the caller to the settings."""

    code = "unknown_key"


class XmlRefused(NotVerified):
    """This is not XML that anybody should read: well-formed, UTF-8, without DTD, in bounds; send it so."""

    code = "malformed_xml"

    def __init__(self, message: str = "", *, code: str = code) -> None:
        self.code = code
        super().__init__(message)


class EnvelopeWrong(NotVerified):
    """This is not one SOAP envelope with one Security header in the agreed form; compare it with our sample."""

    code = "wrong_envelope"


class PartsWrong(NotVerified):
    """Body, Timestamp and every WS-Addressing header must be signed where they stand, and nothing else."""

    code = "wrong_parts"


class AlgorithmWeak(NotVerified):
    """Sign with RSA-SHA256, RSA-SHA512 or ECDSA P-256 over exclusive C14N and SHA-2, as fits the key."""

    code = "weak_algorithm"


class IdRepeated(NotVerified):
    """One Id stands on two elements, so that nobody can say which of them was signed."""

    code = "duplicate_id"


class HeaderNotUnderstood(NotVerified):
    """A header says that it must be understood, and nobody here understands it; leave it out."""

    code = "must_understand"


class NotTrusted(NotVerified):
    """The certificate proves nothing here. `code` is what callers are told; the message is for the operator."""

    code = "untrusted"


class Untrusted(NotTrusted):
    """No chain leads from this certificate to an authority of the settings; send it with its intermediates."""

    code = "untrusted"


class ExpiredCertificate(NotTrusted):
    """The certificate, or one above it, is not of these days; renew it, or check both clocks."""

    code = "expired_certificate"


class Revoked(NotTrusted):
    """The authority took this certificate back; sign with its successor."""

    code = "revoked"


class ForeignSubject(NotTrusted):
    """The certificate is good, but it is not the one agreed for this partner; check subject and key in the settings."""

    code = "foreign_subject"


class WeakKey(NotTrusted):
    """The certificate's key or signature can be broken; use RSA of 2048 bits or more, or ECDSA P-256, with SHA-2."""

    code = "weak_key"


class RevocationUnknown(NotTrusted):
    """No current CRL or OCSP answer says that the certificate still holds; see that its sources can be reached.

    `wanted` has the certificates that nobody vouches for now, each with its issuer: what may be asked about.
    """

    code = "revocation_unknown"

    def __init__(self, message: str = "", *, wanted: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.wanted = wanted
        super().__init__(message)


class DocumentRefused(SigningError):
    """This document can be neither signed nor judged; `code` says why, in a stable word (`document_encrypted` …)."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(message or code)
