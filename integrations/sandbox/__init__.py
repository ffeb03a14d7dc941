"""Stand-ins for counterparts, for a demo: nothing they do is real, and they say so."""
