"""What `init --for-mocks` adds: the mock of a one-stop system is told what became of its events.

Over REST, whose secrets are the mock's own and known to everybody. For SOAP the mock makes its keys when it starts, and
hands them out (contracts/one_stop/NOTES.md#r120): where it is there, a second table has them; it is told nothing until
somebody moves `takes_outcomes_of` to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.new_installation import SETTINGS
from config.signing_key import write_new

OURS: Final = "one-stop-mock.secret"
THEIRS: Final = "one-stop-mock-answers.secret"
KEY: Final = "one-stop-mock.key"
ROOTS: Final = "one-stop-mock-authority.pem"

FILES: Final = (OURS, THEIRS, KEY, ROOTS)

LOCAL: Final = """\
allow_http = true
private_networks = ["127.0.0.0/8", "::1/128"]
"""
REST: Final = """
# The mock of the one-stop system: it is told what became of its events.
[partners.one_stop]
protocol = "rest"
url = "{url}/one_stop/rest"
keyid = "{keyid}"
secret_file = "{ours}"
their_keyid = "{their_keyid}"
their_secret_file = "{theirs}"
takes_outcomes_of = ["one-stop/h99"]
{local}"""
SOAP: Final = """
# The same mock over signed SOAP, with the keys that it made when it started: move takes_outcomes_of here to try it.
[partners.one_stop-soap]
protocol = "soap"
url = "{url}/one_stop/soap"
signing_key_file = "{key}"
signing_certificate_file = "{key}"
trust_roots_file = "{roots}"
pinned_subjects = ["CN={subject}"]
revocation = "none"
{local}"""


def join(folder: Path, url: str) -> list[Path]:
    """Add the tables to fresh settings; the files made."""
    from contracts.one_stop.gate import Account
    from contracts.one_stop.pki import ONE_STOP

    account, url = Account(), url.rstrip("/")
    keyid, secret = next(iter(account.secrets.items()))
    their_keyid = account.answer_key_id
    files = {OURS: secret, THEIRS: account.answer_secret}
    text = REST.format(url=url, keyid=keyid, ours=OURS, their_keyid=their_keyid, theirs=THEIRS, local=LOCAL)
    if found := _keys(url):
        files |= found
        text += SOAP.format(url=url, key=KEY, roots=ROOTS, subject=ONE_STOP, local=LOCAL)
    for name, content in files.items():
        write_new(folder / name, content)
    with (folder / SETTINGS).open("a", encoding="utf-8") as settings:
        settings.write(text)
    return [folder / name for name in files]


def _keys(url: str) -> dict[str, bytes]:
    """Key and authority as the mock hands them out; nothing where it is not there."""
    return handed_out(
        {file: f"{url}/one_stop/pki/{name}" for file, name in ((KEY, "caller.pem"), (ROOTS, "authority.pem"))}
    )


def handed_out(places: dict[str, str]) -> dict[str, bytes]:
    """What a mock hands out, by the files that it goes into; nothing where it is not there."""
    from adapters.channels.http import HttpSettings, NotSent, ReplyLost
    from adapters.channels.httpx2_transport import Httpx2Transport

    transport = Httpx2Transport(HttpSettings(allow_http=True))
    try:
        replies = {file: transport.perform("GET", where, {}, b"") for file, where in places.items()}
    except (NotSent, ReplyLost):
        return {}
    finally:
        transport.close()
    if any(reply.status != 200 for reply in replies.values()):
        return {}
    return {file: reply.body for file, reply in replies.items()}
