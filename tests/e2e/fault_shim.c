// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into postern by tests/e2e/crash.py. For files below POSTERN_SHIM_DIR it
//  - fails writes or syncs when the control block says so (a mapped file that the test writes to), and
//  - keeps a journal of what has become durable: lengths of files by their own sync, names by a sync of
//    their directory. tests/e2e/fault_shim.py cuts the directory back to it, as a loss of power would.
//
// The journal, a line each (INO: inode number; N: number of the change of names; paths relative):
//   C N INO PATH            created             U N INO PATH        removed (kept as graves/INO)
//   R N INO FROM TO         renamed             X N                 that change was none: it failed
//   D N PATH                the directory was synced: its changes up to N are durable
//   S INO LENGTH            the file was synced T INO               cut to nothing
//   O INO                   written below its end: cutting by length would not tell the truth
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kOff, kOnce, kFromOn };     // Control.mode
enum { kWrites = 1, kSyncs = 2 };  // Control.calls

// Shared with the test, which sets `mode` last.
struct Control {
  _Atomic uint32_t mode;
  uint32_t calls;
  int32_t error;
  uint32_t unused;
  _Atomic int64_t countdown;  // calls that still succeed
  _Atomic int64_t hits;       // calls that failed
};

enum { kMaxFds = 1 << 16 };
enum Kind { kForeign, kFile, kDirectory };

static struct Control* control;
static const char* graves;
static char root[PATH_MAX];
static size_t root_length;
static int journal = -1;
static _Atomic char kinds[kMaxFds];
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;  // one change of names at a time
static _Atomic uint64_t changes;

static int (*real_open)(const char*, int, ...);
static int (*real_openat)(int, const char*, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void*, size_t);
static ssize_t (*real_writev)(int, const struct iovec*, int);
static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_sync_file_range)(int, off_t, off_t, unsigned);
static int (*real_unlink)(const char*);
static int (*real_rename)(const char*, const char*);

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_openat = dlsym(RTLD_NEXT, "openat");
  real_close = dlsym(RTLD_NEXT, "close");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_sync_file_range = dlsym(RTLD_NEXT, "sync_file_range");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  const char* directory = getenv("POSTERN_SHIM_DIR");
  const char* block = getenv("POSTERN_SHIM_CONTROL");
  const char* lines = getenv("POSTERN_SHIM_JOURNAL");
  graves = getenv("POSTERN_SHIM_GRAVES");
  if (!directory || !block || !lines || !graves || !realpath(directory, root)) abort();
  root_length = strlen(root);
  const int fd = real_open(block, O_RDWR | O_CLOEXEC);
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  real_close(fd);
  journal = real_open(lines, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (control == MAP_FAILED || journal < 0) abort();
}

__attribute__((format(printf, 1, 2))) static void note(const char* format, ...) {
  char line[3 * PATH_MAX];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  // A line that does not get out would make the cut a lie.
  if (real_write(journal, line, (size_t)length) != length) abort();
}

// Does this call fail? Sets errno.
static bool fails(uint32_t call) {
  const uint32_t mode = atomic_load(&control->mode);
  if (mode == kOff || (control->calls & call) == 0) return false;
  const int64_t left = atomic_fetch_sub(&control->countdown, 1);
  if (left > 0 || (mode == kOnce && left < 0)) return false;
  atomic_fetch_add(&control->hits, 1);
  errno = control->error;
  return true;
}

static enum Kind kind_of(int fd) {
  return fd >= 0 && fd < kMaxFds ? (enum Kind)kinds[fd] : kForeign;
}

// What is told apart by name alone: the lock files hold nothing, the database's own log is not data.
static bool is_of_interest(const char* relative) {
  const char* base = strrchr(relative, '/');
  base = base ? base + 1 : relative;
  return strcmp(base, "lock") != 0 && strcmp(base, "LOCK") != 0 && strncmp(base, "LOG", 3) != 0;
}

// The part of `path` below the root into `out`, whether or not its last component exists.
static bool relative_path(const char* path, char* out) {
  char copy[PATH_MAX];
  char parent[PATH_MAX];
  if (strlen(path) >= sizeof copy) return false;
  strcpy(copy, path);
  char* const slash = strrchr(copy, '/');
  const char* const base = slash ? slash + 1 : copy;
  if (slash) *slash = '\0';
  if (!realpath(slash ? (*copy ? copy : "/") : ".", parent)) return false;
  if (strncmp(parent, root, root_length) != 0) return false;
  if (parent[root_length] != '\0' && parent[root_length] != '/') return false;
  const char* const below = parent + root_length + (parent[root_length] == '/');
  snprintf(out, PATH_MAX, "%s%s%s", below, *below ? "/" : "", base);
  return is_of_interest(out);
}

static int open_noted(int at, const char* path, int flags, mode_t mode) {
  char relative[PATH_MAX];
  const bool names_file = at == AT_FDCWD || path[0] == '/';
  if (!root_length || !names_file) return real_openat(at, path, flags, mode);
  char whole[PATH_MAX];
  const bool is_root = realpath(path, whole) && strcmp(whole, root) == 0;
  if (is_root) {
    relative[0] = '\0';
  } else if (!relative_path(path, relative)) {
    return real_openat(at, path, flags, mode);
  }
  struct stat about;
  const bool makes = (flags & O_CREAT) != 0;
  if (makes) pthread_mutex_lock(&names);
  const bool existed = stat(path, &about) == 0;
  const int fd = real_openat(at, path, flags, mode);
  if (fd >= 0 && fd < kMaxFds && fstat(fd, &about) == 0) {
    kinds[fd] = S_ISDIR(about.st_mode) ? kDirectory : kFile;
    const unsigned long long inode = about.st_ino;
    if (!existed) {
      note("C %llu %llu %s\n", (unsigned long long)(atomic_fetch_add(&changes, 1) + 1), inode, relative);
    } else if (flags & O_TRUNC) {
      note("T %llu\n", inode);
    }
  }
  if (makes) pthread_mutex_unlock(&names);
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_noted(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_noted(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_noted(at, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < kMaxFds) kinds[fd] = kForeign;
  return real_close(fd);
}

// A disk that is full takes a part before it says so.
ssize_t write(int fd, const void* octets, size_t size) {
  if (kind_of(fd) == kFile && fails(kWrites)) {
    const int error = errno;
    if (real_write(fd, octets, size / 2) < 0) return -1;
    errno = error;
    return -1;
  }
  return real_write(fd, octets, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (kind_of(fd) == kFile && fails(kWrites)) return -1;
  return real_writev(fd, parts, count);
}
ssize_t pwrite(int fd, const void* octets, size_t size, off_t offset) {
  if (kind_of(fd) != kFile) return real_pwrite(fd, octets, size, offset);
  struct stat about;
  if (fstat(fd, &about) == 0 && offset < about.st_size) note("O %llu\n", (unsigned long long)about.st_ino);
  if (fails(kWrites)) {
    const int error = errno;
    if (real_pwrite(fd, octets, size / 2, offset) < 0) return -1;
    errno = error;
    return -1;
  }
  return real_pwrite(fd, octets, size, offset);
}
ssize_t pwrite64(int fd, const void* octets, size_t size, off_t offset) {
  return pwrite(fd, octets, size, offset);
}

// What counts is what was there before the call: what is written during it may or may not be.
static int sync_noted(int fd, int (*real)(int)) {
  const enum Kind kind = kind_of(fd);
  if (kind == kForeign) return real(fd);
  struct stat about;
  char link[64];
  char path[PATH_MAX];
  if (fstat(fd, &about) != 0) return -1;
  const unsigned long long before = atomic_load(&changes);
  if (fails(kSyncs)) return -1;
  const int result = real(fd);
  if (result != 0) return result;
  if (kind == kFile) {
    note("S %llu %lld\n", (unsigned long long)about.st_ino, (long long)about.st_size);
    return 0;
  }
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < (ssize_t)root_length) return 0;
  path[length] = '\0';
  note("D %llu %s\n", before, path[root_length] ? path + root_length + 1 : ".");
  return 0;
}
int fsync(int fd) { return sync_noted(fd, real_fsync); }
int fdatasync(int fd) { return sync_noted(fd, real_fdatasync); }
int sync_file_range(int fd, off_t offset, off_t size, unsigned flags) {
  // Without flags it does nothing: RocksDB asks in this way whether the call is there.
  if (flags != 0 && kind_of(fd) == kFile && fails(kSyncs)) return -1;
  return real_sync_file_range(fd, offset, size, flags);
}

// Its octets stay, should the change of names be lost.
static void bury(const char* path, const struct stat* about) {
  char grave[PATH_MAX];
  snprintf(grave, sizeof grave, "%s/%llu", graves, (unsigned long long)about->st_ino);
  if (link(path, grave) != 0 && errno != EEXIST) abort();
}

int unlink(const char* path) {
  char relative[PATH_MAX];
  struct stat about;
  if (!relative_path(path, relative)) return real_unlink(path);
  pthread_mutex_lock(&names);
  const bool exists = lstat(path, &about) == 0;
  const unsigned long long number = atomic_fetch_add(&changes, 1) + 1;
  if (exists) {
    bury(path, &about);
    note("U %llu %llu %s\n", number, (unsigned long long)about.st_ino, relative);
  }
  const int result = real_unlink(path);
  if (exists && result != 0) note("X %llu\n", number);
  pthread_mutex_unlock(&names);
  return result;
}

int rename(const char* from, const char* to) {
  char source[PATH_MAX];
  char target[PATH_MAX];
  struct stat about;
  if (!relative_path(from, source) || !relative_path(to, target)) return real_rename(from, to);
  pthread_mutex_lock(&names);
  if (lstat(to, &about) == 0) bury(to, &about);
  const bool exists = lstat(from, &about) == 0;
  const unsigned long long number = atomic_fetch_add(&changes, 1) + 1;
  if (exists) note("R %llu %llu %s %s\n", number, (unsigned long long)about.st_ino, source, target);
  const int result = real_rename(from, to);
  if (exists && result != 0) note("X %llu\n", number);
  pthread_mutex_unlock(&names);
  return result;
}
