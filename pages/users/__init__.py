"""Pages about people: signing in, accounts, staff, the institution."""
