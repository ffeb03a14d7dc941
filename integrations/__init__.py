"""Other people's systems, each an adapter behind one of our ports."""
