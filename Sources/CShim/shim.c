// Preloaded into a node, or linked into a file system for it: clocks that are wrong, syncs that fail, stall,
// or kill, and a journal of what a loss of power would take. Without GAUNTLET_SHIM in the environment every
// call goes straight through.
//
// GAUNTLET_SHIM names the control page (shim_control.h); GAUNTLET_SHIM_DATA the folder whose files count;
// GAUNTLET_SHIM_JOURNAL, if set, the file in which what is overwritten and not synced is kept.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../CShimControl/shim_control.h"
#include "CShim.h"

static struct shim_control *control;
static const char *data_folder;
static int journal = -1;
static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) { real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); }

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("GAUNTLET_SHIM");
  if (!path) { return; }
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) { return; }
  void *page = mmap(NULL, SHIM_CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (page == MAP_FAILED) { return; }
  if (((struct shim_control *)page)->magic != SHIM_MAGIC) { return; }
  data_folder = getenv("GAUNTLET_SHIM_DATA");
  const char *kept = getenv("GAUNTLET_SHIM_JOURNAL");
  if (kept) {
    int opened = open(kept, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    // Out of the way of programs that count on low numbers.
    journal = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, 500);
    if (opened >= 0) { close(opened); }
  }
  control = page;
}

static uint64_t get(const uint64_t *field) { return __atomic_load_n(field, __ATOMIC_RELAXED); }
static int64_t get_signed(const int64_t *field) { return __atomic_load_n(field, __ATOMIC_RELAXED); }
static void count(uint64_t *field) { __atomic_fetch_add(field, 1, __ATOMIC_RELAXED); }

// Clocks.

static int true_time(clockid_t clock, struct timespec *time) {
  REAL(clock_gettime)
  // Before the C library is found: the kernel itself.
  return real ? real(clock, time) : (int)syscall(SYS_clock_gettime, clock, time);
}

static int64_t nanoseconds(const struct timespec *time) {
  return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void set_nanoseconds(struct timespec *time, int64_t value) {
  if (value < 0) { value = 0; }
  time->tv_sec = value / 1000000000;
  time->tv_nsec = value % 1000000000;
}

static bool is_realtime(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static bool is_shifted(clockid_t clock) {
  return is_realtime(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW
    || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

// What is added to `clock` now.
static int64_t shift(clockid_t clock) {
  if (!control || !is_shifted(clock)) { return 0; }
  int64_t offset, rate, since, amplitude, period;
  uint64_t before;
  do {
    before = __atomic_load_n(&control->generation, __ATOMIC_ACQUIRE);
    offset = get_signed(is_realtime(clock) ? &control->realtime_offset : &control->monotonic_offset);
    rate = get_signed(&control->rate_millionths);
    since = get_signed(&control->rate_since);
    amplitude = get_signed(&control->strobe_amplitude);
    period = is_realtime(clock) ? get_signed(&control->strobe_period) : 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
  } while ((before & 1) || before != __atomic_load_n(&control->generation, __ATOMIC_RELAXED));
  if (rate != 0 || period > 0) {
    struct timespec now;
    true_time(CLOCK_MONOTONIC, &now);
    if (period > 0) { offset += nanoseconds(&now) / period % 2 ? amplitude : -amplitude; }
    int64_t passed = nanoseconds(&now) - since;
    // In microseconds, that it fits.
    if (passed > 0) { offset += passed / 1000 * rate / 1000; }
  }
  return offset;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = true_time(clock, time);
  if (result == 0 && control) {
    count(&control->clock_calls);
    int64_t added = shift(clock);
    if (added != 0) { set_nanoseconds(time, nanoseconds(time) + added); }
  }
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) { *result = now.tv_sec; }
  return now.tv_sec;
}

// What waits for a time of a clock that is wrong waits for the true one of the same name.

int clock_nanosleep(
    clockid_t clock, int flags, const struct timespec *wanted, struct timespec *rest) {
  REAL(clock_nanosleep)
  struct timespec moved = *wanted;
  if (flags & TIMER_ABSTIME) { set_nanoseconds(&moved, nanoseconds(wanted) - shift(clock)); }
  return real(clock, flags, &moved, rest);
}

int timerfd_settime(
    int fd, int flags, const struct itimerspec *wanted, struct itimerspec *before) {
  REAL(timerfd_settime)
  struct itimerspec moved = *wanted;
  // Which clock it was made with is not asked: those that cannot be set are what programs wait by.
  if ((flags & TFD_TIMER_ABSTIME) && nanoseconds(&moved.it_value) != 0) {
    int64_t due = nanoseconds(&moved.it_value) - shift(CLOCK_MONOTONIC);
    set_nanoseconds(&moved.it_value, due > 0 ? due : 1);
  }
  return real(fd, flags, &moved, before);
}

// Files.

// The path of an open regular file in the data folder; false for any other.
static bool counts(int fd, char *path, size_t capacity) {
  if (!control || !data_folder) { return false; }
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, capacity - 1);
  if (length <= 0) { return false; }
  path[length] = 0;
  size_t prefix = strlen(data_folder);
  if (strncmp(path, data_folder, prefix) != 0 || path[prefix] != '/') { return false; }
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

__attribute__((weak)) pid_t shim_victim(void) { return getpid(); }
__attribute__((weak)) bool shim_is_interrupted(void) { return false; }

void shim_note_mount(int change) {
  if (control) { __atomic_fetch_add(&control->mounts, (uint64_t)(int64_t)change, __ATOMIC_RELAXED); }
}

// Ends the process when nothing is left of the number; true when that is another's, whose call is not to
// take effect any more.
static bool dies(int64_t *left) {
  if (get_signed(left) <= 0) { return false; }
  pid_t victim = shim_victim();
  // What the kernel asks for by itself is nobody's call.
  if (victim <= 0 || __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) != 0) { return false; }
  kill(victim, SIGKILL);
  if (victim == getpid()) { pause(); }
  errno = EIO;
  return true;
}

static bool fails(const int32_t *field) {
  int error = __atomic_load_n(field, __ATOMIC_RELAXED);
  if (error == 0) { return false; }
  count(&control->errors_given);
  errno = error;
  return true;
}

static void put(const void *bytes, size_t length) {
  const char *rest = bytes;
  while (length > 0) {
    ssize_t done = (ssize_t)syscall(SYS_write, journal, rest, length);
    if (done < 0 && errno == EINTR) { continue; }
    // A journal that cannot be kept says less than it might, which is safe.
    if (done <= 0) { return; }
    rest += done;
    length -= (size_t)done;
  }
}

static void note(uint32_t kind, const char *path, int fd, off_t offset, size_t length) {
  struct shim_record record = {
    .kind = kind, .path_length = (uint32_t)strlen(path), .offset = (uint64_t)offset,
    .length = length};
  char *old = NULL;
  if (kind == SHIM_WRITE) {
    struct stat status;
    if (fstat(fd, &status) < 0) { return; }
    record.old_size = (uint64_t)status.st_size;
    if (offset < status.st_size) {
      size_t there = (size_t)(status.st_size - offset);
      size_t wanted = length < there ? length : there;
      old = malloc(wanted);
      // A file that was opened for writing alone is read by another way.
      char link[32];
      snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
      int reading = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
      ssize_t got =
        old && reading >= 0 ? (ssize_t)syscall(SYS_pread64, reading, old, wanted, offset) : -1;
      if (reading >= 0) { syscall(SYS_close, reading); }
      record.old_length = got > 0 ? (uint64_t)got : 0;
    }
  }
  put(&record, sizeof record);
  put(path, record.path_length);
  if (record.old_length > 0) { put(old, record.old_length); }
  free(old);
}

static void keep(uint32_t kind, const char *path, int fd, off_t offset, size_t length) {
  if (journal < 0) { return; }
  pthread_mutex_lock(&journal_lock);
  note(kind, path, fd, offset, length);
  pthread_mutex_unlock(&journal_lock);
}

// Before a write of `length` bytes: -1 with errno when it is to fail.
static int before_write(int fd, bool is_positioned, off_t offset, size_t length) {
  char path[4096];
  int kept = errno;
  if (!counts(fd, path, sizeof path)) {
    errno = kept;
    return 0;
  }
  count(&control->write_calls);
  if (fails(&control->write_error)) { return -1; }
  // Before it takes effect, as a machine that stops.
  if (dies(&control->kill_after_writes)) { return -1; }
  if (!is_positioned) {
    int flags = fcntl(fd, F_GETFL);
    struct stat status;
    offset = flags >= 0 && (flags & O_APPEND) && fstat(fd, &status) == 0
      ? status.st_size : lseek(fd, 0, SEEK_CUR);
  }
  keep(SHIM_WRITE, path, fd, offset, length);
  errno = kept;
  return 0;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write)
  if (before_write(fd, false, 0, length) < 0) { return -1; }
  return real(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  REAL(pwrite)
  if (before_write(fd, true, offset, length) < 0) { return -1; }
  return real(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  REAL(pwrite64)
  if (before_write(fd, true, offset, length) < 0) { return -1; }
  return real(fd, bytes, length, offset);
}

static size_t total(const struct iovec *parts, int count) {
  size_t length = 0;
  for (int i = 0; i < count; i++) { length += parts[i].iov_len; }
  return length;
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
  REAL(writev)
  if (before_write(fd, false, 0, total(parts, number)) < 0) { return -1; }
  return real(fd, parts, number);
}

ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t offset) {
  REAL(pwritev)
  if (before_write(fd, true, offset, total(parts, number)) < 0) { return -1; }
  return real(fd, parts, number, offset);
}

// Before a read: whether it is to fail. Which file it is of is only asked when some are to.
static bool read_fails(int fd) {
  if (!control || __atomic_load_n(&control->read_error, __ATOMIC_RELAXED) == 0) { return false; }
  char path[4096];
  int kept = errno;
  bool is_file = counts(fd, path, sizeof path);
  errno = kept;
  return is_file && fails(&control->read_error);
}

ssize_t read(int fd, void *bytes, size_t length) {
  REAL(read)
  return read_fails(fd) ? -1 : real(fd, bytes, length);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
  REAL(pread)
  return read_fails(fd) ? -1 : real(fd, bytes, length, offset);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  REAL(pread64)
  return read_fails(fd) ? -1 : real(fd, bytes, length, offset);
}

ssize_t readv(int fd, const struct iovec *parts, int number) {
  REAL(readv)
  return read_fails(fd) ? -1 : real(fd, parts, number);
}

ssize_t preadv(int fd, const struct iovec *parts, int number, off_t offset) {
  REAL(preadv)
  return read_fails(fd) ? -1 : real(fd, parts, number, offset);
}

// Shared by fsync and fdatasync: what `sync` returns, unless it is to fail.
static int synced(int fd, int (*sync)(int)) {
  char path[4096];
  int kept = errno;
  bool is_file = counts(fd, path, sizeof path);
  errno = kept;
  if (!is_file) { return sync(fd); }
  count(&control->sync_calls);
  uint64_t delay = get(&control->sync_delay);
  // In steps: the end of the fault is to end it.
  for (uint64_t slept = 0; slept < delay && get(&control->sync_delay) != 0; slept += 10000000) {
    struct timespec step = {.tv_nsec = 10000000};
    syscall(SYS_nanosleep, &step, NULL);
    if (shim_is_interrupted()) {
      errno = EINTR;
      return -1;
    }
  }
  if (delay > 0) { count(&control->delays_given); }
  if (fails(&control->sync_error)) {
    keep(SHIM_SYNC_FAILED, path, fd, 0, 0);
    errno = __atomic_load_n(&control->sync_error, __ATOMIC_RELAXED);
    return -1;
  }
  // Before it takes effect: what it is to make durable is lost.
  if (dies(&control->kill_after_syncs)) { return -1; }
  static uint64_t syncs;
  off_t number = (off_t)__atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
  keep(SHIM_SYNC_BEGINS, path, fd, number, 0);
  int result = sync(fd);
  if (result == 0) {
    keep(SHIM_SYNCED, path, fd, number, 0);
  }
  return result;
}

int fsync(int fd) {
  REAL(fsync)
  return synced(fd, real);
}

int fdatasync(int fd) {
  REAL(fdatasync)
  return synced(fd, real);
}
