#!/bin/bash
# Runs the Bluetooth scenarios, each in a lab of its own, and gives one line for each and a verdict.
#
#   Tests/BluetoothLab/run.sh [scenario…]      default: all of them; names are those in scenarios/
#   Tests/BluetoothLab/run.sh --list
#
# KNUTEPUNKT_BINARY   the product; default .build/debug/knutepunkt
# LAB_JOBS            labs at a time; default 2 on two CPUs or more. A lab has one CPU
# LAB_RESULTS         folder for logs; default .build/bluetooth-lab. A scenario's folder is emptied when it starts
# LAB_MONITOR         1: D-Bus traffic with bluetoothd goes to dbus.log; LAB_BLUETOOTHD=-d makes its own log a debugging one
# LAB_SEED, LAB_DAYS  other seeds and shorter months, for the scenarios that name them
#
# Prepares what is missing first (prepare.sh: some minutes, once). Exit 0: every scenario held.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
order=(selfcheck month first_reading household vanish daemon_killed adapter_cycle bond_lost private_address twelve hundred_drops latency)

if [ "${1:-}" = --list ]; then printf '%s\n' "${order[@]}"; exit; fi
scenarios=("$@")
[ $# -gt 0 ] || scenarios=("${order[@]}")
for name in "${scenarios[@]}"; do
  [ -f "$here/scenarios/$name.py" ] || { echo "run.sh: no scenario '$name'; there are: ${order[*]}" >&2; exit 64; }
done

"$here/prepare.sh"
export KNUTEPUNKT_BINARY="${KNUTEPUNKT_BINARY:-$root/.build/debug/knutepunkt}"
if [ "${scenarios[*]}" != selfcheck ] && [ ! -x "$KNUTEPUNKT_BINARY" ]; then
  echo "run.sh: no binary at $KNUTEPUNKT_BINARY: make build" >&2; exit 69
fi
results="${LAB_RESULTS:-$root/.build/bluetooth-lab}"
mkdir -p "$results"
results="$(cd "$results" && pwd)"
cpus="$(nproc)"
jobs="${LAB_JOBS:-$((cpus > 2 ? 2 : cpus))}"
# Each scenario says in its LAB line which lab it needs, and by ALONE that it measures time.
lab_options() { sed -n 's/^LAB = "\(.*\)"$/\1/p' "$here/scenarios/$1.py"; }
is_alone() { grep -q '^ALONE = True$' "$here/scenarios/$1.py"; }

one() {
  local name="$1" began="$SECONDS" status=0
  # shellcheck disable=SC2046  # options, not one word
  "$here/boot.sh" -r "$results/$name" $(lab_options "$name") \
    bash -c 'exec "$LAB_PYTHON" -m scenarios "$1"' scenario "$name" >"$results/$name.log" 2>&1 || status=$?
  echo "$status" >"$results/$name.status"
  if [ "$status" = 0 ]; then
    printf '  ok      %4d s  %-15s %s\n' $((SECONDS - began)) "$name" "$(cat "$results/$name/summary" 2>/dev/null || true)"
  else
    printf '  FAILED  %4d s  %s; the end of its log:\n' $((SECONDS - began)) "$name"
    tail -12 "$results/$name.log" | cut -c1-400 | sed 's/^/            /'
  fi
}

began=$SECONDS
# An old verdict must not be read as a new one.
for name in "${scenarios[@]}"; do rm -f "$results/$name.status"; done
for name in "${scenarios[@]}"; do
  if is_alone "$name"; then continue; fi
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  one "$name" &
done
wait
for name in "${scenarios[@]}"; do if is_alone "$name"; then one "$name"; fi; done

failed=()
for name in "${scenarios[@]}"; do [ "$(cat "$results/$name.status" 2>/dev/null)" = 0 ] || failed+=("$name"); done
if [ "${#failed[@]}" = 0 ]; then
  echo "bluetooth-lab: ${#scenarios[@]} scenarios held, in $((SECONDS - began)) s"
else
  echo "bluetooth-lab: FAILED: ${failed[*]} (of ${#scenarios[@]}, in $((SECONDS - began)) s); logs of each: $results/<scenario>/"
  exit 1
fi
