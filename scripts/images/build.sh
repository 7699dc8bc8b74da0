#!/bin/sh
# build.sh [IMAGE...]: makes test images offline into .cache/images/*.tar (Debian's mirror is all it needs).
#
#   busybox   docker.io/library/busybox:1.36   Debian's busybox-static, every applet linked (httpd, nc, nslookup, wget)
#   httpd     docker.io/mini/httpd:1, :2       busybox serving its hostname and version over HTTP on port 80
#   layers    docker.io/mini/layers:1          four layers with whiteouts; its files say what must be left of them
#   guestbook docker.io/mini/guestbook:1       a guestbook of three parts in busybox's shell: see guestbook/serve
#   node      docker.io/library/node:24        this machine's node with its libraries (only when asked for)
#
# Default: all but node. Seconds; what is there already is kept.
set -eu
cd "$(dirname "$0")"
cache=${MINI_K8S_CACHE:-../../.cache}
images=$cache/images
work=$cache/rootfs
mkdir -p "$images" "$work"

need() { # need COMMAND PACKAGE...
  command=$1; shift
  command -v "$command" >/dev/null && return
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 || {
    apt-get update >/dev/null && apt-get install -y --no-install-recommends "$@" >/dev/null
  }
}

pack() { # pack FILE REFERENCE CONFIG LAYER...
  file=$1 reference=$2 config=$3; shift 3
  for layer; do shift; set -- "$@" --layer "$layer"; done
  node pack.ts --out "$images/$file.tar" --name "$reference" --config "$config" "$@"
}

busybox_root() {
  [ -e "$work/busybox.made" ] && return
  need busybox busybox-static
  root=$work/busybox
  rm -rf "$root"
  mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root" "$root/var/www" "$root/proc" "$root/sys" "$root/dev"
  chmod 1777 "$root/tmp"
  cp -L "$(command -v busybox)" "$root/bin/busybox"
  for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nstaff:x:50:nobody\nnogroup:x:65534:\n' >"$root/etc/group"
  : >"$work/busybox.made"
}

image_busybox() {
  busybox_root
  pack busybox docker.io/library/busybox:1.36 '{"Cmd":["sh"]}' "$work/busybox"
}

image_httpd() {
  busybox_root
  for version in 1 2; do
    root=$work/httpd-$version
    mkdir -p "$root/var/www/cgi-bin"
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n%%s version %s\\n" "$(hostname)"\n' "$version" >"$root/var/www/cgi-bin/hello"
    chmod 755 "$root/var/www/cgi-bin/hello"
    echo "version $version" >"$root/var/www/index.html"
    # As process 1 it gets TERM only through a handler: the shell has one and lets requests end.
    cat >"$root/serve" <<'SERVE'
#!/bin/sh
trap 'sleep "${LINGER:-0}"; kill $child; exit 0' TERM INT
httpd -f -p "${PORT:-80}" -h /var/www & child=$!
wait $child
SERVE
    chmod 755 "$root/serve"
    pack "httpd-$version" "docker.io/mini/httpd:$version" '{"Entrypoint":["/serve"],"ExposedPorts":{"80/tcp":{}}}' \
      "$work/busybox" "$root"
  done
}

# What must be left: /a/keep /b/new /c/two; gone: /a/gone /b/old /c/one.
image_layers() {
  busybox_root
  root=$work/layers
  rm -rf "$root"
  mkdir -p "$root/1/a" "$root/1/b" "$root/1/c" "$root/2/a" "$root/2/b" "$root/3" "$root/4/c"
  for file in a/keep a/gone b/old c/one; do echo 1 >"$root/1/$file"; done
  : >"$root/2/a/.wh.gone"
  : >"$root/2/b/.wh..wh..opq"
  echo 2 >"$root/2/b/new"
  : >"$root/3/.wh.c"
  echo 4 >"$root/4/c/two"
  pack layers docker.io/mini/layers:1 '{"Cmd":["sh","-c","find /a /b /c -type f | sort"]}' \
    "$work/busybox" "$root/1" "$root/2" "$root/3" "$root/4"
}

image_guestbook() {
  busybox_root
  root=$work/guestbook
  mkdir -p "$root"
  cp guestbook/serve guestbook/guestbook "$root/"
  pack guestbook docker.io/mini/guestbook:1 '{"Entrypoint":["/serve"]}' "$work/busybox" "$root"
}

image_node() {
  busybox_root
  root=$work/node
  node=$(readlink -f "$(command -v node)")
  rm -rf "$root"
  mkdir -p "$root/usr/local/bin"
  cp "$node" "$root/usr/local/bin/node"
  ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
  pack node docker.io/library/node:24 '{"Cmd":["node"]}' "$work/busybox" "$root"
}

[ $# -gt 0 ] || set -- busybox httpd layers guestbook
for image; do
  case $image in httpd) made=httpd-2 ;; *) made=$image ;; esac
  newest=$(ls -t "$images/$made.tar" build.sh pack.ts guestbook/* 2>/dev/null | head -n 1)
  [ "$newest" = "$images/$made.tar" ] && continue
  "image_$image"
done
