"""What a command says, and with which exit code it ends, when something went wrong that it did not expect."""

from __future__ import annotations

from config import words
from config.desk import FINDING, UNREACHABLE, USAGE, Stop, tell_trouble


def told(trouble: BaseException, *, as_json: bool, lang: str | None = None) -> int:
    """Say it in the operator's language; the exit code. What is none of the known troubles is raised again."""
    if isinstance(trouble, Stop):
        return trouble.code
    key, code, detail = _known(trouble)
    if key is None:
        raise trouble
    tell_trouble(key, words.say(key, words.choose(lang), detail=detail), as_json=as_json)
    return code


def _known(trouble: BaseException) -> tuple[str | None, int, str]:
    from bus import errors
    from config.settings_file import SettingsRefused

    detail = str(trouble)
    match trouble:
        case SettingsRefused():
            return "settings_refused", USAGE, detail
        case errors.NoAccount():
            return "users_unknown", FINDING, trouble.name
        case errors.NotFound():
            return "not_found", FINDING, detail
        case errors.BornThere():
            return "born_there", FINDING, detail
        case errors.NotAllowedNow():
            return "not_allowed_now", FINDING, detail
        case errors.SchemaBehind():
            return "schema_behind", UNREACHABLE, detail
        case errors.LedgerUnsafe():
            return "ledger_unsafe", USAGE, detail
        case errors.LedgerDamaged():
            return "ledger_damaged", FINDING, detail
        case errors.LedgerUnavailable():
            return "ledger_unavailable", UNREACHABLE, detail
        case OSError():
            return "cannot_read_or_write", UNREACHABLE, detail
        case _:
            return None, UNREACHABLE, detail
