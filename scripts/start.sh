#!/bin/sh
# start.sh [OPTIONS] - set up what is missing, then `mini-k8s server` in the foreground. `npm start -- OPTIONS`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
"$here/scripts/setup.sh" run
PATH=$here/node_modules/.bin:$PATH
export PATH
exec node "$here/bin/mini-k8s.js" server "$@"
