// What a disk was told, in order: beside User-Mode Linux, through LD_PRELOAD. Every write to the image is appended to a log before it is
// done, and every flush after it was asked for. From the log compose.py makes what the disk may hold after its power was cut.
//
// WRITE_LOG_IMAGE names the image, WRITE_LOG the log (made anew), WRITE_LOG_FLUSH_MS how long a flush takes at most: a card's takes tens of
// milliseconds, and a cut should find it under way as often as it does there. A record: 'W', offset and length (64 bits each), the
// bytes; or 'F' and two zeros. The kernel's disk is served by one thread, so records never mix.
//
// Only system calls are used, and little of the stack: the program around this is a kernel, its disk's thread has one page of stack, and
// below that lies other memory.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct stat image;
static int log_file = -1;
static long flush_most;      // milliseconds
static char is_image[1024];  // by descriptor: 0 not known yet, 1 the image, 2 another file

__attribute__((constructor)) static void begin(void) {
  const char *disk = getenv("WRITE_LOG_IMAGE"), *path = getenv("WRITE_LOG");
  if (!disk || !path || syscall(SYS_stat, disk, &image) != 0) return;
  for (const char *digit = getenv("WRITE_LOG_FLUSH_MS"); digit && *digit >= '0' && *digit <= '9'; digit++)
    flush_most = flush_most * 10 + *digit - '0';
  // The kernel starts itself anew once, to switch off address randomisation: then the log is empty still.
  long file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  // High, where the kernel does not look for descriptors of its own.
  if (file >= 0) log_file = (int)syscall(SYS_fcntl, (int)file, F_DUPFD_CLOEXEC, 900);
}

static int belongs(int file) {
  if (log_file < 0 || file < 0 || file >= (int)sizeof is_image) return 0;
  if (!is_image[file]) {
    struct stat found;
    if (syscall(SYS_fstat, file, &found) != 0) return 0;
    is_image[file] = found.st_dev == image.st_dev && found.st_ino == image.st_ino ? 1 : 2;
  }
  return is_image[file] == 1;
}

static void record(char kind, uint64_t offset, uint64_t length, const void *bytes) {
  struct iovec parts[4] = {{&kind, 1}, {&offset, 8}, {&length, 8}, {(void *)bytes, bytes ? length : 0}};
  syscall(SYS_writev, log_file, parts, 4);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
  if (belongs(file)) record('W', (uint64_t)offset, length, bytes);
  return syscall(SYS_pwrite64, file, bytes, length, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) { return pwrite64(file, bytes, length, offset); }

// The image is in the host's memory either way: only that the guest asked matters.
static int flush(int file, long number) {
  static uint32_t chance = 1;
  if (!belongs(file)) return (int)syscall(number, file);
  if (flush_most) {
    chance = chance * 1664525 + 1013904223;
    struct timespec pause = {0, (chance >> 8) % (uint32_t)flush_most * 1000000};
    syscall(SYS_nanosleep, &pause, 0);
  }
  record('F', 0, 0, 0);
  return 0;
}

int fsync(int file) { return flush(file, SYS_fsync); }
int fdatasync(int file) { return flush(file, SYS_fdatasync); }
