// A wall clock that is wrong by WALL_CLOCK_SHIFT seconds, for one process, through LD_PRELOAD. Only the wall clock: the
// monotonic ones and every timer on them stay true, as when a board without a battery starts on a wrong date.
//
// With BOOT_CLOCK_SHIFT_FILE, eight bytes likewise, the boot clock (CLOCK_BOOTTIME) leaps, as when the machine has slept; timers on it
// that are set afterwards wait for the shifted time.
//
// What the machine says of its clock comes from the folder CLOCK_FACTS: proc/sys/kernel/random/boot_id, proc/device-tree/model,
// sys/class/rtc/rtc0/since_epoch, run/systemd/timesync/synchronized, and `synchronised`, which makes the kernel say so. Without the
// variable it is a machine without a battery clock whose host keeps the time, and the kernel says nothing.
//
// Debian's libfaketime shifts absolute timerfd timers on the monotonic clock too, which stops libdispatch: hence this.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// With WALL_CLOCK_SHIFT_FILE, eight bytes, the clock is set whenever they are written, while the process runs.
static volatile const long *mapped(const char *path) {
  int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0) : -1;
  void *map = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (file >= 0) close(file);
  return map == MAP_FAILED ? 0 : map;
}

static volatile const long *shared(void) {
  static volatile const long *cell;
  static int tried;
  if (!tried) {
    cell = mapped(getenv("WALL_CLOCK_SHIFT_FILE"));
    tried = 1;
  }
  return cell;
}

static long slept(void) {
  static volatile const long *cell;
  static int tried;
  if (!tried) {
    cell = mapped(getenv("BOOT_CLOCK_SHIFT_FILE"));
    tried = 1;
  }
  return cell ? *cell : 0;
}

static long shift(void) {
  if (shared()) return *shared();
  static long seconds;
  static int known;
  if (!known) {
    const char *text = getenv("WALL_CLOCK_SHIFT");
    seconds = text ? atol(text) : 0;
    known = 1;
  }
  return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = (int)syscall(SYS_clock_gettime, clock, now);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  if (status == 0 && clock == CLOCK_BOOTTIME) now->tv_sec += slept();
  return status;
}

// Timers on the boot clock, by descriptor.
static char on_boot_clock[4096];

int timerfd_create(int clock, int flags) {
  int file = (int)syscall(SYS_timerfd_create, clock, flags);
  if (file >= 0 && file < (int)sizeof on_boot_clock) on_boot_clock[file] = clock == CLOCK_BOOTTIME;
  return file;
}

int timerfd_settime(int file, int flags, const struct itimerspec *at, struct itimerspec *before) {
  struct itimerspec moved = *at;
  if (flags & TFD_TIMER_ABSTIME && file >= 0 && file < (int)sizeof on_boot_clock && on_boot_clock[file] && moved.it_value.tv_sec > slept())
    moved.it_value.tv_sec -= slept();
  return (int)syscall(SYS_timerfd_settime, file, flags, &moved, before);
}

// The path in CLOCK_FACTS of what is said about the clock; a path that is not there when the folder says nothing of it.
static const char *fact(const char *path, char *room, size_t size) {
  static const char *const told[] = {
      "/proc/device-tree/", "/sys/class/rtc/", "/run/systemd/timesync/", "/proc/sys/kernel/random/boot_id"};
  const char *folder = getenv("CLOCK_FACTS");
  for (size_t index = 0; path && index < sizeof told / sizeof *told; index++) {
    if (strncmp(path, told[index], strlen(told[index]))) continue;
    if (!folder && index == 3) return path;
    snprintf(room, size, "%s%s", folder ? folder : "/nonexistent", path);
    return index == 3 && syscall(SYS_faccessat, AT_FDCWD, room, F_OK) ? path : room;
  }
  return path;
}

static int open_file(const char *path, int flags, mode_t mode) {
  char room[4096];
  return (int)syscall(SYS_openat, AT_FDCWD, fact(path, room, sizeof room), flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_file(path, flags | O_LARGEFILE, mode);
}

int stat(const char *restrict path, struct stat *restrict status) {
  char room[4096];
  return (int)syscall(SYS_newfstatat, AT_FDCWD, fact(path, room, sizeof room), status, 0);
}

int access(const char *path, int mode) {
  char room[4096];
  return (int)syscall(SYS_faccessat, AT_FDCWD, fact(path, room, sizeof room), mode);
}

int adjtimex(struct timex *state) {
  char path[4096];
  const char *folder = getenv("CLOCK_FACTS");
  snprintf(path, sizeof path, "%s/synchronised", folder ? folder : "/nonexistent");
  int keeps = folder && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
  state->status = keeps ? 0 : STA_UNSYNC;
  return keeps ? TIME_OK : TIME_ERROR;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

// A deadline that was made with the wrong clock is waited for with the kernel's: shift it back. One on the monotonic
// clock is decades away from either and stays as it is.
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!real) real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (!real) real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec now, moved = *deadline;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  if (labs(deadline->tv_sec - now.tv_sec - shift()) < 86400 * 30) moved.tv_sec -= shift();
  return real(condition, mutex, &moved);
}
