#!/bin/sh
# static-runc.sh OUT - a fully static runc from Debian's packaged sources, for the one executable.
#
# Debian's own runc needs libseccomp and glibc on the target, and "runc init" starts with an empty environment, so that
# no library path helps. This one runs on any Linux of its architecture. Built in a throw-away chroot: nothing is
# installed on this machine besides debootstrap. A minute or two, once.
set -eu
out=$(realpath -m "${1:?usage: static-runc.sh OUT}")
[ "$(id -u)" = 0 ] || { echo "static-runc.sh needs root: it builds in a chroot" >&2; exit 1; }
"$(dirname "$0")/packages.sh" debootstrap
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$(dirname "$out")/runc-build.XXXXXX")
log=$work.log
trap 'umount -l "$work/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
echo "building a static runc (once, about a minute) ..." >&2

build() {
  suite=$(. /etc/os-release; [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)
  mirror=$(sed -nE 's/^(deb |URIs: *)(\[[^]]*\] *)?(https?:[^ ]*debian\/?)( .*)?$/\3/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)
  debootstrap --variant=minbase "$suite" "$work" ${mirror:+"$mirror"}
  cp -L /etc/resolv.conf "$work/etc/resolv.conf"
  cp /etc/apt/apt.conf.d/*proxy* "$work/etc/apt/apt.conf.d/" 2>/dev/null || true
  mount -t proc proc "$work/proc"
  chroot "$work" sh -ec '
    export DEBIAN_FRONTEND=noninteractive TMPDIR=/tmp
    apt-get update
    apt-get install -y --no-install-recommends golang-go golang-github-opencontainers-runc-dev libseccomp-dev gcc \
      libc6-dev pkg-config
    export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=/tmp/gocache CGO_ENABLED=1
    cd /usr/share/gocode/src/github.com/opencontainers/runc
    version=$(dpkg-query -f "\${Version}" -W golang-github-opencontainers-runc-dev | cut -d+ -f1)
    go build -trimpath -o /runc-static -tags "netgo osusergo seccomp" \
      -ldflags "-s -w -linkmode external -extldflags -static -X main.version=$version" .'
}

build >"$log" 2>&1 || { tail -20 "$log" >&2; echo "the whole log: $log" >&2; exit 1; }
mv "$work/runc-static" "$out"
rm -f "$log"
"$out" --version >&2
