"""Pure. What a CSC service's answers say: of itself, of signers' credentials, of tokens, SADs and signatures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from adapters.channels.retry_after import retry_after
from adapters.partners.csc.codes import ALGORITHMS, HTTP, Said, error_row
from adapters.partners.gateways.reading import Shape, shape_of, text_in, words
from bus.messages import Exchange

LIFE: Final = 3600
"""Seconds of a token or a SAD that names none (NOTES.md#r7, #r30)."""
LONGEST_LIFE: Final = 86_400
NOT_OFFERED: Final = 501
LATER: Final = 429
EMPTY_YES: Final = frozenset({204})
MOST_VALUES: Final = 100

Mode = Literal["explicit", "implicit", "oauth2code", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, judged by its status and its error alone."""

    said: Said
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    code: str = ""
    is_alarm: bool = False
    status: int = 0
    retry_after: timedelta | None = None

    @property
    def is_theirs(self) -> bool:
        """Whether it is trouble of the service's own: of what must not be done twice it leaves open whether it was."""
        return self.status >= 500 and self.status != NOT_OFFERED


def answer_of(exchange: Exchange) -> Answer:
    """Of an exchange without trouble (NOTES.md#r5)."""
    status, (shape, value) = exchange.status or 0, shape_of(exchange)
    if status in EMPTY_YES:
        return Answer(said=Said.YES, status=status)
    if 200 <= status < 300 and shape is Shape.OBJECT:
        return Answer(said=Said.YES, values=value, status=status)
    error = text_in(value, "error") if shape is Shape.OBJECT else ""
    if not error:
        said = HTTP.get(status, Said.UNCLEAR)
        return Answer(said=said, reason=f"http_{status}", status=status, retry_after=retry_after(exchange))
    told = text_in(value, "error_description")
    row = error_row(error, told)
    said = row.said
    if status == LATER or (status >= 500 and said is not Said.LATER):
        said = HTTP.get(status, Said.UNCLEAR)
    reason = ": ".join(part for part in (words(error), words(told)) if part)
    return Answer(
        said=said,
        reason=reason,
        code=row.code,
        is_alarm=row.is_alarm,
        status=status,
        retry_after=retry_after(exchange),
    )


def either(values: Mapping[str, Any], *names: str) -> str:
    """The first spelling that is there (NOTES.md#r7)."""
    return next((found for name in names if (found := text_in(values, name))), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A token, or a SAD."""

    value: str = field(repr=False)
    kind: str
    life: float
    refresh: str = field(default="", repr=False)


def granted(values: Mapping[str, Any]) -> Granted | None:
    """Of `oauth2/token` (NOTES.md#r7). Nothing where there is no token in it."""
    value = either(values, "access_token", "accessToken")
    if not value:
        return None
    kind = either(values, "token_type", "tokenType") or "Bearer"
    refresh = either(values, "refresh_token", "refreshToken")
    return Granted(value=value, kind=kind, life=_life(values), refresh=refresh)


def sad_in(values: Mapping[str, Any]) -> str:
    """Of `credentials/authorize` and `extendTransaction`."""
    return either(values, "SAD", "sad")


def _life(values: Mapping[str, Any]) -> float:
    told = either(values, "expires_in", "expiresIn").partition(".")[0]
    seconds = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else LIFE
    return float(min(seconds, LONGEST_LIFE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a service says of itself (NOTES.md#r2, #r3)."""

    methods: frozenset[str]
    oauth2: str = ""
    is_asynchronous: bool = False

    def has(self, method: str) -> bool:
        """Whether it is there. A service that lists nothing is believed to have all."""
        return not self.methods or method in self.methods


def info_of(values: Mapping[str, Any]) -> Info:
    """An answer to `info`."""
    return Info(
        methods=frozenset(_texts(values.get("methods"))),
        oauth2=text_in(values, "oauth2"),
        is_asynchronous=values.get("asynchronousOperationMode") is True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How a credential's signer agrees (NOTES.md#r22, #r24)."""

    mode: Mode = "explicit"
    needs_pin: bool = False
    needs_otp: bool = False
    sends_otp: bool = False
    """Whether sendOTP brings it to him."""
    scal: str = "1"
    most: int | None = None
    """Hashes of one authorisation; None: more than one, nobody says how many (NOTES.md#r23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A credential as the service describes it."""

    id: str
    certificate: bytes = b""
    chain: tuple[bytes, ...] = ()
    serial: str = ""
    algorithm: str = ""
    """OID; empty: none that we sign with."""
    trouble: str = ""
    """Why it is not usable."""
    auth: Auth = field(default_factory=Auth)


def held_of(credential: str, values: Mapping[str, Any]) -> Held:
    """An answer to `credentials/info` (NOTES.md#r21, #r25)."""
    key, cert = _object(values.get("key")), _object(values.get("cert"))
    chain = _certificates(cert.get("certificates"))
    offered = _texts(key.get("algo"))
    algorithm = next((each for each in ALGORITHMS if each in offered), "")
    trouble = ""
    if not chain:
        trouble = "no_certificate_told"
    elif (text_in(key, "status") or "enabled") != "enabled" or (text_in(cert, "status") or "valid") != "valid":
        trouble = f"{text_in(key, 'status') or '-'}/{text_in(cert, 'status') or '-'}"
    elif not algorithm:
        trouble = "no_known_algorithm"
    return Held(
        id=credential,
        certificate=chain[0] if chain else b"",
        chain=tuple(chain[1:]),
        serial=text_in(cert, "serialNumber").lower().lstrip("0"),
        algorithm=algorithm,
        trouble=trouble,
        auth=auth_of(values),
    )


def auth_of(values: Mapping[str, Any]) -> Auth:
    """Either version's way of saying it (NOTES.md#r22, #r23, #r24)."""
    auth = _object(values.get("auth"))
    scal, most = text_in(values, "SCAL") or "1", _most(values.get("multisign"))
    if auth:
        objects = [_object(each) for each in auth.get("objects") or [] if isinstance(each, Mapping)]
        otps = [each for each in objects if "OTP" in f"{each.get('type')}{each.get('id')}".upper()]
        return Auth(
            mode=_mode(text_in(auth, "mode")),
            needs_pin=len(otps) < len(objects),
            needs_otp=bool(otps),
            sends_otp=any(text_in(each, "generator").lower() != "offline" for each in otps),
            scal=scal,
            most=most,
        )
    otp, pin = _object(values.get("OTP")), _object(values.get("PIN"))
    return Auth(
        mode=_mode(text_in(values, "authMode")),
        needs_pin=_presence(pin) == "true",
        needs_otp=_presence(otp) == "true",
        sends_otp=_presence(otp) != "false" and text_in(otp, "type").lower() == "online",
        scal=scal,
        most=most,
    )


def _mode(text: str) -> Mode:
    """Nothing for one that nobody knows: such a credential is not used."""
    known: dict[str, Mode] = {
        "": "explicit",
        "explicit": "explicit",
        "implicit": "implicit",
        "oauth2code": "oauth2code",
        "oauth2": "oauth2code",
    }
    return known.get(text.lower(), "")


def _presence(value: Mapping[str, Any]) -> str:
    told = value.get("presence")
    return ("true" if told else "false") if isinstance(told, bool) else text_in(value, "presence").lower()


def _most(told: object) -> int | None:
    if told is True:
        return None
    if isinstance(told, int) and told is not False:
        return max(told, 1)
    return int(told) if isinstance(told, str) and told.isascii() and told.isdigit() and int(told[:6]) else 1


def ids_of(values: Mapping[str, Any]) -> tuple[list[str], str]:
    """An answer to `credentials/list`: ids, and the next page's token."""
    return _texts(values.get("credentialIDs")), text_in(values, "nextPageToken")


def signatures_of(values: Mapping[str, Any]) -> list[bytes] | None:
    """Values in the order of the hashes; None where there is no list of Base64 in it."""
    told = values.get("signatures")
    if not isinstance(told, list) or not 0 < len(told) <= MOST_VALUES:
        return None
    found = [_decoded(each) for each in told]
    return [each for each in found if each] if all(found) else None


def token_of(values: Mapping[str, Any]) -> bytes | None:
    """An answer to `signatures/timestamp`: the RFC 3161 token."""
    return _decoded(values.get("timestamp")) or None


def _certificates(told: object) -> list[bytes]:
    if not isinstance(told, list):
        return []
    found = [_decoded(each) for each in told[:10]]
    return [each for each in found if each]


def _decoded(told: object) -> bytes:
    """Base64, line breaks within it or not; nothing for what is none."""
    if not isinstance(told, str):
        return b""
    try:
        return base64.b64decode("".join(told.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _object(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _texts(told: object) -> list[str]:
    return (
        [each for each in told if isinstance(each, str)]
        if isinstance(told, Sequence) and not isinstance(told, str)
        else []
    )
