#!/bin/sh
# PID 1 of a lab host, started inside new mount, UTS and PID namespaces and the host's network namespace.
#   host_init.sh ROOT HOSTNAME
# It gives the host its private folders, says who it is, and then only holds the namespaces open.
set -eu
root=$1 hostname=$2

# The old /proc still shows the machine's pid of this process: the only way to learn it from in here.
read -r pid rest < /proc/self/stat
mount -t proc proc /proc

# Each view of /sys shows the links of the network namespace it was mounted in: libvirt must see br0.
umount --recursive --lazy /sys/fs/cgroup 2> /dev/null || true
mount -t sysfs sys /sys
# Without dbus and systemd in sight libvirt registers no machine; without cgroups it makes none.
mount --bind "$root/run" /run
for folder in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
  mkdir -p "$folder"
  mount --bind "$root$folder" "$folder"
done
for file in /etc/hosts /etc/passwd /etc/group; do
  mount --bind "$root$file" "$file"
done
echo "$hostname" > /proc/sys/kernel/hostname

echo "$pid" > "$root/pid.new"
mv "$root/pid.new" "$root/pid"
# An ignored SIGCHLD survives exec: the kernel then reaps every orphan of this namespace by itself. Without it libvirt
# waits for the zombies of its QEMUs. (dash can't ignore it with trap.)
exec env --ignore-signal=CHLD sleep infinity
