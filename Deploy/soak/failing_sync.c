// A disk whose fsync fails or hangs, for one process, through LD_PRELOAD. Only the journal's files are meant.
//
// FAILING_SYNC_FILE names a file of six 64-bit numbers, which may be written while the process runs:
//   what     0 nothing, 1 EIO, 2 ENOSPC, 3 hang until `what` is something else
//   skip     syncs to let pass first
//   count    how many to spoil after that
//   spoiled  how many were (written here)
//   passed   how many syncs of the journal there were (written here)
//   order    another number with each order: what hangs by an earlier one goes on
// A sync that is spoiled is not done: what was written stays in the kernel's cache, as it may on a real disk.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { what, skip, count, spoiled, passed, order, cells };

static long *shared(void) {
  static long *map;
  static int tried;
  if (!tried) {
    const char *path = getenv("FAILING_SYNC_FILE");
    int file = path ? open(path, O_RDWR) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(0, cells * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) map = found;
    if (file >= 0) close(file);
    tried = 1;
  }
  return map;
}

static int is_of_the_journal(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "journal.sqlite") != 0;
}

// 0: let it pass; otherwise the error to fail with.
static int spoil(int file) {
  volatile long *map = shared();
  if (!map || !is_of_the_journal(file)) return 0;
  __sync_fetch_and_add(&map[passed], 1);
  if (!map[what] || map[count] <= 0) return 0;
  if (__sync_fetch_and_sub(&map[skip], 1) > 0) return 0;
  map[skip] = 0;
  if (__sync_fetch_and_sub(&map[count], 1) <= 0) return 0;
  long mine = map[order];
  int error = map[what] == 1 ? EIO : map[what] == 2 ? ENOSPC : 0;
  __sync_fetch_and_add(&map[spoiled], 1);
  while (map[what] == 3 && map[order] == mine) nanosleep(&(struct timespec){0, 5000000}, 0);
  return error;
}

static int sync_file(int file, long number) {
  int error = spoil(file);
  if (error) {
    errno = error;
    return -1;
  }
  return (int)syscall(number, file);
}

int fsync(int file) { return sync_file(file, SYS_fsync); }
int fdatasync(int file) { return sync_file(file, SYS_fdatasync); }
