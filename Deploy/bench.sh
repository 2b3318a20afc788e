#!/bin/bash
# `make bench`: builds the hub and its benchmarks for release and measures the performance table of docs/architecture.md on this machine.
# Prints the table; writes it as JSON to .build/bench/results.json. It can be repeated.
#
#   Deploy/bench.sh [--quick] [--only core|cache|allocations|wake|alarm|ingest|memory|start]… [--json FILE] [--markdown FILE] [--folder FOLDER]
#
# Root, or LimitRTPRIO and LimitMEMLOCK, makes the wake-up figures mean something; without, the table says so.
set -euo pipefail
cd "$(dirname "$0")/.."

Deploy/requirements.sh bench

# SwiftPM builds one product at a time. The hub is linked as it is packaged, with the standard library inside.
hub=(-c release --static-swift-stdlib --product knutepunkt)
benchmarks=(-c release --static-swift-stdlib --product Benchmarks)
swift build "${hub[@]}"
swift build "${benchmarks[@]}"
bin=$(swift build "${benchmarks[@]}" --show-bin-path)

# The allocation counter. A machine without a C compiler still measures everything else.
mkdir -p .build/bench
counter=
if compiler=$(command -v cc || command -v clang); then
  counter="$PWD/.build/bench/allocations.so"
  "$compiler" -O2 -shared -fPIC -o "$counter" Deploy/bench-allocations.c
fi

exec env ${counter:+LD_PRELOAD="$counter"} "$bin/Benchmarks" "$@"
