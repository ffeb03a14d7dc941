"""The values that fill a sentence's blanks, kept as JSON and read back as what they were."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.i18n import Key


def packed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in a form that JSON can hold."""
    return {name: _packed(value) for name, value in values.items()}


def unpacked(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was packed."""
    return {name: _unpacked(value) for name, value in kept.items()}


def _packed(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, Key):
        return {"sentence": str(value)}
    return str(value) if isinstance(value, UUID) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and "moment" in value:
        return datetime.fromisoformat(value["moment"])
    if isinstance(value, dict) and "day" in value:
        return date.fromisoformat(value["day"])
    if isinstance(value, dict) and "sentence" in value:
        return Key(value["sentence"])
    return value
