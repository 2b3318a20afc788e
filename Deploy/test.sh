#!/bin/bash
# Every test of Knutepunkt, in the order in which a failure is cheapest to see: build, format, Swift tests, process
# tests. Each phase prints how long it took; the last line is the verdict, and the exit status says the same.
#
# The process tests start the very binary that the build phase made. Extra arguments go to pytest: Deploy/test.sh -k kill
set -euo pipefail
cd "$(dirname "$0")/.."

root="$PWD"
export KNUTEPUNKT_BINARY="$root/.build/debug/knutepunkt"
export KNUTEPUNKT_FHIR_PYTHON="$root/.build-venv/fhir/bin/python"
report=()
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
  if [ "$1" = 0 ]; then echo "knutepunkt: every test passed"; else echo "knutepunkt: FAILED"; fi
  exit "$1"
}

build() { swift build --build-tests; }
format() { swift format lint --strict --recursive --parallel Package.swift Sources Tests; }
swift_tests() { swift test --skip-build; }
process_tests() { "$root/.build-venv/process/bin/python" -m pytest Tests/Process "$@"; }

phase "requirements" Deploy/requirements.sh test
phase "build (debug, with tests)" build
phase "format (swift-format lint --strict)" format
phase "Swift tests" swift_tests
phase "process tests (the real binary)" process_tests "$@"
verdict 0
