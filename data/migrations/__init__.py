"""The steps from one schema to the next, in versions/; data/schema.py takes them."""
