"""Strangers that run here: each is a process of its own and imports nothing of ours."""
