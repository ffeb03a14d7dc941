"""Writes xinglin.toml: every setting with its explanation, those that matter now filled in."""

import hashlib
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
DRAFT = ".xinglin.toml.draft"  # the digests of what an unfinished `init` wrote
HEAD = """# The settings of this hospital's machine, read when Xinglin starts.
# A line that begins with # is not in force: it shows the default. The environment (XINGLIN_...)
# wins over this file. What the hospital's people may change while it runs is not here but on the
# page Settings.
"""
LEFT_OUT = frozenset({"home", "demo"})  # the folder this lies in; and no hospital is a demo


def write_settings(home: Path, chosen: Mapping[str, Any]) -> bool:
    """Write the file and return True, unless there is one that is the hospital's already.

    What an `init` wrote that did not come to its end is a draft: the next one writes it anew, as
    long as nobody has had a hand in it. `keep_settings` makes it the hospital's.
    """
    file, draft = home / NAME, home / DRAFT
    text = settings_text(chosen).encode()
    drafts = draft.read_text().split() if draft.exists() else []
    if file.exists() and _digest(file.read_bytes()) not in drafts:
        return False
    write_at_once(draft, "\n".join([*drafts, _digest(text)]).encode())
    write_at_once(file, text)
    return True


def keep_settings(home: Path) -> None:
    """From now on the file is the hospital's: it stands."""
    (home / DRAFT).unlink(missing_ok=True)


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


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
