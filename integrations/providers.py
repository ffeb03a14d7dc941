"""Chooses the adapter of each port by the settings, and finds those that others have installed.

A package of somebody else's offers an adapter as an entry point: in the group `xinglin.<port>`
(sms, mailer, scanner, time, identities, payments), under the name that the setting then has, a
callable that takes a `Need` and returns the adapter. Backup targets: integrations/backup_targets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, get_args

from data.clock import Clock
from data.database import Database
from data.errors import Invalid
from integrations.backup_targets import TARGETS
from integrations.certificates import Office
from integrations.clamd import ClamdScanner
from integrations.ntp import NtpTime
from integrations.sandbox.identities import SandboxIdentities
from integrations.sandbox.messages import SandboxMailer, SandboxSms
from integrations.sandbox.payments import SandboxPayments
from integrations.sms_gateway import SmsGateway
from integrations.smtp import SmtpMailer
from services.inbox import Tray
from services.ports import Ports
from services.settings import CertificateSettings, Settings


@dataclass(frozen=True, slots=True)
class Need:
    """What an adapter may be made from."""

    settings: Settings
    clock: Clock
    tray: Tray


Maker = Callable[[Need], Any]

OURS: dict[str, dict[str, Maker]] = {
    "identities": {"sandbox": lambda _: SandboxIdentities()},
    "mailer": {
        "sandbox": lambda need: SandboxMailer(need.tray),
        "smtp": lambda need: SmtpMailer(need.settings.mail, need.clock),
    },
    "payments": {
        "sandbox": lambda need: SandboxPayments(
            need.clock, need.settings.home / "sandbox-payments.json"
        )
    },
    "sms": {
        "http": lambda need: SmsGateway(need.settings.sms, need.clock),
        "sandbox": lambda need: SandboxSms(need.tray),
    },
    "scanner": {"clamd": lambda need: ClamdScanner(need.settings.providers.clamd)},
    "time": {"ntp": lambda need: NtpTime(need.settings.providers.ntp, need.clock)},
}
CHOSEN_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "backup": tuple(TARGETS),
    "certificates": get_args(CertificateSettings.model_fields["source"].annotation),
}
"""Adapters that are needed before the house is open, by port."""


def build(settings: Settings, database: Database, clock: Clock) -> Ports:
    """Return the adapters that the settings ask for.

    Raise `Invalid("provider_unknown")` for a name nobody has, and `Invalid("sandbox_outside_demo")`
    for a sandbox where patients may be real: they would wait for messages that never come.
    """
    need = Need(settings, clock, Tray(database, clock))
    return Ports(
        time=_adapter("time", _time(settings), need),
        mailer=_adapter("mailer", _mailer(settings), need),
        sms=_adapter("sms", settings.providers.sms, need),
        scanner=_adapter("scanner", settings.providers.scanner, need),
        certificates=Office(settings.certificate, settings.home),
        identities=_adapter("identities", settings.providers.identities, need),
        payments=_adapter("payments", settings.providers.payments, need),
    )


def known(port: str) -> dict[str, str]:
    """Return the adapters there are for a port, each with the package it comes from."""
    found = {entry.name: _package(entry) for entry in entry_points(group=f"xinglin.{port}")}
    ours = OURS.get(port) or CHOSEN_ELSEWHERE.get(port, ())
    return {**found, **dict.fromkeys(ours, "xinglin")}


def _time(settings: Settings) -> str:
    name = settings.providers.time
    return name if name != "ntp" or settings.providers.ntp else "none"


def _mailer(settings: Settings) -> str:
    if settings.providers.mailer != "smtp" or settings.mail.host:
        return settings.providers.mailer
    return "sandbox" if settings.demo else "none"


def _adapter(port: str, name: str, need: Need) -> Any:
    if name == "none":
        return None
    maker = OURS[port].get(name) or _installed(port, name)
    adapter = maker(need)
    if getattr(adapter, "sandbox", False) and not need.settings.demo:
        raise Invalid("sandbox_outside_demo", port=port)
    return adapter


def _installed(port: str, name: str) -> Maker:
    for entry in entry_points(group=f"xinglin.{port}", name=name):
        maker: Maker = entry.load()
        return maker
    raise Invalid("provider_unknown", port=port, name=name, known=", ".join(sorted(known(port))))


def _package(entry: Any) -> str:
    return str(entry.dist.name) if entry.dist else ""
