#!/usr/bin/busybox sh
# The first process in the virtual machine of `cargo xtask kernels datapath`: runs the tests that
# need what the kernel outside has not, sends what they say over the console, and stops.
export PATH=/usr/sbin:/usr/bin
/usr/bin/busybox --install -s /usr/bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /out
ip link set lo up
echo /sbin/modprobe >/proc/sys/kernel/modprobe
# Once a tunnel's module is loaded, every later namespace would have its `tunl0`.
echo 1 >/proc/sys/net/core/fb_tunnels_only_for_init_net
# The list of services is a file of the module, which nothing else loads.
modprobe ip_vs_rr

export BPFREADY_BIN=/bpfready BPFREADY_KERNEL_HAS_EVERYTHING=1
timeout 540 /it datapath::kinds --test-threads=1 >/out/tests 2>&1 </dev/null
echo $? >/out/status

tar -c -C /out . | gzip >/tmp/out.tar.gz
echo "@@BEGIN $(sha256sum </tmp/out.tar.gz | cut -d ' ' -f 1)"
base64 </tmp/out.tar.gz
echo "@@END"
poweroff -f
