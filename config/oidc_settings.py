"""Settings of the sign-in at the province's own provider."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from config.door_settings import ADDRESS, Positive


class OidcSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sign-in at a provider (OpenID Connect); wants the extra `sso` and `console.public_url`."""

    issuer: str
    """As the provider writes it in its tokens, `https://id.h99.example.invalid/realms/province`."""
    client_id: str
    """As the provider knows this console; its way back is `<public_url>/console/sso/back`."""
    client_secret_file: str
    """A file with the secret agreed with the provider, mode 600."""
    label: Annotated[str, Meta(max_length=60)] = "SSO"
    """What the button on the sign-in page calls it."""
    scope: str = "openid profile"
    """What is asked of it; `openid` has to be in it."""
    name_claim: str = "preferred_username"
    """The claim that a new account is named after."""
    roles_claim: str = ""
    """The claim that lists groups or roles, `realm_access.roles` for one within another. Empty: an administrator gives
    roles here. Else roles are those of the newest sign-in, and what the provider gives no more is lost."""
    roles: dict[str, tuple[str, ...]] = {}
    """The provider's word → roles here."""
    units_claim: str = ""
    """The claim that lists units, at each sign-in anew. Empty: an administrator gives them here."""
    every_unit: bool = False
    """Whether new accounts see dossiers of every unit, where no claim gives units."""
    may_administer: bool = False
    """Whether claims may make an administrator. Off: roles that administer are never taken from claims."""
    hosts: tuple[str, ...] = ()
    """Further hosts of the provider, where its addresses are not all at the issuer's."""
    private_networks: tuple[str, ...] = ()
    """Where it may stand beside public addresses: `10.0.0.0/24`."""
    allow_http: bool = False
    """Plain HTTP: only to a provider on this machine."""
    ca_file: str = ""
    """PEM certificates of the only authorities to trust; empty: the machine's own."""
    timeout_s: Positive = 5.0
    """How long one answer of the provider may take."""

    def __post_init__(self) -> None:
        if not ADDRESS.fullmatch(self.issuer):
            raise ValueError("issuer must be a whole https address, as the provider writes it in its tokens")
        if "openid" not in self.scope.split():
            raise ValueError("scope must have openid in it")
        if self.roles and not self.roles_claim:
            raise ValueError("roles needs roles_claim: which claim lists the provider's words")
        if self.every_unit and self.units_claim:
            raise ValueError("every_unit and units_claim exclude each other")
