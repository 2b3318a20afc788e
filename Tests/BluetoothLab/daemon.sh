#!/bin/bash
# Inside the lab: starts and ends bluetoothd, as systemd would on a gateway.
#
#   daemon.sh start            returns at once; its log goes on in bluetoothd.log
#   daemon.sh stop             SIGTERM, and waits for the end
#   daemon.sh kill             SIGKILL, as a crash
#   daemon.sh hang             SIGSTOP: it keeps its name and answers nobody
#   daemon.sh go-on            SIGCONT
#
# With -d in $LAB_BLUETOOTHD its log is a debugging one; costs about a third more time.
set -u
pid_file=/run/bluetoothd.pid
case "${1:-}" in
  start)
    # shellcheck disable=SC2086  # options, not one word
    /usr/libexec/bluetooth/bluetoothd -n ${LAB_BLUETOOTHD:-} >>"$LAB_RESULTS/bluetoothd.log" 2>&1 &
    echo $! >"$pid_file" ;;
  stop | kill)
    pid="$(cat "$pid_file" 2>/dev/null)" || exit 0
    if [ "$1" = kill ]; then kill -KILL "$pid"; else kill "$pid"; fi
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    rm -f "$pid_file" ;;
  hang) kill -STOP "$(cat "$pid_file")" ;;
  go-on) kill -CONT "$(cat "$pid_file")" ;;
  *) echo "daemon.sh: start, stop, kill, hang or go-on" >&2; exit 64 ;;
esac
