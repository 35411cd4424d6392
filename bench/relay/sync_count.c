// SPDX-License-Identifier: Apache-2.0
// Counts the calls that make data durable, in a file that all processes of one system share: one atomic addition a call, so that
// what is measured runs as fast as without it. Loaded by LD_PRELOAD; POSTERN_SYNC_COUNT names the file, made beforehand, 8 octets.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t* counter;

// Before main: a daemon of Postfix changes its root and its account later.
__attribute__((constructor)) static void begin(void) {
  const char* const path = getenv("POSTERN_SYNC_COUNT");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* const page = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (page != MAP_FAILED) counter = page;
}

static void count(void) {
  if (counter) atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#define COUNTED(result, name, parameters, ...)                        \
  result name parameters {                                            \
    static _Atomic(void*) found;                                      \
    void* real = atomic_load_explicit(&found, memory_order_relaxed);  \
    if (!real) {                                                      \
      real = dlsym(RTLD_NEXT, #name);                                 \
      atomic_store_explicit(&found, real, memory_order_relaxed);      \
    }                                                                 \
    count();                                                          \
    return ((result(*) parameters)real)(__VA_ARGS__);                 \
  }

COUNTED(int, fsync, (int file), file)
COUNTED(int, fdatasync, (int file), file)
COUNTED(int, syncfs, (int file), file)
COUNTED(int, msync, (void* at, size_t size, int flags), at, size, flags)
COUNTED(int, sync_file_range, (int file, off64_t at, off64_t size, unsigned flags), file, at, size, flags)

void sync(void) {
  count();
  ((void (*)(void))dlsym(RTLD_NEXT, "sync"))();
}
