#!/bin/sh
# Runs Xinglin as the hospital's own user: as root it would leave files that the service cannot
# read. The program reads /etc/xinglin/xinglin.env itself; root reads and runs nothing of it.
# Of root's powers it keeps one, to listen on ports below 1024, as the service does.
set -e
if [ "$(id -u)" -ne 0 ]; then
    exec /opt/xinglin/bin/xinglin "$@"
fi
export HOME=/var/lib/xinglin USER=xinglin LOGNAME=xinglin
umask 077
exec setpriv --reuid=xinglin --regid=xinglin --init-groups \
    --bounding-set=-all,+net_bind_service --inh-caps=-all,+net_bind_service \
    --ambient-caps=-all,+net_bind_service /opt/xinglin/bin/xinglin "$@"
