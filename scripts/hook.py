"""Runs a part of the project that may not be there yet, or says so in one sentence.

python -m scripts.hook MODULE [ARGUMENT ...]
"""

import importlib.util
import runpy
import sys


def main() -> int:
    """Run the named module as `python -m` would."""
    module = sys.argv[1]
    if not _exists(module):
        print(f"{module} is not written yet.", file=sys.stderr)
        return 1
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(main())
