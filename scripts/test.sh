#!/bin/sh
# test.sh - everything that must hold: set up, check, unit tests, e2e. `npm test`.
# `npm test -- unit` or `npm test -- e2e [PATH...]` runs a part.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
scripts/setup.sh develop
PATH=$here/node_modules/.bin:$PATH
export PATH

part=${1:-all}
[ $# -eq 0 ] || shift
unit() {
  npm run --silent check
  npm run --silent test:unit
}
e2e() {
  scripts/packages.sh docker.io runc iptables nftables conntrack iproute2 busybox-static etcd-server etcd-client postgresql gcc libc6-dev debootstrap xz-utils unzip curl strace binutils bsdutils
  node scripts/prepare-e2e.ts
  [ $# -gt 0 ] || set -- 'e2e/**/*.test.ts'
  # One file after the other: they start daemons and measure nothing, but two cores are two cores.
  node --test --import ./e2e/nothing-left.ts --test-concurrency=1 --test-reporter=spec "$@"
}
case $part in
  all) unit; e2e ;;
  unit) unit ;;
  e2e) e2e "$@" ;;
  *) echo "usage: npm test [-- unit | e2e [FILE...]]" >&2; exit 2 ;;
esac
