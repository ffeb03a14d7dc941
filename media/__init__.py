"""Pictures and sound between two browsers, and what becomes of them on a poor network."""
