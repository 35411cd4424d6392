#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts the peers of bench/run into build/bench-peers: what tools/packages-bench.txt names, and Haraka as haraka/package-lock.json has it.
# Does nothing where they are there. Installs no mail server on the machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
to=$root/build/bench-peers
list=$root/tools/packages-bench.txt

die() {
  echo "bench/peers/install.sh: $*" >&2
  exit 2
}

words() { sed -n "s/^$1://p" "$list" | sed 's/#.*//'; }

libraries() {
  local installed missing
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
  missing=$(words install | tr -s ' ' '\n' | grep -v '^$' | grep -vxF "$installed" | tr '\n' ' ' || true)
  [ -z "$missing" ] && return
  [ "$(id -u)" = 0 ] || die "missing packages; as root: apt-get install --no-install-recommends $missing"
  # A list of names.
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 install --no-install-recommends -y $missing </dev/null
}

unpacked() { # PACKAGE
  local name=$1
  [ -d "$to/$name" ] && return
  rm -rf "$to/debs/$name"_*.deb "$to/$name.part"
  (cd "$to/debs" && apt-get -qq -o APT::Sandbox::User=root download "$name") || die "cannot download $name: apt-get update"
  dpkg -x "$to/debs/$name"_*.deb "$to/$name.part"
  mv "$to/$name.part" "$to/$name"
}

haraka() {
  local major
  cmp -s "$here/haraka/package-lock.json" "$to/haraka/installed-lock.json" && return
  major=$(node --version 2>/dev/null | sed -nE 's/^v([0-9]+)\..*/\1/p')
  if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    echo "bench/peers/install.sh: Haraka needs node 20 and npm: the run can do without it (--systems)" >&2
    return
  fi
  rm -rf "$to/haraka"
  mkdir -p "$to/haraka"
  cp "$here/haraka/package.json" "$here/haraka/package-lock.json" "$to/haraka"
  (cd "$to/haraka" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error) || die "npm ci failed"
  cp "$here/haraka/package-lock.json" "$to/haraka/installed-lock.json"
}

mkdir -p "$to/debs"
libraries
for name in $(words unpack); do unpacked "$name"; done
haraka
