#!/bin/sh
# Runs Xinglin on this machine's hospital: its folder, its settings, and its own user.
set -e
if [ -r /etc/xinglin/xinglin.env ]; then
    set -a
    . /etc/xinglin/xinglin.env
    set +a
fi
: "${XINGLIN_HOME:=/var/lib/xinglin}" "${XINGLIN_MASTER_KEY:=/etc/xinglin/master.key}"
export XINGLIN_HOME XINGLIN_MASTER_KEY
if [ "$(id -u)" -ne 0 ]; then
    exec /opt/xinglin/bin/xinglin "$@"
fi
# As root it would leave files that the service cannot read.
export HOME="$XINGLIN_HOME" USER=xinglin LOGNAME=xinglin
umask 077
exec setpriv --reuid=xinglin --regid=xinglin --init-groups --inh-caps=-all \
    /opt/xinglin/bin/xinglin "$@"
