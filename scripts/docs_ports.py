"""docs/ports.md: what the house needs from outside, who serves it, and what that was run with."""

import inspect
from typing import get_args, get_type_hints

from integrations.providers import CHOSEN_ELSEWHERE, OURS
from scripts.docs import NOTE, head, row
from services import ports
from services.procedures import first_sentence

PATH = "docs/ports.md"
INTRODUCTION = """# Ports and adapters

A port is a Protocol in services/ports.py: what the house needs, not how it is done. An adapter
lies in integrations/, or in a package of yours that offers it as an entry point in the group
`xinglin.<port>`; the setting `XINGLIN_PROVIDERS__<PORT>` chooses it by name. Every adapter passes
the suite of its port in tests/contracts/, which it joins by one line.

"""
RECIPE = """
## Add an adapter

1. Write a class with the methods of the Protocol, with `sandbox = False` where it has one, and with
   `untried = True` until it was run against the real service: the health page says so.
   Raise `Unavailable` for what may work later and `Invalid` for what never will.
2. Offer it in your package's pyproject.toml; it is called with a `Need` (settings, clock, tray):

       [project.entry-points."xinglin.sms"]
       pigeon = "pigeon_post:Pigeon"

3. Add a line to `ADAPTERS` of the port in tests/contracts/, with the other end of its line: an
   adapter that is installed and has none there fails the tests.
4. Set `XINGLIN_PROVIDERS__SMS=pigeon`.

A backup target is offered in the group `xinglin.backup` under the scheme of its address
(`pigeon://...` in `XINGLIN_BACKUP__TARGET`) and is called with the settings alone: it is needed
before there is a house. Certificates of any other making are `files`.
"""
RUN_AGAINST = {
    ("mailer", "smtp"): "aiosmtpd, with and without TLS; not run against the real service",
    ("mailer", "sandbox"): "nothing: letters land on the page of the sandbox inbox; demo only",
    ("sms", "sandbox"): "nothing: messages land on the page of the sandbox inbox; demo only",
    ("sms", "http"): "an emulated gateway; not run against the real service",
    ("identities", "sandbox"): "nothing: believes every well-formed number; demo only",
    ("payments", "sandbox"): "nothing: a page on which one pretends to pay; demo only",
    ("scanner", "clamd"): "clamd of Debian, with one signature of ours",
    ("time", "ntp"): "chronyd of Debian",
    ("backup", "folder"): "a file system",
    ("backup", "sftp"): "sshd of Debian",
    ("certificates", "lan"): "OpenSSL, which checks them as a browser does",
    ("certificates", "acme"): "pebble of Debian; not run against the real service",
    ("certificates", "files"): "files made by our own authority",
}


def protocols() -> dict[str, type]:
    """Return the Protocol of each port, by the name of the port."""
    hints = get_type_hints(ports.Ports)
    found = {
        name: next(part for part in get_args(kind) if part is not type(None))
        for name, kind in hints.items()
    }
    return {**found, "certificates": ports.CertificateOffice}


def pages() -> dict[str, str]:
    """Read the Protocols and the table of adapters."""
    lines = head("port", "what it does", "adapter", "run against")
    for name, protocol in protocols().items():
        what = f"`{protocol.__name__}`: {first_sentence(inspect.getdoc(protocol) or '')}"
        adapters = sorted(OURS.get(name) or CHOSEN_ELSEWHERE.get(name, ()))
        lines += [
            row(name, what, f"`{adapter}`", RUN_AGAINST.get((name, adapter), "not said yet"))
            for adapter in adapters
        ]
    text = NOTE.format(source="services/ports.py and integrations/providers.py") + INTRODUCTION
    return {PATH: text + "\n".join(lines) + "\n" + RECIPE}
