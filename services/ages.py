"""How old somebody is, as the rules about children and the aged mean it."""

from datetime import date


def full_years(born: date, today: date) -> int:
    """Return the age in full years (周岁): one more on the birthday itself, not the day before."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
