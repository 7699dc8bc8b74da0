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
  files="node --test --import ./e2e/nothing-left.ts --test-concurrency=1 --test-reporter=spec"
  if [ $# -gt 0 ]; then
    $files "$@"
    return
  fi
  # One file after the other, as most change the machine that they look at. Those about datastores only start daemons,
  # and mostly wait: they run beside the rest, and what they say comes after it.
  beside=$(ls e2e/datastore/*.test.ts e2e/etcd/*.test.ts e2e/kms.test.ts)
  rest=$(find e2e -name '*.test.ts' | grep -vxF "$beside" | sort)
  said=$(mktemp)
  # shellcheck disable=SC2086
  E2E_BESIDE=yes $files $beside >"$said" 2>&1 &
  running=$!
  trap 'kill "$running" 2>/dev/null || :; rm -f "$said"' EXIT
  trap 'exit 130' INT TERM
  failed=0
  # shellcheck disable=SC2086
  $files $rest || failed=1
  wait "$running" || failed=1
  cat "$said"
  return "$failed"
}
case $part in
  all) unit; e2e ;;
  unit) unit ;;
  e2e) e2e "$@" ;;
  *) echo "usage: npm test [-- unit | e2e [FILE...]]" >&2; exit 2 ;;
esac
