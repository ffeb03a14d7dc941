"""Lets `python -m xinglin` do what the command `xinglin` does."""

from xinglin import main

if __name__ == "__main__":
    main()
