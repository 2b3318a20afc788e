// A wall clock that is wrong by WALL_CLOCK_SHIFT seconds, for one process, through LD_PRELOAD. Only the wall clock: the
// monotonic ones and every timer on them stay true, as when a board without a battery starts on a wrong date.
//
// Debian's libfaketime shifts absolute timerfd timers on the monotonic clock too, which stops libdispatch: hence this.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// With WALL_CLOCK_SHIFT_FILE, eight bytes, the clock is set whenever they are written, while the process runs.
static volatile const long *shared(void) {
  static volatile const long *cell;
  static int tried;
  if (!tried) {
    const char *path = getenv("WALL_CLOCK_SHIFT_FILE");
    int file = path ? open(path, O_RDONLY) : -1;
    void *map = file < 0 ? MAP_FAILED : mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) cell = map;
    if (file >= 0) close(file);
    tried = 1;
  }
  return cell;
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
  return status;
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
