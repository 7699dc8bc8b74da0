#!/bin/sh
# build.sh: builds the shim and the pause process for x64 and arm64 and writes them, packed, into
# src/kubelet/runtime/binaries.ts. Needed only when a source here changes.
# Reproducible: the same compilers give the same bytes. Needs Debian's gcc and gcc-aarch64-linux-gnu.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

need() {
  command -v "$1" >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$2" "$3" >/dev/null
}
need gcc gcc libc6-dev
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross

build() { # build COMPILER SOURCE OUTPUT LINKER-FLAGS
  "$1" -std=gnu17 -Os -static -nostdlib -ffreestanding -fno-asynchronous-unwind-tables -fno-stack-protector \
    -fno-pie -no-pie -Wall -Wextra -Werror "-Wl,--build-id=none,-z,noseparate-code,-z,noexecstack$4" -s "$2" -o "$3"
}
for program in shim pause; do
  # -n: no page alignment; only for what has no data to write.
  [ $program = pause ] && flags=,-n || flags=
  build gcc $program.c "$out/$program.x64" "$flags"
  build aarch64-linux-gnu-gcc $program.c "$out/$program.arm64" "$flags"
done
ls -l "$out" >&2
node pack.ts "$out" ../../src/kubelet/runtime/binaries.ts
