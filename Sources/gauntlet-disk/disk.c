// A file system that stands for a node's folder: everything goes through to the folder, by the functions of
// the shim, which is linked in. For programs that call no C library, as Go's and static ones, so that no
// shim can be preloaded into them.
//
//   gauntlet-disk FOLDER MOUNTPOINT     in the foreground, until SIGTERM, which unmounts it
//
// The environment is the shim's (CShim/shim.c), with FOLDER as the folder whose files count.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CShim.h>

static const char *folder;

// What the shim asks.

// Who asked for the sync that is the last: its number is a thread's, which stands for its process.
pid_t shim_victim(void) { return fuse_get_context()->pid; }

// The one who waits for it was killed: it need not be waited for any more. Other signals interrupt too, and
// no sync fails of them on any disk.
bool shim_is_interrupted(void) {
  if (!fuse_interrupted()) { return false; }
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", fuse_get_context()->pid);
  FILE *status = fopen(path, "re");
  if (!status) { return true; }
  bool is_killed = false;
  while (!is_killed && fgets(line, sizeof line, status)) {
    unsigned long long pending = 0;
    if (sscanf(line, "SigPnd: %llx", &pending) == 1 || sscanf(line, "ShdPnd: %llx", &pending) == 1) {
      is_killed = (pending >> (SIGKILL - 1)) & 1;
    }
  }
  fclose(status);
  return is_killed;
}

// The path in the folder; an errno, negative, when it is too long.
#define INSIDE(name, path) \
  char name[PATH_MAX]; \
  if (snprintf(name, sizeof name, "%s%s", folder, path) >= (int)sizeof name) { return -ENAMETOOLONG; }

static int answer(int result) { return result < 0 ? -errno : 0; }

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  // What changes in the folder while the node is down must be seen when it comes back.
  config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
  config->kernel_cache = 0;
  config->use_ino = 1;
  config->nullpath_ok = 1;
  // A node that is killed while its sync stalls is let go: the thread that does it is sent a signal.
  config->intr = 1;
  config->intr_signal = SIGUSR1;
  shim_note_mount(1);
  return NULL;
}

static void finish(void *data) {
  (void)data;
  shim_note_mount(-1);
}

static int disk_getattr(const char *path, struct stat *status, struct fuse_file_info *file) {
  if (file) { return answer(fstat((int)file->fh, status)); }
  INSIDE(inside, path)
  return answer(lstat(inside, status));
}

static int disk_access(const char *path, int mode) {
  INSIDE(inside, path)
  return answer(access(inside, mode));
}

static int disk_readlink(const char *path, char *target, size_t capacity) {
  INSIDE(inside, path)
  ssize_t length = readlink(inside, target, capacity - 1);
  if (length < 0) { return -errno; }
  target[length] = 0;
  return 0;
}

static int disk_readdir(
    const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *file,
    enum fuse_readdir_flags flags) {
  (void)path;
  (void)offset;
  (void)flags;
  DIR *listing = (DIR *)(uintptr_t)file->fh;
  rewinddir(listing);
  struct dirent *entry;
  while ((entry = readdir(listing))) {
    struct stat status = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
    if (fill(buffer, entry->d_name, &status, 0, 0) != 0) { return -ENOMEM; }
  }
  return 0;
}

static int disk_opendir(const char *path, struct fuse_file_info *file) {
  INSIDE(inside, path)
  DIR *listing = opendir(inside);
  if (!listing) { return -errno; }
  file->fh = (uintptr_t)listing;
  return 0;
}

static int disk_releasedir(const char *path, struct fuse_file_info *file) {
  (void)path;
  return answer(closedir((DIR *)(uintptr_t)file->fh));
}

static int disk_fsyncdir(const char *path, int only_data, struct fuse_file_info *file) {
  (void)path;
  int fd = dirfd((DIR *)(uintptr_t)file->fh);
  return answer(only_data ? fdatasync(fd) : fsync(fd));
}

static int disk_mkdir(const char *path, mode_t mode) {
  INSIDE(inside, path)
  return answer(mkdir(inside, mode));
}

static int disk_mknod(const char *path, mode_t mode, dev_t device) {
  INSIDE(inside, path)
  return answer(mknod(inside, mode, device));
}

static int disk_unlink(const char *path) {
  INSIDE(inside, path)
  return answer(unlink(inside));
}

static int disk_rmdir(const char *path) {
  INSIDE(inside, path)
  return answer(rmdir(inside));
}

static int disk_symlink(const char *target, const char *path) {
  INSIDE(inside, path)
  return answer(symlink(target, inside));
}

static int disk_rename(const char *from, const char *to, unsigned flags) {
  INSIDE(old, from)
  INSIDE(new, to)
  return answer(renameat2(AT_FDCWD, old, AT_FDCWD, new, flags));
}

static int disk_link(const char *from, const char *to) {
  INSIDE(old, from)
  INSIDE(new, to)
  return answer(link(old, new));
}

static int disk_chmod(const char *path, mode_t mode, struct fuse_file_info *file) {
  if (file) { return answer(fchmod((int)file->fh, mode)); }
  INSIDE(inside, path)
  return answer(chmod(inside, mode));
}

static int disk_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *file) {
  if (file) { return answer(fchown((int)file->fh, user, group)); }
  INSIDE(inside, path)
  return answer(lchown(inside, user, group));
}

static int disk_truncate(const char *path, off_t length, struct fuse_file_info *file) {
  if (file) { return answer(ftruncate((int)file->fh, length)); }
  INSIDE(inside, path)
  return answer(truncate(inside, length));
}

static int disk_utimens(
    const char *path, const struct timespec times[2], struct fuse_file_info *file) {
  if (file) { return answer(futimens((int)file->fh, times)); }
  INSIDE(inside, path)
  return answer(utimensat(AT_FDCWD, inside, times, AT_SYMLINK_NOFOLLOW));
}

// Where each write goes the kernel says, and caches are its own affair.
static int opened(const char *inside, int flags, mode_t mode, struct fuse_file_info *file) {
  int fd = open(inside, (flags & ~(O_APPEND | O_DIRECT)) | O_CLOEXEC, mode);
  if (fd < 0) { return -errno; }
  file->fh = (uint64_t)fd;
  return 0;
}

static int disk_open(const char *path, struct fuse_file_info *file) {
  INSIDE(inside, path)
  return opened(inside, file->flags, 0, file);
}

static int disk_create(const char *path, mode_t mode, struct fuse_file_info *file) {
  INSIDE(inside, path)
  return opened(inside, file->flags | O_CREAT, mode, file);
}

static int disk_release(const char *path, struct fuse_file_info *file) {
  (void)path;
  return answer(close((int)file->fh));
}

static int disk_read(
    const char *path, char *bytes, size_t length, off_t offset, struct fuse_file_info *file) {
  (void)path;
  ssize_t count = pread((int)file->fh, bytes, length, offset);
  return count < 0 ? -errno : (int)count;
}

static int disk_write(
    const char *path, const char *bytes, size_t length, off_t offset, struct fuse_file_info *file) {
  (void)path;
  ssize_t count = pwrite((int)file->fh, bytes, length, offset);
  return count < 0 ? -errno : (int)count;
}

static int disk_fsync(const char *path, int only_data, struct fuse_file_info *file) {
  (void)path;
  return answer(only_data ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int disk_fallocate(
    const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *file) {
  (void)path;
  return answer(fallocate((int)file->fh, mode, offset, length));
}

static off_t disk_lseek(const char *path, off_t offset, int whence, struct fuse_file_info *file) {
  (void)path;
  off_t place = lseek((int)file->fh, offset, whence);
  return place < 0 ? -errno : place;
}

static int disk_statfs(const char *path, struct statvfs *status) {
  INSIDE(inside, path)
  return answer(statvfs(inside, status));
}

static const struct fuse_operations operations = {
  .init = begin, .destroy = finish, .getattr = disk_getattr, .access = disk_access,
  .readlink = disk_readlink, .readdir = disk_readdir, .opendir = disk_opendir,
  .releasedir = disk_releasedir, .fsyncdir = disk_fsyncdir, .mkdir = disk_mkdir,
  .mknod = disk_mknod, .unlink = disk_unlink, .rmdir = disk_rmdir, .symlink = disk_symlink, .rename = disk_rename,
  .link = disk_link, .chmod = disk_chmod, .chown = disk_chown, .truncate = disk_truncate,
  .utimens = disk_utimens, .open = disk_open, .create = disk_create, .release = disk_release,
  .read = disk_read, .write = disk_write, .fsync = disk_fsync, .fallocate = disk_fallocate,
  .lseek = disk_lseek, .statfs = disk_statfs,
};

// Only that a call is interrupted.
static void wake(int number) { (void)number; }

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "gauntlet-disk FOLDER MOUNTPOINT; a bench starts it\n");
    return 64;
  }
  folder = realpath(arguments[1], NULL);
  if (!folder) {
    perror(arguments[1]);
    return 1;
  }
  // Each file that a node has open is one of ours.
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  // What a node makes has the mode that it asks for.
  umask(0);
  // The library installs none for what `begin` asks for.
  struct sigaction action = {.sa_handler = wake};
  sigaction(SIGUSR1, &action, NULL);
  char *words[] = {
    arguments[0], "-f", "-o", "fsname=gauntlet-disk,default_permissions,max_threads=32", arguments[2],
    NULL};
  return fuse_main(5, words, &operations, NULL);
}
