"""Everything that proves the house stands."""
