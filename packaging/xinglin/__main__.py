"""Lets `python -m xinglin` do what the command `xinglin` does."""

from xinglin import main

main()
