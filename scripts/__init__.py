"""What the Makefile calls: each file is one step, run with `python -m scripts.NAME`."""
