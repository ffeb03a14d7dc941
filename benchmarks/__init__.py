"""Measurements against named baselines; each a program: `python -m benchmarks.NAME [--quick]`."""
