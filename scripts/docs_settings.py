"""docs/settings.md: what the machine's owner sets before the start, and the house rules."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scripts.docs import NOTE, head, row
from services.i18n import say
from services.permissions import RULES
from services.policy_catalogue import CATALOGUE, Item, Kind
from services.policy_settings import defaults
from services.settings import Settings

PATH = "docs/settings.md"
BEFORE = """# Settings

## Before the start

Read once, from the environment or from `xinglin.toml` in the home folder; the environment wins.
A part of a section is written with two underscores: `XINGLIN_MAIL__HOST`, or `host` under `[mail]`.
A list stands with commas in the environment, and as TOML's `["a", "b"]` in the file. What
cannot be is refused at the start by the name of the setting.

"""
RUNNING = """
## House rules, changed while the house runs

On the page *Settings*, with a reason; every change is kept and can be undone. Bounds that come from
the law cannot be crossed: a hospital may be stricter, never laxer.

"""
LONGEST = 60


def pages() -> dict[str, str]:
    """Read the model and the catalogue."""
    source = "services/settings.py and services/policy_catalogue.py"
    before = [*head("variable", "default", "what it is"), *_fields(Settings, "XINGLIN_")]
    rules = head("rule", "what it is", "default", "bounds", "changed by")
    rules += [_rule(item) for item in CATALOGUE.values()]
    text = NOTE.format(source=source) + BEFORE + "\n".join(before) + "\n"
    return {PATH: text + RUNNING + "\n".join(rules) + "\n"}


def _fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{prefix}{name.upper()}__")
        else:
            yield row(f"`{prefix}{name.upper()}`", _default(field), field.description or "")


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    return "" if value in (None, "", []) else f"`{value}`"


def _rule(item: Item) -> str:
    who = ", ".join(sorted(RULES[item.action])).replace("_", " ")
    return row(f"`{item.key}`", say("en", item.title), _value(item), _bounds(item), who)


def _value(item: Item) -> str:
    value = defaults()[item.key]
    if item.kind is Kind.WHOLE:
        return say("en", f"unit.{item.unit}", count=value)
    return f"{_short(value)} {item.unit}".strip()


def _bounds(item: Item) -> str:
    if item.kind is Kind.FIXED:
        return "fixed"
    if item.choices:
        return ", ".join(item.choices)
    return f"{item.low:g} to {item.high:g}" if item.high else ""


def _short(value: Any) -> str:
    text = json.dumps(value)
    return f"`{text}`" if len(text) <= LONGEST else "(a table: services/policy_defaults.json)"
