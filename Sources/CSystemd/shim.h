// libsystemd for Swift: its own headers, and `static inline` shims for what Swift cannot call. Nothing else.
#ifndef KNUTEPUNKT_CSYSTEMD_SHIM_H
#define KNUTEPUNKT_CSYSTEMD_SHIM_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The caller says where in the code a line comes from; libsystemd's macro would say: in this header.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

// Sends `state` (lines of KEY=VALUE) to the service manager. > 0: sent; 0: nobody listens (no NOTIFY_SOCKET); < 0: -errno.
// Keeps the environment, so that child processes of ours may not use it (NotifyAccess=main) but later calls may.
static inline int csystemd_notify(const char *state) { return sd_notify(0, state); }

// The watchdog's time-out in microseconds; 0 when the manager expects no sign of life from this process.
static inline uint64_t csystemd_watchdog_microseconds(void) {
  uint64_t microseconds = 0;
  return sd_watchdog_enabled(0, &microseconds) > 0 ? microseconds : 0;
}

// One entry of the journal from `count` fields "KEY=value". 0, or -errno. Never blocks for long: a datagram to journald.
static inline int csystemd_journal_send(const struct iovec *fields, int count) { return sd_journal_sendv(fields, count); }

// CLOCK_MONOTONIC in microseconds, as MONOTONIC_USEC= wants it. In C, because which Swift module owns `timespec` and `stat`
// depends on what else a target imports.
static inline uint64_t csystemd_monotonic_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

// Device and inode of stderr, to compare with JOURNAL_STREAM. 0, or -1 when stderr is closed.
static inline int csystemd_stderr_identity(uint64_t *device, uint64_t *inode) {
  struct stat status;
  if (fstat(STDERR_FILENO, &status) != 0) return -1;
  *device = (uint64_t)status.st_dev;
  *inode = (uint64_t)status.st_ino;
  return 0;
}

#endif
