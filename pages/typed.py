"""What people type into fields, as values."""

from datetime import date

from data.errors import Invalid


def typed_date(text: str, field: str) -> date:
    """Return a date as browsers write it; raise `Invalid("date_malformed")` at this field."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("date_malformed", field=field) from None
