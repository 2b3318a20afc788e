// Counts what the calling thread takes from the heap; preloaded by bench.sh, read by Sources/Benchmarks/CoreCost.swift.
// The counts are per thread, so that the measured thread's own show; programs that it starts do not inherit the counter.
//
// With KNUTEPUNKT_BENCH_ALLOCATIONS=FILE the counts of all threads stand in that file as well, as pairs of 64-bit numbers (thread,
// count), for another process to read while this one runs (Sources/Benchmarks/CoreAllocations.swift).

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc's own names for the functions that are replaced here: no dlsym, which would allocate itself.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Placed in the static TLS block: any other model would call malloc for its first use in a thread.
static __thread uint64_t allocations __attribute__((tls_model("initial-exec")));

uint64_t knutepunkt_bench_allocations(void) { return allocations; }

// More threads than a hub ever starts; those beyond are not in the file.
#define THREADS_MAX 4096
struct thread_count {
  uint64_t thread;
  uint64_t count;
};
static struct thread_count *shared;
static atomic_size_t shared_used;
static __thread struct thread_count *mine __attribute__((tls_model("initial-exec")));

static inline void took(void) {
  allocations++;
  if (shared == NULL) return;
  if (mine == NULL) {
    size_t index = atomic_fetch_add(&shared_used, 1);
    if (index >= THREADS_MAX) return;
    mine = &shared[index];
    mine->thread = (uint64_t)syscall(SYS_gettid);
  }
  mine->count++;
}

// What was preloaded, for who starts another program that is to be counted; empty when its path is too long.
static char library[1024];
const char *knutepunkt_bench_counter(void) { return library; }

__attribute__((constructor)) static void only_this_process(void) {
  // Taken out in place: Swift finds its arguments by where the environment lies, so that nothing may be added to it here.
  const char *preload = getenv("LD_PRELOAD");
  if (preload != NULL && strlen(preload) < sizeof library) strcpy(library, preload);
  unsetenv("LD_PRELOAD");
  const char *path = getenv("KNUTEPUNKT_BENCH_ALLOCATIONS");
  if (path == NULL) return;
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  size_t size = THREADS_MAX * sizeof(struct thread_count);
  if (ftruncate(file, (off_t)size) == 0) {
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) shared = map;
  }
  close(file);
}

void *malloc(size_t size) {
  took();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  took();
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  took();
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  took();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  took();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  took();
  void *taken = __libc_memalign(alignment, size);
  if (taken == NULL) return ENOMEM;
  *memory = taken;
  return 0;
}
