"""Which adapter serves which port is the hospital's choice, and a sandbox only a demo's."""

import sys
from importlib.metadata import entry_points

import pytest

from data.errors import Invalid
from integrations import providers
from integrations.backup_targets import chosen
from integrations.sandbox.messages import SandboxMailer, SandboxSms
from integrations.smtp import SmtpMailer
from services.settings import BackupSettings, MailSettings, ProviderSettings, Settings


def build(tmp_path, database, clock, **more):
    return providers.build(Settings(home=tmp_path, **more), database, clock)


async def test_out_of_the_box_nothing_is_sent_and_nothing_is_pretended(tmp_path, database, clock):
    ports = build(tmp_path, database, clock)
    assert (ports.mailer, ports.sms, ports.scanner, ports.time) == (None, None, None, None)


async def test_a_demo_without_a_mail_server_catches_letters(tmp_path, database, clock):
    ports = build(tmp_path, database, clock, demo=True, providers=ProviderSettings(sms="sandbox"))
    assert isinstance(ports.mailer, SandboxMailer)
    assert isinstance(ports.sms, SandboxSms)


@pytest.mark.parametrize("port", ["sms", "mailer", "identities", "payments"])
async def test_a_sandbox_is_refused_where_patients_may_be_real(tmp_path, database, clock, port):
    with pytest.raises(Invalid) as refusal:
        build(tmp_path, database, clock, providers=ProviderSettings(**{port: "sandbox"}))
    assert refusal.value.code == "sandbox_outside_demo"


async def test_a_mail_server_that_is_named_is_used(tmp_path, database, clock):
    mail = MailSettings(host="mail.test", sender="care@hospital.test")
    assert isinstance(build(tmp_path, database, clock, mail=mail).mailer, SmtpMailer)


async def test_a_name_nobody_has_is_refused_with_those_there_are(tmp_path, database, clock):
    with pytest.raises(Invalid) as refusal:
        build(tmp_path, database, clock, providers=ProviderSettings(sms="pigeon"))
    assert refusal.value.details == {"port": "sms", "name": "pigeon", "known": "http, sandbox"}


def installed(tmp_path, monkeypatch, **groups):
    """Install a package of somebody else's: really, as pip would leave it."""
    (tmp_path / "pigeon.py").write_text(
        "class Pigeon:\n    sandbox = False\n    def __init__(self, need): self.need = need\n"
    )
    told = tmp_path / "pigeon-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    lines = (f"[xinglin.{group}]\n{name} = pigeon:Pigeon\n" for group, name in groups.items())
    (told / "entry_points.txt").write_text("".join(lines))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


async def test_a_package_of_somebody_else_joins_by_an_entry_point(
    tmp_path, database, clock, monkeypatch
):
    """R058, R152: a new provider without a line of ours changed."""
    installed(tmp_path, monkeypatch, sms="pigeon", time="sundial")

    chosen_ones = ProviderSettings(sms="pigeon", time="sundial")
    ports = build(tmp_path, database, clock, providers=chosen_ones)

    assert type(ports.sms).__name__ == type(ports.time).__name__ == "Pigeon"
    assert ports.sms.need.clock is clock
    assert providers.known("sms") == {
        "http": "xinglin",
        "pigeon": "pigeon",
        "sandbox": "xinglin",
    }
    assert {entry.name for entry in entry_points(group="xinglin.sms")} == {"pigeon"}


def test_a_backup_target_of_somebody_else_has_the_scheme_of_its_address(tmp_path, monkeypatch):
    """R152: it is needed before there is a house, and gets the settings alone."""
    settings = Settings(home=tmp_path, backup=BackupSettings(target="pigeon://loft/copies"))
    with pytest.raises(Invalid, match="backup_target_malformed"):
        chosen(settings)
    installed(tmp_path, monkeypatch, backup="pigeon")
    assert chosen(settings).need is settings
    assert providers.known("backup") == {
        "pigeon": "pigeon",
        "folder": "xinglin",
        "sftp": "xinglin",
    }
