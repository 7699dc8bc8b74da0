#!/bin/bash
# Process 1 of a lab host: private /sys, cgroups, /run, /var/lib, /var/log and a copy-on-write /etc.
# Arguments: NAME DIRECTORY SWITCH-ADDRESS. Says "ready" when the host is up.
set -eu
name=$1 dir=$2 switch=$3
hostname "$name"
mount -t sysfs sysfs /sys
if [ -e /proc/1/cgroup ] && grep -qv '^0:' /proc/self/cgroup; then
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  cut -d: -f1,2 /proc/self/cgroup | while IFS=: read -r id controllers; do
    [ "$id" != 0 ] || continue
    target=/sys/fs/cgroup/${controllers#name=}
    mkdir -p "$target"
    case $controllers in
      name=*) mount -t cgroup -o "none,$controllers" cgroup "$target" ;;
      *) mount -t cgroup -o "$controllers" cgroup "$target" ;;
    esac
  done
  mkdir -p /sys/fs/cgroup/unified
  mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mkdir -p "$dir"/{lib,log,etc,etc-work}
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc-work" /etc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
mount --bind "$dir/lib" /var/lib
mount --bind "$dir/log" /var/log
mkdir -p /var/lib/home
echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n%s switch\n' "$switch" >/etc/hosts
rm -f /etc/resolv.conf
echo "nameserver $switch" >/etc/resolv.conf
rm -rf /etc/cni /etc/docker
ip link set lo up
sysctl -qw net.ipv4.conf.all.rp_filter=0
echo ready
exec >/dev/null 2>&1 </dev/null
# bash reaps whatever is orphaned here; the host ends when this is killed.
while :; do sleep 3600 & wait $!; done
