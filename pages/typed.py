"""What people type into fields, as values."""

from datetime import date
from decimal import Decimal, InvalidOperation

from data.errors import Invalid


def typed_date(text: str, field: str) -> date:
    """Return a date as browsers write it; raise `Invalid("date_malformed")` at this field."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("date_malformed", field=field) from None


def typed_fen(text: str, field: str) -> int:
    """Return an amount of yuan as whole fen; raise `Invalid("money_malformed")` at this field."""
    try:
        fen = Decimal(text.strip().removeprefix("¥").replace(",", "")) * 100
    except InvalidOperation:
        raise Invalid("money_malformed", field=field) from None
    if not fen.is_finite() or fen != fen.to_integral_value():
        raise Invalid("money_malformed", field=field)
    return int(fen)
