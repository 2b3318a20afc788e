// Counts what the calling thread takes from the heap; preloaded by bench.sh, read by Sources/Benchmarks/CoreCost.swift.
// The counts are per thread, so that the measured thread's own show; programs that it starts do not inherit the counter.

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// glibc's own names for the functions that are replaced here: no dlsym, which would allocate itself.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Placed in the static TLS block: any other model would call malloc for its first use in a thread.
static __thread uint64_t allocations __attribute__((tls_model("initial-exec")));

uint64_t knutepunkt_bench_allocations(void) { return allocations; }

__attribute__((constructor)) static void only_this_process(void) { unsetenv("LD_PRELOAD"); }

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  allocations++;
  return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
  allocations++;
  void *taken = __libc_memalign(alignment, size);
  if (taken == NULL) return ENOMEM;
  *memory = taken;
  return 0;
}
