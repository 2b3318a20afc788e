#!/bin/bash
# Installs what one make target needs from Debian's archive and from PyPI, when it is missing, and says what.
#
#   Deploy/requirements.sh build|demo|test|bench|peers
#
# It works as root and through sudo, without a terminal, and can be repeated: a second run that finds everything in
# place only looks. Python packages never touch the system: they live in .build-venv/, one folder a purpose, each with
# a stamp of what it was made from. It does not install the Swift toolchain: without one it says so and stops.
set -euo pipefail
cd "$(dirname "$0")/.."

what="${1:-build}"
venvs="$PWD/.build-venv"

build=(libmosquitto-dev libsystemd-dev libsqlite3-dev libbluetooth-dev pkg-config)
demo=("${build[@]}" mosquitto mosquitto-clients python3 python3-paho-mqtt sqlite3 openssl)
test=("${demo[@]}" python3-venv dbus systemd chromium age)
bench=("${build[@]}" mosquitto mosquitto-clients rt-tests python3 python3-paho-mqtt sqlite3)

case "$what" in
  build) packages=("${build[@]}") ;;
  demo) packages=("${demo[@]}") ;;
  test) packages=("${test[@]}") ;;
  bench) packages=("${bench[@]}") ;;
  peers) packages=("${bench[@]}" python3-venv) ;;
  *) echo "requirements.sh: '$what' is not one of build, demo, test, bench, peers" >&2; exit 64 ;;
esac

if ! command -v swift >/dev/null; then
  echo "requirements: no Swift toolchain on the PATH (6.2 or newer is needed); see https://www.swift.org/install" >&2
  exit 69
fi

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "requirements: '$*' needs root, and there is no sudo" >&2; exit 77
  fi
}

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done

if [ "${#missing[@]}" -gt 0 ]; then
  echo "requirements: installing from Debian's archive: ${missing[*]}"
  # The lists are refreshed only where they cannot serve: a machine that has never run 'apt-get update' knows no package.
  install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}")
  log=$(mktemp)
  if ! as_root "${install[@]}" </dev/null >"$log" 2>&1; then
    as_root apt-get update -qq </dev/null
    as_root "${install[@]}" </dev/null >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; exit 69; }
  fi
  rm -f "$log"
fi

# venv NAME REQUIREMENT...: a folder under .build-venv with exactly these packages, made anew when the list changes.
venv() {
  local name="$1"; shift
  local folder="$venvs/$name" stamp
  stamp=$(printf '%s\n' "$(/usr/bin/python3 --version)" "$@")
  if [ -f "$folder/.stamp" ] && [ "$(cat "$folder/.stamp")" = "$stamp" ]; then return; fi
  echo "requirements: installing from PyPI into .build-venv/$name: $*"
  rm -rf "$folder"
  mkdir -p "$venvs"
  /usr/bin/python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --disable-pip-version-check --no-input --use-pep517 "$@" </dev/null
  printf '%s\n' "$stamp" >"$folder/.stamp"
}

if [ "$what" = test ]; then
  venv process 'pytest==8.4.2' 'pytest-timeout==2.4.0' 'paho-mqtt==1.6.1' 'playwright==1.55.0' 'axe-playwright-python==0.1.4' 'dbus-next==0.2.3'
  # The true R4 release needs pydantic 1, which nothing else here does: hence a folder of its own.
  venv fhir 'fhir.resources==6.4.0' 'pydantic<2'
fi

if [ "$what" = peers ]; then
  # What `make bench-peers` runs beside the hub. The gateway brings an MQTT client of its own under paho's name: nothing of ours
  # may be in the same folder. A peer that cannot be installed leaves a note there, and the table says that it was not run.
  for peer in 'gateway:thingsboard-gateway==3.8.5' 'vitalscore:vitalscore==0.1.1' 'zen:zen-engine==2.1.3' 'clips:clipspy==1.0.6'; do
    name="peer-${peer%%:*}"
    (venv "$name" "${peer#*:}") || { rm -f "$venvs/$name/.stamp"; echo "requirements: ${peer#*:} could not be installed" >&2; }
  done
fi
