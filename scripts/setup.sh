#!/bin/sh
# setup.sh run|develop - bring what this checkout needs: npm packages, Node 24 among them.
#
# "run" leaves out the development packages; "develop" brings all. Does nothing when nothing changed.
# Plain sh and any Node with npm: this runs before the right Node is there.
set -eu
cd "$(dirname "$0")/.."
want=${1:-run}
mark=node_modules/.mini-k8s-setup
lock=$(cat package-lock.json scripts/generate/texts-lock.json scripts/setup.sh | cksum)

have=$(cat "$mark" 2>/dev/null || true)
if [ "$have" = "develop $lock" ] || [ "$have" = "$want $lock" ]; then exit 0; fi

command -v npm >/dev/null 2>&1 || { echo "mini-k8s needs npm (Debian: apt-get install npm)" >&2; exit 1; }
echo "installing packages ($want) ..." >&2
case $want in
  run) npm ci --omit=dev --no-audit --no-fund --loglevel=error >&2 ;;
  develop) npm ci --no-audit --no-fund --loglevel=error >&2 ;;
  *) echo "usage: setup.sh run|develop" >&2; exit 2 ;;
esac

major=$(node_modules/.bin/node -p 'process.versions.node.split(".")[0]' 2>/dev/null || node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 24 ]; then
  echo "mini-k8s needs Node 24; npm has no build of it for this machine ($(uname -sm)): install it by hand" >&2
  exit 1
fi

# Texts of the API's fields. Everything else works without them: no reason not to start.
PATH=$PWD/node_modules/.bin:$PATH node scripts/descriptions.ts ||
  echo "kubectl explain will have no texts: their packages could not be fetched (scripts/descriptions.ts)" >&2
echo "$want $lock" >"$mark"
