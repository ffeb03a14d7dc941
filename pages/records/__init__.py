"""Pages about what a record holds: preparation, consents."""
