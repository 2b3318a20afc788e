#!/bin/bash
# PID 1 of the kernel whose power is cut: the host's files read-only, the disk under test at /run/disk, and guest.py in front of it.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TMPDIR=/run/tmp PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/disk /run/results /run/tmp
mount -t hostfs -o "$POWER_RESULTS" none /run/results
ip link set lo up
# As every Debian does before it mounts: a torn commit block of ext4's own journal needs it.
e2fsck -p /dev/ubda >/run/e2fsck.log 2>&1
checked=$?
if [ "$checked" -lt 4 ] && mount -t ext4 /dev/ubda /run/disk; then
  KNUTEPUNKT_BINARY="$POWER_BINARY" /usr/bin/python3 "$POWER_FOLDER/guest.py" </dev/null
  echo "@@ E $?"
  umount /run/disk
else
  echo "@@ F the disk cannot be mounted; e2fsck ended with $checked: $(tr '\n' ' ' </run/e2fsck.log)"
fi
sync
halt -f -f -p
