#!/bin/bash
# libFuzzer on every way in: Deploy/fuzz.sh SECONDS [TARGET…]. Builds once with libFuzzer inside, into a folder of its own; what it
# learns is kept in .build-fuzz/corpus, so that the next run goes on from there. A finding ends the run with its file's name.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"; shift || true
build=.build-fuzz
# lld: gold cannot link a program whose `main` stands beside libFuzzer's.
swift build -c release --product Fuzzing --scratch-path "$build" -Xswiftc -sanitize=fuzzer -Xswiftc -DFUZZING -Xswiftc -use-ld=lld
fuzzing="$build/release/Fuzzing"
if [ $# = 0 ]; then mapfile -t targets < <("$fuzzing" list | awk '$1 != "planted" { print $1 }'); else targets=("$@"); fi
mkdir -p "$build/findings"
for target in "${targets[@]}"; do
  printf '\n== %s, %d s\n' "$target" "$seconds"
  # Swift's own backtrace would end the run before libFuzzer has written the input down.
  SWIFT_BACKTRACE=enable=no "$fuzzing" explore --gather "$build/corpus/$target" "$target" -- \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=8192 -print_final_stats=1 -artifact_prefix="$build/findings/$target-" || {
    echo "a finding: keep its file in Tests/Fuzzing/corpus/$target/ once it is mended; try it with: $fuzzing replay $target FILE" >&2
    exit 1
  }
done
