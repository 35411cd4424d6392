// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into postern by tests/e2e/crash.py. For files below POSTERN_SHIM_DIR it
//  - fails writes, syncs or the making of files when the control block says so (a mapped file that the
//    test writes to), of all files or of those in one folder, and
//  - keeps a journal of what has become durable: lengths of files by their own sync, names by a sync of
//    their directory. tests/e2e/fault_shim.py cuts the directory back to it, as a loss of power would.
//
// The journal, a line each (INO: inode number; N: number of the change of names; paths relative):
//   C N INO PATH            created, or linked  U N INO PATH        removed (kept as graves/INO)
//   R N INO FROM TO         renamed             X N                 that change was none: it failed
//   M N INO PATH            a directory is made
//   D N PATH                the directory was synced: its changes up to N are durable
//   T INO                   cut to nothing when it was opened
//   O K INO AT LENGTH FROM  written below its end, or cut off, the K-th time: what was there is in graves/undo from FROM on
//   S INO LENGTH K          the file was synced, with all of that up to the K-th time
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
enum { kWrites = 1, kSyncs = 2, kCreations = 4 };  // Control.calls

// Shared with the test, which sets `mode` last.
struct Control {
  _Atomic uint32_t mode;
  uint32_t calls;
  int32_t error;
  uint32_t place;  // the first two letters of a folder below the directory: calls for its files; 0: all
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
static int undo = -1;
static _Atomic char kinds[kMaxFds];
static _Atomic uint16_t places[kMaxFds];                    // as Control.place has them
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;   // one change of names at a time
static pthread_mutex_t undoes = PTHREAD_MUTEX_INITIALIZER;  // one writer into graves/undo
static _Atomic uint64_t changes;
static uint64_t overwrites;

static int (*real_open)(const char*, int, ...);
static int (*real_openat)(int, const char*, int, ...);
static int (*real_close)(int);
static int (*real_ftruncate)(int, off_t);
static ssize_t (*real_write)(int, const void*, size_t);
static ssize_t (*real_writev)(int, const struct iovec*, int);
static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_sync_file_range)(int, off_t, off_t, unsigned);
static int (*real_unlink)(const char*);
static int (*real_rename)(const char*, const char*);
static int (*real_link)(const char*, const char*);
static int (*real_mkdir)(const char*, mode_t);

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_openat = dlsym(RTLD_NEXT, "openat");
  real_close = dlsym(RTLD_NEXT, "close");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_sync_file_range = dlsym(RTLD_NEXT, "sync_file_range");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  real_link = dlsym(RTLD_NEXT, "link");
  real_mkdir = dlsym(RTLD_NEXT, "mkdir");
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
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/undo", graves);
  undo = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (control == MAP_FAILED || journal < 0 || undo < 0) abort();
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

static uint16_t place_of(const char* relative) {
  return *relative ? (uint16_t)((unsigned char)relative[0] | (unsigned char)relative[1] << 8) : 0;
}

// Does this call fail, for a file in that place? Sets errno.
static bool fails(uint32_t call, uint16_t place) {
  const uint32_t mode = atomic_load(&control->mode);
  if (mode == kOff || (control->calls & call) == 0) return false;
  if (control->place != 0 && control->place != place) return false;
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
  const bool refused = makes && !existed && fails(kCreations, place_of(relative));
  const int fd = refused ? -1 : real_openat(at, path, flags, mode);
  if (fd >= 0 && fd < kMaxFds && fstat(fd, &about) == 0) {
    kinds[fd] = S_ISDIR(about.st_mode) ? kDirectory : kFile;
    places[fd] = place_of(relative);
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
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
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

static void copy_to_undo(int fd, size_t size, off_t offset) {
  char octets[1 << 16];
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);  // `fd` may be for writing alone
  const int from = real_open(link, O_RDONLY | O_CLOEXEC);
  while (size > 0) {
    const ssize_t got = pread(from, octets, size < sizeof octets ? size : sizeof octets, offset);
    if (got <= 0 || real_write(undo, octets, (size_t)got) != got) abort();
    size -= (size_t)got;
    offset += got;
  }
  real_close(from);
}

// Before `size` octets go to `offset`: what is there is kept, should the change be lost.
static void keep_overwritten(int fd, size_t size, off_t offset) {
  struct stat about;
  if (fstat(fd, &about) != 0 || offset >= about.st_size || size == 0) return;
  if (size > (size_t)(about.st_size - offset)) size = (size_t)(about.st_size - offset);
  pthread_mutex_lock(&undoes);
  const long long at = lseek(undo, 0, SEEK_END);
  copy_to_undo(fd, size, offset);
  note("O %llu %llu %lld %zu %lld\n", (unsigned long long)++overwrites, (unsigned long long)about.st_ino,
       (long long)offset, size, at);
  pthread_mutex_unlock(&undoes);
}

static off_t position_of(int fd) {
  struct stat about;
  const bool appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &about) == 0;
  return appends ? about.st_size : lseek(fd, 0, SEEK_CUR);
}

// A disk that is full takes a part before it says so.
static size_t taken(int fd, size_t size) { return fails(kWrites, places[fd]) ? size / 2 : size; }

ssize_t write(int fd, const void* octets, size_t size) {
  if (kind_of(fd) != kFile) return real_write(fd, octets, size);
  keep_overwritten(fd, size, position_of(fd));
  const size_t part = taken(fd, size);
  const int error = errno;
  const ssize_t written = real_write(fd, octets, part);
  if (part == size || written < 0) return written;
  errno = error;
  return -1;
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (kind_of(fd) != kFile) return real_writev(fd, parts, count);
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  keep_overwritten(fd, size, position_of(fd));
  return fails(kWrites, places[fd]) ? -1 : real_writev(fd, parts, count);
}
ssize_t pwrite(int fd, const void* octets, size_t size, off_t offset) {
  if (kind_of(fd) != kFile) return real_pwrite(fd, octets, size, offset);
  keep_overwritten(fd, size, offset);
  const size_t part = taken(fd, size);
  const int error = errno;
  const ssize_t written = real_pwrite(fd, octets, part, offset);
  if (part == size || written < 0) return written;
  errno = error;
  return -1;
}
ssize_t pwrite64(int, const void*, size_t, off_t) __attribute__((alias("pwrite")));

int ftruncate(int fd, off_t length) {
  struct stat about;
  if (kind_of(fd) == kFile && fstat(fd, &about) == 0 && length < about.st_size) {
    keep_overwritten(fd, (size_t)(about.st_size - length), length);
  }
  return real_ftruncate(fd, length);
}
int ftruncate64(int, off_t) __attribute__((alias("ftruncate")));

// What counts is what was there before the call: what is written during it may or may not be.
static int sync_noted(int fd, int (*real)(int)) {
  const enum Kind kind = kind_of(fd);
  if (kind == kForeign) return real(fd);
  struct stat about;
  char link[64];
  char path[PATH_MAX];
  if (fstat(fd, &about) != 0) return -1;
  const unsigned long long before = atomic_load(&changes);
  pthread_mutex_lock(&undoes);
  const unsigned long long below = overwrites;
  pthread_mutex_unlock(&undoes);
  if (fails(kSyncs, places[fd])) return -1;
  const int result = real(fd);
  if (result != 0) return result;
  if (kind == kFile) {
    note("S %llu %lld %llu\n", (unsigned long long)about.st_ino, (long long)about.st_size, below);
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
  if (flags != 0 && kind_of(fd) == kFile && fails(kSyncs, places[fd])) return -1;
  return real_sync_file_range(fd, offset, size, flags);
}

// Its octets stay, should the change of names be lost.
static void bury(const char* path, const struct stat* about) {
  char grave[PATH_MAX];
  snprintf(grave, sizeof grave, "%s/%llu", graves, (unsigned long long)about->st_ino);
  if (real_link(path, grave) != 0 && errno != EEXIST) abort();
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

// A name more, of a file or of a new directory.
static int name_noted(const char* path, int result, char what, const char* relative, uint64_t number) {
  struct stat about;
  if (result == 0 && lstat(path, &about) == 0) {
    note("%c %llu %llu %s\n", what, (unsigned long long)number, (unsigned long long)about.st_ino, relative);
  }
  pthread_mutex_unlock(&names);
  return result;
}
int link(const char* from, const char* to) {
  char relative[PATH_MAX];
  if (!relative_path(to, relative)) return real_link(from, to);
  pthread_mutex_lock(&names);
  const uint64_t number = atomic_fetch_add(&changes, 1) + 1;
  return name_noted(to, real_link(from, to), 'C', relative, number);
}
int mkdir(const char* path, mode_t mode) {
  char relative[PATH_MAX];
  if (!relative_path(path, relative)) return real_mkdir(path, mode);
  pthread_mutex_lock(&names);
  const uint64_t number = atomic_fetch_add(&changes, 1) + 1;
  return name_noted(path, real_mkdir(path, mode), 'M', relative, number);
}

// std::filesystem::remove() comes here, and would go on to unlink() within the library.
int remove(const char* path) {
  struct stat about;
  return lstat(path, &about) == 0 && S_ISDIR(about.st_mode) ? rmdir(path) : unlink(path);
}
