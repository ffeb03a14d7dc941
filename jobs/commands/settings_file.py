"""Writes xinglin.toml: every setting with its explanation, those that matter now filled in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from data.keyring import write_at_once
from services.settings import Settings

NAME = "xinglin.toml"
HEAD = """# The settings of this hospital's machine, read when Xinglin starts.
# A line that begins with # is not in force: it shows the default. The environment (XINGLIN_...)
# wins over this file. What the hospital's people may change while it runs is not here but on the
# page Settings.
"""
LEFT_OUT = frozenset({"home", "demo"})  # the folder this lies in; and no hospital is a demo


def write_settings(home: Path, certificate: Mapping[str, Any], database_url: str) -> bool:
    """Write the file and return True, unless there is one already: it is the hospital's then."""
    file = home / NAME
    if file.exists():
        return False
    chosen: dict[str, Any] = {}
    if database_url:
        chosen["database_url"] = database_url
    if certificate["names"]:
        chosen["certificate"] = {"source": "acme", "names": certificate["names"]}
        for key in ("contact", "directory"):
            if certificate[key]:
                chosen["certificate"][f"acme_{key}"] = certificate[key]
    write_at_once(file, settings_text(chosen).encode())
    return True


def settings_text(chosen: Mapping[str, Any]) -> str:
    """Return the whole file, with the chosen values in force."""
    plain = [
        _line(name, field, chosen)
        for name, field in Settings.model_fields.items()
        if name not in LEFT_OUT and not _section(field)
    ]
    parts = [HEAD, "\n".join(plain)]
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section:
            lines = [
                _line(each, inner, chosen.get(name, {}))
                for each, inner in section.model_fields.items()
            ]
            about = (section.__doc__ or "").strip().splitlines()[0]
            parts.append(f"\n# {about}\n[{name}]\n" + "\n".join(lines))
    return "\n".join(parts) + "\n"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _line(name: str, field: FieldInfo, chosen: Mapping[str, Any]) -> str:
    about = f"# {field.description}"
    if name in chosen:
        return f"{about}\n{name} = {_value(chosen[name])}"
    return f"{about}\n# {name} = {_value(_default(field))}"


def _default(field: FieldInfo) -> Any:
    default = field.get_default(call_default_factory=True, validated_data={})
    return "" if default is None or default is PydanticUndefined else default


def _value(value: Any) -> str:
    """Write a value as TOML; its strings, numbers, booleans and lists are JSON's."""
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)
