"""What the machine's owner sets before the start: where things lie and whom to reach.

Read once, in app.py, from the environment (`XINGLIN_...`) and from `<home>/xinglin.toml`; each
part is handed its own section. What the hospital's people may change while it runs is elsewhere:
services/policy_settings.py.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from services.setting_kinds import (
    Addresses,
    Ascii,
    AtLeastOne,
    DatabaseOrNone,
    Folder,
    Host,
    HostOrNone,
    Hosts,
    LetterboxOrNone,
    PathOrNone,
    Place,
    Port,
    PortOrOff,
    ServerOrNone,
    Socket,
    Text,
    TimeOfDay,
    Web,
    WebOrNone,
    Zone,
)


class Section(BaseModel):
    """A part of the settings; what it does not know is a slip of the pen, and refused."""

    model_config = ConfigDict(extra="forbid")


class ServerSettings(Section):
    """Where the house listens."""

    host: Host = Field(
        default="127.0.0.1", description="Address for plain HTTP; keep it on this machine."
    )
    port: PortOrOff = Field(default=8080, description="Port for plain HTTP; 0 switches it off.")
    # Patients and colleagues reach the house from other machines: by HTTPS alone.
    tls_host: Host = Field(default="0.0.0.0", description="Address for HTTPS.")  # noqa: S104
    tls_port: PortOrOff = Field(default=8443, description="Port for HTTPS; 0 switches it off.")
    public_url: WebOrNone = Field(
        default="", description="What people type to reach us, when not the LAN name."
    )
    proxies: Addresses = Field(
        default_factory=list,
        description="Addresses of reverse proxies, by commas, whose headers are believed.",
    )
    rate_factor: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="How many times the usual a sender may ask; for crowds behind one address.",
    )

    @model_validator(mode="after")
    def _two_doors(self) -> Self:
        if self.port and self.port == self.tls_port:
            raise PydanticCustomError("setting.two_doors", "port = tls_port")
        return self


class CertificateSettings(Section):
    """Where the certificate for HTTPS comes from; browsers give no camera without one."""

    source: Literal["lan", "acme", "files"] = Field(
        default="lan", description="lan: our own authority; acme: a public one; files: yours."
    )
    names: Hosts = Field(
        default_factory=list,
        description="Host names, by commas; lan adds this machine's own and its private addresses.",
    )
    chain: PathOrNone = Field(default=None, description="For files: the certificate, PEM.")
    key: PathOrNone = Field(default=None, description="For files: its private key, PEM.")
    acme_directory: Web = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        description="For acme: address of the authority's directory.",
    )
    acme_contact: LetterboxOrNone = Field(
        default="", description="For acme: who is told of trouble, e-mail."
    )
    acme_port: Port = Field(
        default=80, description="For acme: port that answers the check; port 80 leads to it."
    )
    acme_trust: PathOrNone = Field(
        default=None, description="For acme: certificates to trust a private authority by, PEM."
    )


class MailSettings(Section):
    """The mail server that takes our letters; without a host no mail is sent."""

    host: HostOrNone = Field(default="", description="Name of the SMTP server.")
    port: Port = Field(default=587, description="Its port.")
    user: Text = Field(default="", description="Name to sign in with, if it asks.")
    password: SecretStr = Field(default=SecretStr(""), description="Password to sign in with.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="Encryption."
    )
    sender: LetterboxOrNone = Field(default="", description="Address that letters come from.")


class SmsSettings(Section):
    """The gateway that takes our text messages (integrations/sms_gateway.py), for sms = http."""

    url: WebOrNone = Field(
        default="", description="Its address, https://...; plain on this machine."
    )
    key: Ascii = Field(default="", description="The name it knows us by.")
    secret: SecretStr = Field(default=SecretStr(""), description="The secret of both.")
    sign_name: Text = Field(default="", description="Whom a message says it is from (签名).")
    trust: PathOrNone = Field(
        default=None, description="Certificates to trust a private gateway by, PEM."
    )


class BackupSettings(Section):
    """Where copies go. (S-BCK-1)"""

    target: Place = Field(
        default="",
        description="A directory, or sftp://user@host[:port]/path; empty: <home>/backup.",
    )
    ssh_key: PathOrNone = Field(default=None, description="Private key for an SFTP target.")
    ssh_known_hosts: PathOrNone = Field(default=None, description="Host keys of an SFTP target.")
    at: TimeOfDay = Field(
        default="02:30", description="When the nightly copy is made, hospital time."
    )
    keep: AtLeastOne = Field(default=14, description="How many nightly copies are kept.")


class ProviderSettings(Section):
    """Which adapter serves which port."""

    mailer: Text = Field(
        default="smtp",
        description="E-mail: smtp, none, sandbox (demo only) or an installed provider's name.",
    )
    sms: Text = Field(
        default="none",
        description="SMS: none, http, sandbox (demo only) or an installed provider's name.",
    )
    scanner: Text = Field(
        default="none",
        description="Virus scanner for uploads: none, clamd or an installed provider's name.",
    )
    clamd: Socket = Field(
        default="/run/clamav/clamd.ctl", description="Socket of clamd, or its host:port."
    )
    time: Text = Field(
        default="ntp",
        description="What our clock is compared with: ntp, none or an installed provider's name.",
    )
    identities: Text = Field(
        default="none",
        description="Real-name check: none, sandbox (demo only) or an installed provider's name.",
    )
    payments: Text = Field(
        default="none",
        description="Payments: none, sandbox (demo only) or an installed provider's name.",
    )
    ntp: ServerOrNone = Field(
        default="",
        description="A time server to compare our clock with; empty: what the machine says.",
    )


class Settings(BaseSettings):
    """Everything that may be set before the start, with a value that works out of the box."""

    model_config = SettingsConfigDict(
        env_prefix="XINGLIN_", env_nested_delimiter="__", extra="forbid"
    )

    home: Folder = Field(default=Path("var"), description="Folder of the database, files and keys.")
    database_url: DatabaseOrNone = Field(
        default="",
        description="postgresql+asyncpg://...; empty: SQLite in home. Chosen for good before init.",
    )
    master_key: PathOrNone = Field(
        default=None, description="Master key file; empty: <home>/master.key."
    )
    crypto_profile: Literal["standard", "gm"] = Field(
        default="standard", description="standard (AES, SHA-256) or gm (SM4, SM3)."
    )
    anchors: PathOrNone = Field(
        default=None, description="Where the audit anchor is written; best on another disk or host."
    )
    timezone: Zone = Field(default="Asia/Shanghai", description="The hospital's time zone.")
    demo: bool = Field(
        default=False, description="A hospital to play with; never for real patients."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="How log lines look."
    )
    server: ServerSettings = Field(default_factory=ServerSettings)
    certificate: CertificateSettings = Field(default_factory=CertificateSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    sms: SmsSettings = Field(default_factory=SmsSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    providers: ProviderSettings = Field(default_factory=ProviderSettings)

    @classmethod
    def load(cls, home: Path | None = None) -> "Settings":
        """Read the environment and `<home>/xinglin.toml`; the environment wins."""
        settings = cls() if home is None else cls(home=home)
        file = settings.home / "xinglin.toml"
        if not file.exists():
            return settings

        class WithFile(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                del dotenv_settings, file_secret_settings
                toml = TomlConfigSettingsSource(settings_cls, file)
                return init_settings, env_settings, toml

        loaded: Settings = WithFile(home=settings.home)
        return loaded

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.home / 'xinglin.db'}"

    @property
    def key_file(self) -> Path:
        return self.master_key or self.home / "master.key"

    @property
    def anchor_file(self) -> Path:
        return (self.anchors or self.home / "anchors") / "audit.jsonl"

    @property
    def backup_folder(self) -> Path | None:
        """Where copies go, if that is a folder and no address."""
        target = self.backup.target
        return None if "://" in target else Path(target or self.home / "backup")

    @property
    def files(self) -> Path:
        """The folder of the encrypted file store."""
        return self.home / "files"
