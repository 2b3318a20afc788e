#!/bin/bash
# Gets and builds what the Bluetooth lab is made of, once, outside the clone:
#
#   kernel-KEY/linux   Debian's 6.1 kernel as a User-Mode Linux program with Bluetooth (built here; the slow part)
#   bluez-KEY/         Debian's bluetoothd 5.66 and its tools, unpacked, laid over the lab's root; not installed
#   python-KEY/        Bumble (the simulated radios), dbus-next and paho-mqtt in a virtual environment
#
#   Tests/BluetoothLab/prepare.sh          builds what is missing; a second run only looks (0.1 s)
#   Tests/BluetoothLab/prepare.sh --env    prints the three folders as shell assignments, builds nothing
#   Tests/BluetoothLab/prepare.sh --ready  exit 0 when nothing is missing, 1 otherwise; builds nothing
#
# Each KEY is a hash of what the part is made from, so that a changed configuration or version is built anew and an
# old one stays usable. Packages that the build needs are installed from Debian's archive like Deploy/requirements.sh
# does, with sudo where this is not root; running the lab afterwards needs no root.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cache="${KNUTEPUNKT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/knutepunkt/bluetooth-lab}"

# The kernel's series, not its point release: a security update is no reason for a rebuild of some minutes.
kernel_package=linux-source-6.1
bluez_packages=(bluez bluez-test-tools)
python_packages=(bumble==0.0.236 dbus-next==0.2.3 paho-mqtt==1.6.1)
# flex and bison for the kernel's configuration, rsync-free; python3-venv for Bumble; dbus and iproute2 run in the lab.
needed=(gcc libc6-dev make bc perl patch xz-utils flex bison dpkg python3 python3-venv dbus iproute2 libglib2.0-0 libreadline8
  mosquitto mosquitto-clients)

key() { sha256sum | cut -c1-12; }
KERNEL="$cache/kernel-$( (echo "$kernel_package"; cat "$here/kernel.config" "$here/kernel.patch") | key)"
BLUEZ="$cache/bluez-$(printf '%s\n' bluez-5.66 "${bluez_packages[@]}" | key)"
PYTHON="$cache/python-$(printf '%s\n' "$(/usr/bin/python3 --version)" "${python_packages[@]}" | key)"

ready() { [ -x "$KERNEL/linux" ] && [ -x "$BLUEZ/usr/libexec/bluetooth/bluetoothd" ] && [ -f "$PYTHON/.complete" ]; }
say() { printf 'bluetooth-lab: %s\n' "$*"; }

case "${1:-}" in
  --env) printf 'KERNEL=%q\nBLUEZ=%q\nPYTHON=%q\n' "$KERNEL/linux" "$BLUEZ" "$PYTHON"; exit ;;
  --ready) if ready; then exit 0; else exit 1; fi ;;
  "") ;;
  *) echo "prepare.sh: '$1' is not one of --env, --ready" >&2; exit 64 ;;
esac
if ready; then say "ready in $cache"; exit; fi

case "$(uname -m)" in
  x86_64) ;;
  *) say "User-Mode Linux runs on x86-64 only, and this is $(uname -m)" >&2; exit 69 ;;
esac

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else say "'$*' needs root, and there is no sudo" >&2; exit 77
  fi
}

missing=()
for package in "${needed[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  say "installing from Debian's archive: ${missing[*]}"
  install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}")
  as_root "${install[@]}" </dev/null >/dev/null 2>&1 || { as_root apt-get update -qq </dev/null; as_root "${install[@]}" </dev/null >/dev/null; }
fi

mkdir -p "$cache"
# Two builds at once would tread on each other's folders: the second waits and then finds everything there.
exec 8>"$cache/.lock"
flock 8
if ready; then say "ready in $cache"; exit; fi
work="$(mktemp -d "$cache/.work.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# fetch PACKAGE…: the newest .deb of each into the current folder. apt drops to a user of its own, who must be able to write.
fetch() {
  chmod 755 "$PWD"
  apt-get download -qq "$@" 2>/dev/null || { as_root apt-get update -qq </dev/null; apt-get download -qq "$@" 2>/dev/null; }
}

if [ ! -x "$BLUEZ/usr/libexec/bluetooth/bluetoothd" ]; then
  say "fetching ${bluez_packages[*]}"
  mkdir "$work/bluez-debs" "$work/bluez"
  (cd "$work/bluez-debs" && fetch "${bluez_packages[@]}")
  for deb in "$work"/bluez-debs/*.deb; do dpkg -x "$deb" "$work/bluez"; done
  # On Debian 12 /bin and /lib are links into /usr; folders of these names in an upper layer would hide the links.
  for name in bin lib sbin; do
    [ -d "$work/bluez/$name" ] || continue
    mkdir -p "$work/bluez/usr/$name"
    cp -a "$work/bluez/$name/." "$work/bluez/usr/$name/"
    rm -r "${work:?}/bluez/$name"
  done
  version="$("$work/bluez/usr/libexec/bluetooth/bluetoothd" --version)"
  [ "$version" = 5.66 ] || say "note: bluetoothd is $version; the lab was made for 5.66"
  rm -rf "$BLUEZ"; mv "$work/bluez" "$BLUEZ"
fi

if [ ! -f "$PYTHON/.complete" ]; then
  say "fetching from PyPI: ${python_packages[*]}"
  rm -rf "$PYTHON"
  # Debian's Python, because it knows AF_BLUETOOTH.
  /usr/bin/python3 -m venv "$PYTHON"
  "$PYTHON/bin/pip" install --quiet --disable-pip-version-check --no-input --use-pep517 "${python_packages[@]}" </dev/null
  "$PYTHON/bin/python" -c 'import bumble, dbus_next, paho.mqtt.client'
  touch "$PYTHON/.complete"
fi

if [ ! -x "$KERNEL/linux" ]; then
  say "fetching $kernel_package (about 135 MB)"
  mkdir "$work/kernel-debs" "$work/kernel-source" "$work/build"
  (cd "$work/kernel-debs" && fetch "$kernel_package")
  dpkg -x "$work"/kernel-debs/*.deb "$work/kernel-source"
  tar -C "$work/kernel-source" -xf "$work"/kernel-source/usr/src/"$kernel_package".tar.xz
  source="$work/kernel-source/$kernel_package"
  if patch -d "$source" -p1 --dry-run --silent <"$here/kernel.patch" >/dev/null; then
    patch -d "$source" -p1 --silent <"$here/kernel.patch"
    say "applied kernel.patch"
  else
    say "kernel.patch does not apply to this point release; going on without it"
  fi
  # The log outlives a failure: it says which file would not compile.
  log="$cache/kernel-build.log"
  jobs="${JOBS:-$(nproc)}"
  say "building the kernel with $jobs jobs (3 min on two idle cores; log: $log)"
  build() { make -C "$source" ARCH=um O="$work/build" "$@" >>"$log" 2>&1 || { tail -20 "$log" >&2; exit 70; }; }
  : >"$log"
  build KCONFIG_ALLCONFIG="$here/kernel.config" allnoconfig
  grep '^CONFIG_' "$here/kernel.config" | while read -r option; do
    grep -qxF "$option" "$work/build/.config" || { say "this kernel refuses $option" >&2; exit 70; }
  done
  began=$SECONDS
  build -j"$jobs" linux
  mkdir -p "$work/kernel"
  strip -o "$work/kernel/linux" "$work/build/linux"
  cp "$work/build/.config" "$work/kernel/config"
  rm -rf "$KERNEL"; mv "$work/kernel" "$KERNEL"
  say "kernel built in $((SECONDS - began)) s: Linux $("$KERNEL/linux" --version 2>/dev/null | tail -1), $(du -k "$KERNEL/linux" | cut -f1) KiB"
fi
say "ready in $cache"
