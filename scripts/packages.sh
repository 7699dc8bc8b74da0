#!/bin/sh
# packages.sh NAME... - install Debian packages that are missing. Starts no services.
set -eu
missing=
for name in "$@"; do
  dpkg -s "$name" 2>/dev/null | grep -q '^Status: install ok installed' || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "these are missing and this is no Debian:$missing" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "these are missing and only root can install them:$missing" >&2; exit 1; }
echo "installing$missing ..." >&2
install() {
  # shellcheck disable=SC2086 # a list of names
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}
install >/dev/null 2>&1 || { apt-get update >/dev/null && install >/dev/null; }
