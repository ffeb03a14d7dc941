#!/bin/sh
# Prints the first Python on this machine that is new enough; otherwise says what to install.
# PYTHON=/path/to/python overrides the search.
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$candidate" -c 'import sys; print(sys.executable)'
    fi
done
echo "Xinglin needs Python 3.11 or newer and found none. On Debian 12 and Ubuntu 24.04:" \
    "sudo apt install python3 python3-venv. Elsewhere: PYTHON=/path/to/python3.11 make ..." >&2
exit 1
