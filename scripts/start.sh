#!/bin/sh
# start.sh [OPTIONS] - set up what is missing, then `mini-k8s server` in the foreground. `npm start -- OPTIONS`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/scripts/setup.sh" run
PATH=$here/node_modules/.bin:$PATH
export PATH
# Sources change, and so what runs: folders count, too, for what was deleted in them.
bundle=$here/node_modules/.cache/mini-k8s-run/main.cjs
if [ ! -e "$bundle" ] || [ -n "$(cd "$here" && find src bin scripts/bundle.ts scripts/run-bundle.ts package-lock.json -newer "$bundle" -print -quit)" ]; then
  node "$here/scripts/run-bundle.ts"
fi
# Else each of the engine's threads has a heap of libc's to itself, 15 to 20 MiB of mostly holes together.
MALLOC_ARENA_MAX=${MALLOC_ARENA_MAX:-1}
export MALLOC_ARENA_MAX
# Else the engine keeps 128 MiB for young objects once 10,000 pods have come, long after they are old, and lets four times
# what is in use pile up before it looks for what isn't, instead of twice.
exec node --max-semi-space-size=16 --heap-growing-percent=100 "$here/bin/bundled.cjs" server "$@"
