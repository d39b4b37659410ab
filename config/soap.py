"""The SOAP door of one installation: its callers by their certificates, and its own signing identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from adapters.doors.acceptances import Acceptances, CountsEvents
from adapters.doors.auth import Caller
from adapters.doors.body import BodyReader
from adapters.doors.receipts import KeyRing
from adapters.doors.refusals import Desk
from adapters.doors.soap import SoapDoor
from adapters.doors.soap_answers import Speaker
from adapters.doors.soap_operations import Operations
from config.door_settings import SoapSettings
from config.fitness import WatchedIdentity
from config.identities import pem_identity
from config.soap_callers import trust_in
from config.wiring import Installation
from signing.keys import X509Identity


def make_soap(
    installation: Installation,
    told: SoapSettings,
    desk: Desk,
    metrics: CountsEvents,
    keys: KeyRing,
    callers: Mapping[str, Caller],
    *,
    on_accepted: Callable[[], None],
    is_demo: bool = False,
) -> SoapDoor:
    """The door. Raises SettingsRefused when a key or certificate cannot be used."""
    ports = installation.ports
    identity = WatchedIdentity(identity_of(told, is_demo=is_demo), Path(told.identity_file))
    return SoapDoor(
        callers=callers.values(),
        trust=trust_in(installation, callers, is_demo=is_demo),
        speaker=Speaker(identity, ports.clock, identity.require),
        url=told.url,
        operations=Operations(
            intake=installation.intake,
            ledger=installation.ledger,
            reads=installation.reads,
            acceptances=Acceptances(installation.ledger, metrics, on_accepted, clock=ports.clock),
            keys=keys,
            crash_point=ports.crash_point,
        ),
        desk=desk,
        bodies=BodyReader(),
        clock=ports.clock,
        crash_point=ports.crash_point,
    )


def identity_of(told: SoapSettings, *, is_demo: bool = False) -> X509Identity:
    """Who signs the answers. Raises SettingsRefused."""
    settings = ("soap.identity_file", "soap.certificate_file")
    return pem_identity(Path(told.identity_file), Path(told.certificate_file), settings, name="soap", is_demo=is_demo)
