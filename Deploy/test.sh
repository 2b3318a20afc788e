#!/bin/bash
# Every test of Knutepunkt, in the order in which a failure is cheapest to see: build, format, Swift tests, process
# tests, the Bluetooth lab, power cuts. Each phase prints how long it took; the last line is the verdict, and the exit status says
# the same.
#
# The process tests and the lab start the very binary that the build phase made. Extra arguments go to pytest, and leave
# the lab out: Deploy/test.sh -k kill
#
# The lab needs a kernel of its own, built once into a cache outside the clone (3 to 6 minutes). Where User-Mode Linux
# cannot be built or cannot run the verdict names it, and the power cuts with it, as not run; whatever fails in a lab that runs is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

root="$PWD"
export KNUTEPUNKT_BINARY="$root/.build/debug/knutepunkt"
export KNUTEPUNKT_FHIR_PYTHON="$root/.build-venv/fhir/bin/python"
report=()
not_run=""
started=$SECONDS

phase() {
  local name="$1" began=$SECONDS; shift
  printf '\n== %s\n' "$name"
  if "$@"; then
    report+=("$(printf '  ok      %4d s  %s' $((SECONDS - began)) "$name")")
  else
    local status=$?
    report+=("$(printf '  FAILED  %4d s  %s (exit %d)' $((SECONDS - began)) "$name" "$status")")
    verdict "$status"
  fi
}

verdict() {
  printf '\n== Verdict after %d s\n' $((SECONDS - started))
  printf '%s\n' "${report[@]}"
  if [ "$1" != 0 ]; then echo "knutepunkt: FAILED"
  elif [ -n "$not_run" ]; then echo "knutepunkt: passed, but NOT RUN: $not_run"
  else echo "knutepunkt: every test passed"
  fi
  exit "$1"
}

build() { swift build --build-tests; }
format() { swift format lint --strict --recursive --parallel Package.swift Sources Tests; }
# Swift Testing starts every test at once. Those that wait for a real clock must not share two cores with those that compute for a
# minute, or they find their bounds broken by nothing of theirs: so first these, then all the others.
computing='^(RealtimeCore|VitalSigns|DeviceProfile|Architecture|FHIRForwarder|Journal|BluetoothLink|ProfileCatalogue|Simulation)Tests\.'
swift_tests() { swift test --skip-build --filter "$computing" && swift test --skip-build --skip "$computing"; }
# All scenarios but those that take minutes or measure time; `make bluetooth-lab` runs these, too.
lab_scenarios=(selfcheck first_reading household vanish daemon_killed adapter_cycle bond_lost private_address twelve hundred_drops)
bluetooth_lab() { LAB_JOBS=2 Tests/BluetoothLab/run.sh "${lab_scenarios[@]}"; }
# Five cuts, and a disk that lies about its flushes, which must be found out: the check of the check. What the last flushes held is chance,
# so it has three runs.
power_cuts() {
  /usr/bin/python3 -B Tests/PowerCut/cuts.py --cuts 5 --seed 1 || return
  local seed
  for seed in 1 2 3; do
    if ! /usr/bin/python3 -B Tests/PowerCut/cuts.py --cuts 5 --seed "$seed" --lying 20 --folder .build/power-cuts-lying >.build/power-cuts-lying.log; then
      return 0
    fi
  done
  echo "a disk that lies about flushes was not found out; see .build/power-cuts-lying.log"
  return 1
}
# Half of this phase was waiting for bounds of minutes to pass. Tests that do little else (marked `patient`) run beside the others,
# and their report follows theirs.
process_tests() {
  local pytest=("$root/.build-venv/process/bin/python" -m pytest Tests/Process "$@") report status=0 patient_status=0 patient
  report="$(mktemp)"
  "${pytest[@]}" -m patient >"$report" 2>&1 &
  patient=$!
  trap 'kill "$patient" 2>/dev/null || true' INT TERM
  "${pytest[@]}" -m "not patient" || status=$?
  wait "$patient" || patient_status=$?
  trap - INT TERM
  printf '\n-- beside them, tests that wait\n'
  cat "$report"
  rm -f "$report"
  # 5: none of this kind was asked for; of neither kind is a mistake in what was asked.
  if [ "$status" = 5 ]; then return "$patient_status"; fi
  if [ "$status" = 0 ] && [ "$patient_status" != 5 ]; then return "$patient_status"; fi
  return "$status"
}

phase "requirements" Deploy/requirements.sh test
phase "build (debug, with tests)" build
phase "format (swift-format lint --strict)" format
phase "Swift tests" swift_tests
phase "process tests (the real binary)" process_tests "$@"
if [ $# -gt 0 ]; then
  not_run="the Bluetooth lab and the power cuts, because the process tests were narrowed"
elif ! timeout 1200 Tests/BluetoothLab/prepare.sh; then
  not_run="the Bluetooth lab and the power cuts: the kernel cannot be built on this machine, see above"
elif ! Tests/BluetoothLab/boot.sh true; then
  not_run="the Bluetooth lab and the power cuts: User-Mode Linux does not run on this machine, see above"
else
  phase "Bluetooth lab (real bluetoothd)" bluetooth_lab
  phase "power cuts (the lab's kernel, a disk that loses what was not flushed)" power_cuts
fi
verdict 0
