"""The doors of one installation: the application with everything it needs."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI

from adapters.doors.api import Caller, create_app
from adapters.doors.metrics import Metrics
from adapters.doors.receipts import KeyRing
from config.caller_keys import keys_of_callers
from config.signing_key import InstallationKey, retired_keys
from config.watching import readiness
from config.wiring import Installation


def make_app(
    installation: Installation,
    key: InstallationKey,
    metrics: Metrics,
    *,
    on_accepted: Callable[[], None] = lambda: None,
    demo_token: str | None = None,
) -> FastAPI:
    """The application. Raises SettingsRefused when a caller's key cannot be used."""
    settings, ports = installation.settings, installation.ports
    keys = keys_of_callers(settings, is_demo=demo_token is not None)
    callers = {
        name: Caller(
            name=name,
            keys=keys[name],
            sources=frozenset(caller.sources),
            order=caller.order,
            rate=caller.rate,
        )
        for name, caller in settings.callers.items()
    }
    app = create_app(
        intake=installation.intake,
        ledger=installation.ledger,
        reads=installation.reads,
        repairs=installation.repairs,
        callers=callers,
        identity=key,
        retired=retired_keys(settings.ledger),
        clock=ports.clock,
        randomness=ports.randomness,
        metrics=metrics,
        ready=readiness(installation, key),
        on_accepted=on_accepted,
        demo_token=demo_token,
        crash_point=ports.crash_point,
    )
    if settings.facade.enabled:
        from config.facade import make_facade

        is_demo = demo_token is not None
        facade = make_facade(installation, app.state.desk, metrics, on_accepted=on_accepted, is_demo=is_demo)
        facade.add_to(app.router)
    if settings.portal_door.enabled:
        from config.portal_door import add_portal_door

        is_demo = demo_token is not None
        add_portal_door(app.router, installation, app.state.desk, metrics, on_accepted=on_accepted, is_demo=is_demo)
    from config.documents import add_documents

    add_documents(app.router, installation, app.state.desk)
    from config.desk_signing import add_desk_signing

    add_desk_signing(app.router, installation, app.state.desk, on_heard=on_accepted)
    from config.callbacks import add_callbacks

    add_callbacks(app.router, installation, app.state.desk, metrics, on_heard=on_accepted)
    if settings.soap is not None:
        from config.soap import make_soap

        make_soap(
            installation,
            settings.soap,
            app.state.desk,
            metrics,
            KeyRing(key, retired_keys(settings.ledger)),
            callers,
            on_accepted=on_accepted,
            is_demo=demo_token is not None,
        ).add_to(app.router)
    if settings.console.enabled:
        from config.console import add_console

        add_console(app.router, installation, demo_token=demo_token, metrics=metrics)
    return app
