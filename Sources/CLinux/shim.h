// Linux calls that Swift's Glibc module leaves out: eventfd, a poll with nanoseconds, the scheduler, peer credentials.
// Nothing but `static inline` shims.

#ifndef KNUTEPUNKT_CLINUX_SHIM_H
#define KNUTEPUNKT_CLINUX_SHIM_H

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/// A new eventfd, non-blocking and closed on exec; -1 when the process is out of descriptors.
static inline int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/// A new timerfd on the boot clock, non-blocking and closed on exec.
static inline int clinux_timerfd(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC); }

/// Sets a timerfd to ring once at this boot-clock time in nanoseconds; 0 disarms it.
static inline int clinux_timerfd_set(int descriptor, long long nanoseconds) {
  struct itimerspec at = {{0, 0}, {nanoseconds / 1000000000LL, nanoseconds % 1000000000LL}};
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &at, 0);
}

/// Whether the kernel says that something keeps the wall clock right (NTP or the like): 1 yes, 0 no or not known. Changes nothing.
static inline int clinux_clock_is_synchronised(void) {
  struct timex state = {.modes = 0};
  int answer = adjtimex(&state);
  return answer >= 0 && answer != TIME_ERROR && !(state.status & STA_UNSYNC);
}

/// Puts the calling thread under SCHED_FIFO; 0, or the errno.
static inline int clinux_schedule_fifo(int priority) {
  struct sched_param parameter = {.sched_priority = priority};
  return sched_setscheduler(0, SCHED_FIFO, &parameter) == 0 ? 0 : errno;
}

/// Keeps every page in RAM from its first use on; 0, or the errno. Without MCL_ONFAULT all of each thread's stack and of
/// every reserved mapping would be taken at once, some 200 MB that nobody uses.
static inline int clinux_lock_memory(void) {
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif
  return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 ? 0 : errno;
}

/// Names the calling thread, at most 15 bytes: what `ps -L` and a debugger show.
static inline void clinux_thread_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// A path's mode (kind and permissions, as in stat(2)), or -1 with errno set.
static inline int clinux_mode(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? (int)status.st_mode : -1;
}

static inline _Bool clinux_mode_is_folder(int mode) { return S_ISDIR(mode); }

/// The kernel's `struct ucred`: who is at the other end of a Unix socket (SO_PEERCRED).
struct clinux_credentials {
  int pid;
  unsigned int uid;
  unsigned int gid;
};

#endif
