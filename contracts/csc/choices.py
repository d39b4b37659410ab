"""The switches of the CSC mock, each with the rule that it plays with."""

from __future__ import annotations

from typing import Final

from contracts.mock_switches import Switch, one_of, seconds, text, whole
from contracts.signing_mock import switches

METHODS_1: Final = (
    "info", "credentials/list", "credentials/info", "credentials/authorize", "credentials/sendOTP",
    "credentials/extendTransaction", "signatures/signHash", "signatures/timestamp", "oauth2/token", "oauth2/authorize",
    "oauth2/revoke",
)  # fmt: skip
METHODS_2: Final = (*METHODS_1, "signatures/signDoc", "signatures/signPolling")


def many(value: object) -> object:
    """A number from 1, or one of the two booleans (r23)."""
    if isinstance(value, bool) or (isinstance(value, int) and value >= 1):
        return value
    raise ValueError("a number from 1, true or false")


SWITCHES: Final = switches(
    "r80",
    Switch(
        name="auth_mode",
        default="explicit",
        read=one_of("explicit", "implicit", "oauth2code"),
        rule="r24",
        says="how a signer agrees",
    ),
    Switch(
        name="otp",
        default="online",
        read=one_of("online", "offline", "optional", "none"),
        rule="r22",
        says="whether a one-time password is asked for, and whether it is sent on demand",
    ),
    Switch(name="pin", default=False, read=one_of(True, False), rule="r22", says="whether a PIN is asked for"),
    Switch(name="scal", default="2", read=one_of("1", "2"), rule="r30", says="2: a SAD is for just these hashes"),
    Switch(name="multisign", default=10, read=many, rule="r23", says="how many hashes one authorisation is for"),
    Switch(name="otp_tries", default=3, read=whole(at_least=1), rule="r32", says="wrong ones until it is locked"),
    Switch(name="sad_s", default=300.0, read=seconds, rule="r36", says="how long a SAD lives"),
    Switch(name="token_s", default=3600.0, read=seconds, rule="r7", says="how long an access token lives"),
    Switch(
        name="spelling",
        default="table",
        read=one_of("table", "example"),
        rule="r7",
        says="example: refreshToken, expiresIn and expires_in the other way round, numbers as texts",
    ),
    Switch(name="page", default=100, read=whole(at_least=1), rule="r20", says="ids in one answer to a list"),
    Switch(
        name="key_status",
        default="enabled",
        read=one_of("enabled", "disabled"),
        rule="r25",
        says="of every credential",
    ),
    Switch(name="without", default="", read=text, rule="r2", says="a method that info does not list, and that is 501"),
    Switch(name="asynchronous", default=True, read=one_of(True, False), rule="r45", says="whether v2 offers mode A"),
    Switch(
        name="waiting_as",
        default="202",
        read=one_of("202", "200"),
        rule="r46",
        says="the status of a poll that finds nothing yet",
    ),
    Switch(
        name="returns",
        default="",
        read=one_of("", "digest", "certificate", "certificate_cms", "cms", "partial", "reordered"),
        rule="r42",
        says="what comes back as signatures",
    ),
    Switch(
        name="words",
        default="en",
        read=one_of("en", "vi", "echo"),
        rule="r5",
        says="the language of error_description: its text is no key; echo: it repeats what was typed",
    ),
)
