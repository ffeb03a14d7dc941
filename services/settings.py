"""What the machine's owner sets before the start: where things lie and whom to reach.

Read once, in app.py, from the environment (`XINGLIN_...`) and from `<home>/xinglin.toml`; each
part is handed its own section. What the hospital's people may change while it runs is elsewhere:
services/policy_settings.py.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class ServerSettings(BaseModel):
    """Where the house listens."""

    host: str = Field(
        default="127.0.0.1", description="Address for plain HTTP; keep it on this machine."
    )
    port: int = Field(default=8080, description="Port for plain HTTP; 0 switches it off.")
    tls_host: str = Field(default="0.0.0.0", description="Address for HTTPS.")  # noqa: S104
    tls_port: int = Field(default=8443, description="Port for HTTPS; 0 switches it off.")
    public_url: str = Field(
        default="", description="What people type to reach us, when not the LAN name."
    )
    proxies: list[str] = Field(
        default_factory=list, description="Addresses of reverse proxies whose headers are believed."
    )
    rate_factor: float = Field(
        default=1.0,
        gt=0,
        description="How many times the usual a sender may ask; for crowds behind one address.",
    )


class CertificateSettings(BaseModel):
    """Where the certificate for HTTPS comes from; browsers give no camera without one."""

    source: Literal["lan", "acme", "files"] = Field(
        default="lan", description="lan: our own authority; acme: a public one; files: yours."
    )
    names: list[str] = Field(
        default_factory=list,
        description="Host names; lan adds this machine's own and its private addresses.",
    )
    chain: Path | None = Field(default=None, description="For files: the certificate, PEM.")
    key: Path | None = Field(default=None, description="For files: its private key, PEM.")
    acme_directory: str = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        description="For acme: address of the authority's directory.",
    )
    acme_contact: str = Field(default="", description="For acme: who is told of trouble, e-mail.")
    acme_port: int = Field(
        default=80, description="For acme: port that answers the check; port 80 leads to it."
    )
    acme_trust: Path | None = Field(
        default=None, description="For acme: certificates to trust a private authority by, PEM."
    )


class MailSettings(BaseModel):
    """The mail server that takes our letters; without a host no mail is sent."""

    host: str = Field(default="", description="Name of the SMTP server.")
    port: int = Field(default=587, description="Its port.")
    user: str = Field(default="", description="Name to sign in with, if it asks.")
    password: SecretStr = Field(default=SecretStr(""), description="Password to sign in with.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="Encryption."
    )
    sender: str = Field(default="", description="Address that letters come from.")


class SmsSettings(BaseModel):
    """The gateway that takes our text messages (integrations/sms_gateway.py), for sms = http."""

    url: str = Field(default="", description="Its address, https://...; plain on this machine.")
    key: str = Field(default="", description="The name it knows us by.")
    secret: SecretStr = Field(default=SecretStr(""), description="The secret of both.")
    sign_name: str = Field(default="", description="Whom a message says it is from (签名).")
    trust: Path | None = Field(
        default=None, description="Certificates to trust a private gateway by, PEM."
    )


class BackupSettings(BaseModel):
    """Where copies go. (S-BCK-1)"""

    target: str = Field(
        default="",
        description="A directory, or sftp://user@host[:port]/path; empty: <home>/backup.",
    )
    ssh_key: Path | None = Field(default=None, description="Private key for an SFTP target.")
    ssh_known_hosts: Path | None = Field(default=None, description="Host keys of an SFTP target.")
    at: str = Field(default="02:30", description="When the nightly copy is made, hospital time.")
    keep: int = Field(default=14, description="How many nightly copies are kept.")


class ProviderSettings(BaseModel):
    """Which adapter serves which port."""

    mailer: str = Field(
        default="smtp",
        description="E-mail: smtp, none, sandbox (demo only) or an installed provider's name.",
    )
    sms: str = Field(
        default="none",
        description="SMS: none, http, sandbox (demo only) or an installed provider's name.",
    )
    scanner: str = Field(
        default="none",
        description="Virus scanner for uploads: none, clamd or an installed provider's name.",
    )
    clamd: str = Field(
        default="/run/clamav/clamd.ctl", description="Socket of clamd, or its host:port."
    )
    time: str = Field(
        default="ntp",
        description="What our clock is compared with: ntp, none or an installed provider's name.",
    )
    ntp: str = Field(
        default="",
        description="A time server to compare our clock with; empty: what the machine says.",
    )


class Settings(BaseSettings):
    """Everything that may be set before the start, with a value that works out of the box."""

    model_config = SettingsConfigDict(
        env_prefix="XINGLIN_", env_nested_delimiter="__", extra="forbid"
    )

    home: Path = Field(default=Path("var"), description="Folder of the database, files and keys.")
    database_url: str = Field(
        default="", description="postgresql+asyncpg://...; empty: SQLite in home."
    )
    master_key: Path | None = Field(
        default=None, description="Master key file; empty: <home>/master.key."
    )
    crypto_profile: Literal["standard", "gm"] = Field(
        default="standard", description="standard (AES, SHA-256) or gm (SM4, SM3)."
    )
    anchors: Path | None = Field(
        default=None, description="Where the audit anchor is written; best on another disk or host."
    )
    timezone: str = Field(default="Asia/Shanghai", description="The hospital's time zone.")
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
    def files(self) -> Path:
        """The folder of the encrypted file store."""
        return self.home / "files"
