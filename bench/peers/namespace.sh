#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# namespace.sh ROOT COMMAND...: runs COMMAND where /etc, /var and /run are its own: programs that have their paths and accounts built in
# find them there, and the machine keeps its own. ROOT/etc and ROOT/var lie over the machine's, ROOT/spool is /var/spool.
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  exec unshare --mount --propagation private "$0" --inside "$@"
fi
shift
root=$1
shift
mkdir -p "$root"/{etc,var,run,spool,work-etc,work-var}
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$root/etc,workdir=$root/work-etc" /etc
mount -t overlay overlay -o "lowerdir=/var,upperdir=$root/var,workdir=$root/work-var" /var
# The queue lies on the disk itself, not on the overlay.
mount --bind "$root/spool" /var/spool
mount --bind "$root/run" /run
exec "$@"
