"""Which adapter serves which port is the hospital's choice, and a sandbox only a demo's."""

import sys
from importlib.metadata import entry_points

import pytest

from data.errors import Invalid
from integrations import providers
from integrations.sandbox.messages import SandboxMailer, SandboxSms
from integrations.smtp import SmtpMailer
from services.settings import MailSettings, ProviderSettings, Settings


def build(tmp_path, database, clock, **more):
    return providers.build(Settings(home=tmp_path, **more), database, clock)


async def test_out_of_the_box_nothing_is_sent_and_nothing_is_pretended(tmp_path, database, clock):
    ports = build(tmp_path, database, clock)
    assert (ports.mailer, ports.sms, ports.scanner, ports.time) == (None, None, None, None)


async def test_a_demo_without_a_mail_server_catches_letters(tmp_path, database, clock):
    ports = build(tmp_path, database, clock, demo=True, providers=ProviderSettings(sms="sandbox"))
    assert isinstance(ports.mailer, SandboxMailer)
    assert isinstance(ports.sms, SandboxSms)


@pytest.mark.parametrize("port", ["sms", "mailer"])
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
    assert refusal.value.details == {"port": "sms", "name": "pigeon", "known": "sandbox"}


async def test_a_package_of_somebody_else_joins_by_an_entry_point(
    tmp_path, database, clock, monkeypatch
):
    """R058: a new provider without a line of ours changed. The package is really installed."""
    (tmp_path / "pigeon.py").write_text(
        "class Pigeon:\n    sandbox = False\n    def __init__(self, need): self.need = need\n"
    )
    told = tmp_path / "pigeon-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[xinglin.sms]\npigeon = pigeon:Pigeon\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    ports = build(tmp_path, database, clock, providers=ProviderSettings(sms="pigeon"))

    assert type(ports.sms).__name__ == "Pigeon"
    assert providers.known("sms") == {"pigeon": "pigeon", "sandbox": "xinglin"}
    assert {entry.name for entry in entry_points(group="xinglin.sms")} == {"pigeon"}
