// Ends or stops a hub at a chosen step of reading a damaged journal into a fresh one, through LD_PRELOAD. A step is a change of a name or
// a flush whose path holds `.salvag`, `.exchange` or `/damaged-`, and each 16th write to such a file.
//
// SALVAGE_STEP is the step, counted from 1, before which SALVAGE_SIGNAL (a number) is raised; SALVAGE_LOG gets a line a step.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int is_meant(const char *path) {
  return path && (strstr(path, ".salvag") || strstr(path, ".exchange") || strstr(path, "/damaged-"));
}

static int is_meant_file(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_meant(path);
}

static void step(const char *what, const char *path) {
  static atomic_int count;
  int number = atomic_fetch_add(&count, 1) + 1;
  const char *log = getenv("SALVAGE_LOG"), *at = getenv("SALVAGE_STEP"), *signal = getenv("SALVAGE_SIGNAL");
  if (log) {
    char line[512];
    const char *name = strrchr(path, '/');
    int length = snprintf(line, sizeof line, "%d %s %s\n", number, what, name ? name + 1 : path);
    int file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file >= 0) {
      syscall(SYS_write, file, line, length);
      close(file);
    }
  }
  if (at && atoi(at) == number) kill(getpid(), signal ? atoi(signal) : SIGKILL);
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (!real) real = next("rename");
  if (is_meant(from) || is_meant(to)) step("rename", to);
  return real(from, to);
}

int unlink(const char *path) {
  static int (*real)(const char *);
  if (!real) real = next("unlink");
  if (is_meant(path) && access(path, F_OK) == 0) step("unlink", path);
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  static int (*real)(const char *, mode_t);
  if (!real) real = next("mkdir");
  if (is_meant(path)) step("mkdir", path);
  return real(path, mode);
}

int fsync(int file) {
  static int (*real)(int);
  if (!real) real = next("fsync");
  if (is_meant_file(file)) step("fsync", ".salvaging");
  return real(file);
}

int fdatasync(int file) {
  static int (*real)(int);
  if (!real) real = next("fdatasync");
  if (is_meant_file(file)) step("fdatasync", ".salvaging");
  return real(file);
}

static void wrote(int file) {
  static atomic_int writes;
  if (is_meant_file(file) && atomic_fetch_add(&writes, 1) % 16 == 0) step("write", ".salvaging");
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = next("pwrite");
  wrote(file);
  return real(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = next("pwrite64");
  wrote(file);
  return real(file, bytes, count, offset);
}
