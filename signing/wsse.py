"""WS-Security with X.509 (OASIS WSS 1.0) in the one strict profile of this house, for SOAP 1.1 and 1.2.

One Security header: BinarySecurityToken, Timestamp, Signature. Signed are Body, Timestamp, and every WS-Addressing
header that is there; nothing else but the token may be. Exclusive C14N is the only transform, with a PrefixList where
the policy allows one. `verify` works on the bytes as received, parses them once, and gives back a tree in which only
what was verified is left.

This is the door to it; the rooms behind are `wsse_sign`, `wsse_verify` and `wsse_policy`. Whether the message came
before is asked by the door of the bus, in the transaction that accepts the event.
"""

from __future__ import annotations

from signing.envelope import X509V3
from signing.wsse_policy import LIFE, MAX_LIFE, MAX_SKEW, STRICT, Identity, Trusted, TrustIn, WssPolicy
from signing.wsse_sign import sign, sign_canonical
from signing.wsse_verify import VerifiedMessage, verify

__all__ = [
    "LIFE",
    "MAX_LIFE",
    "MAX_SKEW",
    "STRICT",
    "X509V3",
    "Identity",
    "TrustIn",
    "Trusted",
    "VerifiedMessage",
    "WssPolicy",
    "sign",
    "sign_canonical",
    "verify",
]
