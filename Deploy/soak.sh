#!/bin/bash
# The long run: kill loops first, because they are quick to fail, then hours of load with faults. Everything of it goes to
# .build/soak; the last line is the verdict, and the exit status says the same. docs/endurance.md says how to read it.
#
#   Deploy/soak.sh HOURS KILLS [options of soak/soak.py, such as --seed 7]
set -euo pipefail
cd "$(dirname "$0")/.."
hours="$1" kills="$2"
shift 2
export KNUTEPUNKT_BINARY="${KNUTEPUNKT_BINARY:-$PWD/.build/debug/knutepunkt}"
folder="$PWD/.build/soak"
mkdir -p "$folder"
seed="$(date +%s)"
failed=()

run() {
  local name="$1"; shift
  printf '\n== %s\n' "$name"
  /usr/bin/python3 -B "$@" 2>&1 | tee "$folder/${name// /-}.log" || failed+=("$name")
}

if [ "$kills" -gt 0 ]; then
  # Half of the kills meet one process, half three roles with every other fault between; a few a broker that forgets.
  run "kills" Deploy/soak/kills.py --rounds $((kills / 2)) --seed "$seed"
  run "kills of roles" Deploy/soak/kills.py --rounds $((kills - kills / 2)) --seed "$((seed + 1))" --roles --mixed
  run "kills with a forgetful broker" Deploy/soak/kills.py --rounds $((kills / 10 + 1)) --seed "$((seed + 2))" --forgetful
fi
rm -rf "$folder/run"
run "soak" Deploy/soak/soak.py --hours "$hours" --folder "$folder/run" "$@"

if [ "${#failed[@]}" -gt 0 ]; then
  printf '\nknutepunkt: NOT RIGHT: %s; logs in %s\n' "${failed[*]}" "$folder"
  exit 1
fi
printf '\nknutepunkt: the long run is right; %s/run/samples.svg\n' "$folder"
