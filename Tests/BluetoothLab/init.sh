#!/bin/bash
# PID 1 of the lab's kernel: lays a throw-away root over the host's files, starts the system bus, the simulated home
# (which makes hci0 through /dev/vhci), the recorder and bluetoothd, runs the ordered command, and switches the lab off.
# Started twice: by the kernel on the host's files, and by itself inside the new root.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TMPDIR=/tmp
say() { echo "[lab $(cut -d' ' -f1 /proc/uptime)] $*"; }
. "$LAB_SETTINGS"

if [ "${1:-}" != inside ]; then
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mkdir /run/bluez /run/upper /run/work /run/root
  mount -t hostfs -o "$BLUEZ" none /run/bluez
  # Lowest the host, above it BlueZ, on top what the lab writes: bonds in /var/lib/bluetooth outlive bluetoothd there.
  mount -t overlay -o lowerdir=/run/bluez:/,upperdir=/run/upper,workdir=/run/work overlay /run/root
  cd /run/root || exit 1
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t devtmpfs devtmpfs dev
  mkdir -p dev/pts dev/shm
  mount -t devpts devpts dev/pts
  mount -t tmpfs tmpfs dev/shm
  mount -t tmpfs tmpfs run
  mount -t debugfs debugfs sys/kernel/debug
  mount -t hostfs -o "$results" none ".$results"
  cp "$LAB_SETTINGS" run/settings.sh
  LAB_SETTINGS=/run/settings.sh exec chroot . /bin/bash "$here/init.sh" inside
fi

cd "$results" || exit 1
say "root is ready on Linux $(uname -r)"
ip link set lo up
mkdir -p /run/dbus /run/lock /run/lab /var/lib/bluetooth
chmod 700 /var/lib/bluetooth
dbus-daemon --system --fork
# What the one who ordered the command passes on to it, and to bluetoothd (LAB_BLUETOOTHD=-d).
[ "${#settings[@]}" = 0 ] || export "${settings[@]}"
export PYTHONPATH="$here:$here/../../Deploy/demo" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
export LAB_PYTHON="$PYTHON/bin/python" LAB_RESULTS="$results" LAB_FOLDER="$here"
"$LAB_PYTHON" "$here/trace.py" "$results/hci.btsnoop" >trace.log 2>&1 &
# LAB_MONITOR=1: every message from and to bluetoothd, in dbus.log.
[ -z "${LAB_MONITOR:-}" ] || dbus-monitor --system "sender='org.bluez'" "destination='org.bluez'" >dbus.log 2>&1 &
"$LAB_PYTHON" -m peripherals.home >home.log 2>&1 &
# No bluetoothd without an adapter: the home opens /dev/vhci within a second, and a lab without it is broken.
for _ in $(seq 200); do [ -S /run/home.sock ] && break; sleep 0.05; done
[ -S /run/home.sock ] || { say "the simulated home did not start"; cat home.log; }
"$here/daemon.sh" start
say "bluetoothd and the home are started"

cd "$folder" || exit 1
"${command[@]}" >"$results/output.log" 2>&1
status=$?
echo "$status" >"$results/exit-status"
say "the command ended with $status"
sync
halt -f -f -p
