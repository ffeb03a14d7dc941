"""What a setting may look like: refused where it is read, not where it is needed at night.

Each kind says what it is by a sentence of the catalogues, `setting.<kind>`.
"""

import json
import re
from email.utils import getaddresses
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

LARGEST_PORT = 65535
LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*\.?")
TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
DRIVERS = ("postgresql+asyncpg", "sqlite")


PLAIN = {
    "bool_parsing": "setting.yes_or_no",
    "extra_forbidden": "setting.unknown",
    "finite_number": "setting.above_zero",
    "float_parsing": "setting.above_zero",
    "greater_than": "setting.above_zero",
    "int_parsing": "setting.whole",
    "model_type": "setting.section",
}
"""What pydantic finds wrong by itself, with our sentence for it."""


def host_and_port(text: str) -> tuple[str, int | None]:
    """Read `host`, `host:port`, an address, or `[IPv6]:port`; raise `ValueError` for others."""
    if _is_host(text):
        return text, None
    host, _, digits = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = str(ip_address(host[1:-1]))
    elif ":" in host:
        raise ValueError(text)
    if not _is_host(host) or not (digits.isascii() and digits.isdigit()):
        raise ValueError(text)
    if not 1 <= int(digits) <= LARGEST_PORT:
        raise ValueError(text)
    return host, int(digits)


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return HOST_NAME.fullmatch(text) is not None
    return True


def _refused(kind: str) -> PydanticCustomError:
    return PydanticCustomError(f"setting.{kind}", "{kind}", {"kind": kind})


def _text(text: str) -> str:
    if not text.isprintable():
        raise _refused("text")
    return text


def _ascii(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise _refused("ascii")
    return text


def _host(text: str) -> str:
    if not _is_host(text):
        raise _refused("host")
    return text


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise _refused("address") from None


def _server(text: str) -> str:
    try:
        host_and_port(text)
    except ValueError:
        raise _refused("server") from None
    return text


def _socket(text: str) -> str:
    if text.startswith("/") and text.isprintable():
        return text
    try:
        _, port = host_and_port(text)
    except ValueError:
        port = None
    if port is None:
        raise _refused("socket")
    return text


def _web(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = (
            parts.scheme in {"http", "https"} and parts.port != 0 and _is_host(parts.hostname or "")
        )
    except ValueError:
        good = False
    if not good or " " in text or not text.isprintable():
        raise _refused("web")
    return text


def _place(text: str) -> str:
    """Leave what stands behind an unknown scheme to whoever offers it."""
    try:
        if "://" in text:
            _ = urlsplit(text).port
    except ValueError:
        raise _refused("place") from None
    return _text(text)


def _letterbox(text: str) -> str:
    found = getaddresses([text]) if text.isprintable() else []
    name, at, host = found[0][1].rpartition("@") if len(found) == 1 else ("", "", "")
    if not (name and at and _is_host(host)) or " " in name or ":" in text:
        raise _refused("letterbox")
    return text


def _moment(text: str) -> str:
    if not TIME_OF_DAY.fullmatch(text):
        raise _refused("moment")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # a folder of zones is one as well
        raise _refused("zone") from None
    return text


def _database(text: str) -> str:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _refused("database") from None
    if url.drivername not in DRIVERS or not url.database:
        raise _refused("database")
    return text


def _path(path: Path) -> Path:
    if not str(path).isprintable():
        raise _refused("text")
    return path


def _listed(value: Any) -> Any:
    """Take a list as it stands in a line of the environment: with commas, spaces, or as JSON."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return value.replace(",", " ").split()
    try:
        return json.loads(value)
    except ValueError:
        raise _refused("listed") from None


def _or_empty(check: Any) -> AfterValidator:
    return AfterValidator(lambda text: check(text) if text else text)


def _port(number: int) -> int:
    if not 1 <= number <= LARGEST_PORT:
        raise _refused("port")
    return number


def _port_or_off(number: int) -> int:
    return number and _port(number)


def _at_least_one(number: int) -> int:
    if number < 1:
        raise _refused("at_least_one")
    return number


Port = Annotated[int, AfterValidator(_port)]
PortOrOff = Annotated[int, AfterValidator(_port_or_off)]
AtLeastOne = Annotated[int, AfterValidator(_at_least_one)]
Text = Annotated[str, AfterValidator(_text)]
Ascii = Annotated[str, AfterValidator(_ascii)]
Host = Annotated[str, AfterValidator(_host)]
HostOrNone = Annotated[str, _or_empty(_host)]
ServerOrNone = Annotated[str, _or_empty(_server)]
Socket = Annotated[str, AfterValidator(_socket)]
Web = Annotated[str, AfterValidator(_web)]
WebOrNone = Annotated[str, _or_empty(_web)]
Place = Annotated[str, AfterValidator(_place)]
LetterboxOrNone = Annotated[str, _or_empty(_letterbox)]
TimeOfDay = Annotated[str, AfterValidator(_moment)]
Zone = Annotated[str, AfterValidator(_zone)]
DatabaseOrNone = Annotated[str, _or_empty(_database)]
Folder = Annotated[Path, AfterValidator(_path)]
PathOrNone = Annotated[
    Path | None,
    BeforeValidator(lambda value: None if value == "" else value),
    AfterValidator(lambda path: path and _path(path)),
]
Hosts = Annotated[list[Host], NoDecode, BeforeValidator(_listed)]
Addresses = Annotated[
    list[Annotated[str, AfterValidator(_address)]], NoDecode, BeforeValidator(_listed)
]
