"""Shows and asks for the value of a house rule, by its kind."""

import json
from collections.abc import Callable
from typing import Any

from data.errors import Invalid
from pages import kit
from pages.words import number, percent, t
from services.policy_catalogue import Item, Kind

FLAGS = {"yes": True, "no": False}


GROUPS = {
    "people": ("auth", "staff", "cert", "patient", "security"),
    "visits": ("appt", "slot", "queue", "consult", "record", "followup"),
    "calls": ("call", "recording", "recording_access"),
    "medicines": ("rx", "rx_comment", "longrx", "adr"),
    "money": ("order", "refund", "insurance", "his"),
    "quality": ("complaint", "adverse", "eval", "statistics"),
    "running": ("backup", "health", "notify", "task", "org"),
    "evidence": ("audit", "process_record", "export"),
}
"""What rules are about: the headings they stand under, and the families of keys below each."""

GROUP_OF = {family: group for group, families in GROUPS.items() for family in families}


def group_of(rule: Item) -> str:
    """Return the heading that a rule stands under."""
    return GROUP_OF[rule.key.split(".")[1]]


def unit_of(rule: Item) -> str:
    """Return the unit of a number alone: minutes, 天."""
    said = t(f"unit.{rule.unit}", count=2) if rule.kind is Kind.WHOLE else ""
    return said.replace("2", "").strip()


def spelled(rule: Item, value: Any) -> str:
    """Return a value in words, with its unit."""
    say = SPELLED.get(rule.kind)
    return say(rule, value) if say else t("settings.entries", count=len(value))


def _before(rule: Item, steps: str) -> str:
    if rule.unit == "hours":
        return t("settings.hours_before", hours=steps)
    return t("settings.days_before", days=steps)


SPELLED: dict[Kind, Callable[[Item, Any], str]] = {
    Kind.FLAG: lambda _, value: t("settings.yes") if value else t("settings.no"),
    Kind.WHOLE: lambda rule, value: t(f"unit.{rule.unit}", count=value),
    Kind.SHARE: lambda _, value: percent(value),
    Kind.CHOICE: lambda _, value: t(f"choice.{value}"),
    Kind.TIME: lambda _, value: str(value),
    Kind.DAYS: lambda rule, value: _before(rule, ", ".join(map(str, value))),
    Kind.LADDER: lambda _, value: t("settings.steps", count=len(value)),
}


def rule_field(rule: Item, value: Any) -> kit.Field:
    """Ask for a new value."""
    label = t("settings.new_value")
    match rule.kind:
        case Kind.FLAG:
            choices = {name: t(f"settings.{name}") for name in FLAGS}
            return kit.select(label, choices, value="yes" if value else "no")
        case Kind.CHOICE:
            choices = {each: t(f"choice.{each}") for each in rule.choices}
            return kit.select(label, choices, value=value)
        case Kind.WHOLE | Kind.SHARE:
            hint = t("settings.between", low=number(rule.low), high=number(rule.high))
            return kit.field(label, value=str(value), mode="decimal", hint=hint, unit=unit_of(rule))
        case Kind.TIME:
            return kit.field(label, value=str(value), content="time")
        case Kind.DAYS:
            said = ", ".join(str(each) for each in value)
            return kit.field(label, value=said, hint=t("settings.days_hint"))
        case _:
            said = json.dumps(value, ensure_ascii=False, indent=1)
            return kit.text_area(label, value=said, lines=10, hint=t("settings.table_hint"))


def asked_value(rule: Item, text: str) -> Any:
    """Return what was typed as a value of the rule's kind; the service checks its bounds.

    Raise `Invalid` if it cannot be one at all.
    """
    try:
        match rule.kind:
            case Kind.FLAG:
                return FLAGS[text]
            case Kind.WHOLE:
                return int(text)
            case Kind.SHARE:
                return float(text)
            case Kind.DAYS:
                return [int(part) for part in text.replace("，", ",").split(",") if part.strip()]
            case Kind.TABLE | Kind.LADDER:
                return json.loads(text)
            case _:
                return text
    except (ValueError, KeyError):
        code = (
            "setting_not_a_number" if rule.kind in {Kind.WHOLE, Kind.SHARE} else "setting_malformed"
        )
        raise Invalid(code, key=rule.key) from None
