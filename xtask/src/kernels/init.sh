#!/usr/bin/busybox sh
# The first process in a virtual machine of `cargo xtask kernels`: asks the same questions on every
# rung of rights, then sends all answers over the console as one checked block, and stops.
export PATH=/usr/sbin:/usr/bin
/usr/bin/busybox --install -s /usr/bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /out
ip link set lo up
echo /sbin/modprobe >/proc/sys/kernel/modprobe

# ask NAME COMMAND...: what it prints, what it complains, how it ends and how long it takes.
ask() {
  name=$1
  shift
  start=$(cut -d ' ' -f 1 /proc/uptime)
  timeout 120 "$@" >"/out/$name" 2>"/out/$name.err" </dev/null
  echo "$name $? $start $(cut -d ' ' -f 1 /proc/uptime)" >>/out/runs
}

# By path, since busybox has a smaller setpriv of its own.
# CAP_NET_ADMIN 12, CAP_PERFMON 38, CAP_BPF 39, by number: an old library knows no newer names.
caps=-all,+cap_12,+cap_38,+cap_39
three="/usr/bin/setpriv --bounding-set=$caps --inh-caps=$caps --"
nobody="/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --"

uname -r >/out/release
ask bpftool.json bpftool -j feature probe kernel full
ask root.bpftool.json /bpfready check -o bpftool
ask root.json /bpfready check -o json
ask caps.json $three /bpfready check -o json
ask nobody.json $nobody /bpfready check -o json
# Debian forbids unprivileged bpf(2); other distributions do not.
echo 0 >/proc/sys/kernel/unprivileged_bpf_disabled
ask open.json $nobody /bpfready check -o json
ask text /bpfready check
ask record /bpfready record /out/recording

tar -c -C /out . | gzip >/tmp/out.tar.gz
echo "@@BEGIN $(sha256sum </tmp/out.tar.gz | cut -d ' ' -f 1)"
base64 </tmp/out.tar.gz
echo "@@END"
poweroff -f
