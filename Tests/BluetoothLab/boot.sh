#!/bin/bash
# Boots the Bluetooth lab, runs one command in it and ends with that command's exit status.
#
#   boot.sh [-r folder] [-t seconds] [-m memory] [-k kernel-options] command [argument…]
#
#   -r   where output and logs go (emptied first); default: a new folder under $TMPDIR
#   -t   after so many real seconds the lab is ended; default 180; exit status 124
#   -m   the lab's memory; default 768M. Pages are taken from /dev/shm as they are used
#   -k   e.g. time-travel: the lab's clocks jump ahead whenever nothing in it runs, so that waiting costs nothing
#
# The command runs as the lab's root beside a real bluetoothd, a system bus, and a simulated home (peripherals/home.py)
# whose devices it orders on /run/home.sock. The lab's file system is this machine's own, read-only, with a layer over it
# that is thrown away; only the results folder is shared for writing. It needs no root here, and is no security boundary:
# it keeps accidents away from the machine.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
results='' limit=180 memory=768M kernel_options=''
while getopts r:t:m:k: option; do
  case "$option" in
    r) results="$OPTARG" ;; t) limit="$OPTARG" ;; m) memory="$OPTARG" ;; k) kernel_options="$OPTARG" ;;
    *) exit 64 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '2,14p' "$0" >&2; exit 64; }

eval "$("$here/prepare.sh" --env)"
# A kernel of one's own, to find out whether a fault is the kernel's.
KERNEL="${LAB_KERNEL:-$KERNEL}"
[ -x "$KERNEL" ] || { echo "boot.sh: no kernel yet: run $here/prepare.sh" >&2; exit 69; }
results="${results:-$(mktemp -d -t bluetooth-lab.XXXXXX)}"
mkdir -p "$results"
results="$(cd "$results" && pwd)"
rm -rf "${results:?}"/*

# What PID 1 of the lab reads: a kernel command line has no room for it.
{
  declare -p here results BLUEZ PYTHON
  printf 'folder=%q\n' "$PWD"
  printf 'settings=('; env | sed -n 's/^\(KNUTEPUNKT_BINARY\|LAB_SEED\|LAB_DAYS\|LAB_SELFCHECK\|LAB_BLUETOOTHD\|LAB_MONITOR\)=.*/\1/p' | while read -r name; do printf '%q ' "$name=${!name}"; done; echo ')'
  printf 'command=('; printf '%q ' "$@"; echo ')'
} >"$results/settings.sh"

# UML keeps its memory in a file in TMPDIR, and maps it executable: many machines mount /tmp noexec.
status=0
TMPDIR="${LAB_TMPDIR:-/dev/shm}" timeout --kill-after=5 "$limit" "$KERNEL" mem="$memory" \
  root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con=null con0=null,fd:1 ssl=null \
  uml_dir="$results/" init="$here/init.sh" LAB_SETTINGS="$results/settings.sh" $kernel_options \
  </dev/null >"$results/console.log" 2>&1 || status=$?

[ ! -f "$results/output.log" ] || cat "$results/output.log"
if [ -f "$results/exit-status" ]; then exit "$(cat "$results/exit-status")"; fi
# The kernel did not get as far as the command's end.
if [ "$status" = 124 ]; then
  echo "boot.sh: the lab did not end within $limit s; logs: $results" >&2
else
  echo "boot.sh: the lab's kernel ended early (exit $status); console:" >&2
  tail -5 "$results/console.log" >&2
fi
exit "$([ "$status" = 0 ] && echo 70 || echo "$status")"
