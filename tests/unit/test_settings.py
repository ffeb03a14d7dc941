"""What is set before the start is looked at before the start: rubbish is named, never a defect."""

import pytest
from pydantic import BaseModel

from data.errors import Invalid
from jobs.commands.call import read_settings
from services.i18n import LANGUAGES, say
from services.settings import Settings

PORT = ("99999", "-1", "eighty", "80.5")
ADDRESS = ("a b", "http://x", "医院", "-x.example")
FILE = ("a\nb",)
WEB = (
    "rubbish",
    "ftp://a.example",
    "https://",
    "https://a.example:port",
    "http://[bad",
    "https://a b",
)
CHOICE = ("rubbish", "")
RUBBISH = {
    "home": FILE,
    "database_url": (
        *("rubbish", "mysql://root@localhost/x", "postgresql://h/x", "postgresql+asyncpg://"),
        *("postgresql+asyncpg://h:port/x", "sqlite://"),
    ),
    "master_key": FILE,
    "crypto_profile": CHOICE,
    "anchors": FILE,
    "timezone": ("Mars/X", "Asia", "", "../etc/passwd", "+08:00"),
    "demo": ("perhaps",),
    "log_format": CHOICE,
    "server": ("rubbish", "[]", '{"prot": 1}'),
    "server.host": ADDRESS,
    "server.port": PORT,
    "server.tls_host": ADDRESS,
    "server.tls_port": PORT,
    "server.public_url": WEB,
    "server.proxies": ("a.example", "10.0.0.0/8", '["10.0.0.1", "x"]', "[1"),
    "server.rate_factor": ("0", "-1", "nan", "inf", "fast"),
    "certificate": ("rubbish",),
    "certificate.source": CHOICE,
    "certificate.names": ("a b.example, -x", "医院.example", "http://a.example", "[1", '["a b"]'),
    "certificate.chain": FILE,
    "certificate.key": FILE,
    "certificate.acme_directory": (*WEB, ""),
    "certificate.acme_contact": ("rubbish", "a@b, c@d", "mailto:a@b.example"),
    "certificate.acme_port": (*PORT, "0"),
    "certificate.acme_trust": FILE,
    "mail": ("rubbish",),
    "mail.host": ADDRESS,
    "mail.port": (*PORT, "0"),
    "mail.user": FILE,
    "mail.security": CHOICE,
    "mail.sender": ("rubbish", "a@b\nBcc: c@d", "@", "a@", "a@b, c@d"),
    "sms": ("rubbish",),
    "sms.url": WEB,
    "sms.key": (*FILE, "密"),
    "sms.sign_name": FILE,
    "sms.trust": FILE,
    "backup": ("rubbish",),
    "backup.target": ("a\nb", "sftp://u@h:port/x", "sftp://[bad"),
    "backup.ssh_key": FILE,
    "backup.ssh_known_hosts": FILE,
    "backup.at": ("25:99", "2:30 am", "", "24:00", "02:60", "noon", "²:00"),
    "backup.keep": ("-1", "0", "many"),
    "providers": ("rubbish",),
    "providers.mailer": FILE,
    "providers.sms": FILE,
    "providers.scanner": FILE,
    "providers.identities": FILE,
    "providers.payments": FILE,
    "providers.clamd": ("clamd", "host:port", "host:99999", ""),
    "providers.time": FILE,
    "providers.ntp": ("host:abc", "host:0", "a b", "[::1", "host:1:2"),
}
CHOICES = {"crypto_profile", "log_format", "source", "security"}
ANYTHING = {"mail.password", "sms.secret"}
GOOD = {
    "database_url": ("", "postgresql+asyncpg://xinglin@/xinglin?host=/run/postgresql"),
    "server.public_url": ("", "https://visit.hospital.example:8443"),
    "server.proxies": ("", "10.0.0.1", '["10.0.0.1", "fd00::1"]', "10.0.0.1, fd00::1"),
    "server.host": ("::1", "localhost", "10.0.0.1"),
    "server.port": ("0", "65535"),
    "certificate.names": ("", "a.example", "a.example, b.example", '["a.example", "10.0.0.1"]'),
    "certificate.acme_contact": ("", "it@hospital.example"),
    "certificate.chain": ("", "/etc/ssl/chain.pem"),
    "mail.sender": ("", "care@hospital.example", "示范县人民医院 <care@hospital.example>"),
    "mail.host": ("", "mail.hospital.example", "10.0.0.1"),
    "backup.target": ("", "/mnt/copies", "sftp://u@h:22/x", "other://whatever"),
    "backup.at": ("00:00", "23:59"),
    "providers.clamd": ("/run/clamav/clamd.ctl", "10.0.0.1:3310"),
    "providers.ntp": ("", "ntp.hospital.example", "10.0.0.1:123", "fd00::1", "[fd00::1]:123"),
}


def names_of(model: type[BaseModel], above: str = ""):
    for name, field in model.model_fields.items():
        yield f"{above}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names_of(field.annotation, f"{above}{name}.")


def cases(table):
    return [
        pytest.param((name, each), id=f"{name}-{number}")
        for name, values in table.items()
        for number, each in enumerate(values)
    ]


def variable(name: str) -> str:
    return "XINGLIN_" + name.upper().replace(".", "__")


def test_of_each_setting_it_is_known_what_is_rubbish():
    assert {*names_of(Settings)} == {*RUBBISH} | ANYTHING


@pytest.mark.parametrize("case", cases(RUBBISH))
def test_rubbish_is_refused_by_the_name_of_the_setting(case, monkeypatch, tmp_path):
    name, value = case
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(Invalid) as refusal:
        read_settings(None if name == "home" else tmp_path)
    assert refusal.value.code == "settings_invalid"
    assert str(refusal.value.details["name"]).startswith(name)
    for language in LANGUAGES:
        said = say(language, "error.settings_invalid", **refusal.value.details)
        assert name in said
        assert "{" not in said.removeprefix(name)
        if name.rpartition(".")[2] not in CHOICES:  # there the words are the machine's
            assert "Input" not in said


@pytest.mark.parametrize("case", cases(GOOD))
def test_what_is_good_is_taken(case, monkeypatch, tmp_path):
    name, value = case
    monkeypatch.setenv(variable(name), value)
    read_settings(tmp_path)


def test_a_list_is_read_however_it_is_written(monkeypatch, tmp_path):
    for text in ("A.example,b.example", "A.example b.example", '["A.example", "b.example"]'):
        monkeypatch.setenv("XINGLIN_CERTIFICATE__NAMES", text)
        assert read_settings(tmp_path).certificate.names == ["A.example", "b.example"]


def test_an_empty_path_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("XINGLIN_MASTER_KEY", "")
    assert read_settings(tmp_path).key_file == tmp_path / "master.key"


def test_two_doors_do_not_share_a_port(monkeypatch, tmp_path):
    monkeypatch.setenv("XINGLIN_SERVER__PORT", "8443")
    with pytest.raises(Invalid) as refusal:
        read_settings(tmp_path)
    assert refusal.value.details["name"] == "server"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[server]\nprot = 1\n", "server.prot"),
        ("[backup]\nkeep = 0\n", "backup.keep"),
        ('[providers]\nntp = "host:abc"\n', "providers.ntp"),
        ('[certificate]\nchain = "a\\u0000b"\n', "certificate.chain"),
    ],
)
def test_so_it_is_in_the_file(tmp_path, text, name):
    (tmp_path / "xinglin.toml").write_text(text)
    with pytest.raises(Invalid) as refusal:
        read_settings(tmp_path)
    assert refusal.value.details["name"] == name
