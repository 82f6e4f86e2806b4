// One process and its namespace: joining one, sockets inside one, pidfds.
#define _GNU_SOURCE
#include "CLinux.h"
#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

// The clocks that cannot be set go on so many seconds ahead for this process, and whom it starts.
static int shift_clocks(long seconds) {
  if (unshare(CLONE_NEWTIME) < 0) { return -1; }
  char text[64];
  int length = snprintf(text, sizeof text, "monotonic %ld 0\nboottime %ld 0\n", seconds, seconds);
  int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  if (offsets < 0) { return -1; }
  ssize_t written = write(offsets, text, (size_t)length);
  close(offsets);
  if (written != length) { return -1; }
  int space = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  if (space < 0) { return -1; }
  int result = setns(space, CLONE_NEWTIME);
  close(space);
  return result;
}

int cl_enter(const char *netns, long seconds_ahead, char *const *arguments) {
  if (netns) {
    int fd = open(netns, O_RDONLY | O_CLOEXEC);
    if (fd < 0) { return CL_ENTER_OPEN; }
    if (setns(fd, CLONE_NEWNET) < 0) { return CL_ENTER_SETNS; }
  }
  if (seconds_ahead != 0 && shift_clocks(seconds_ahead) < 0) { return CL_ENTER_CLOCKS; }
  // Fails only for the leader of a process group: one that has a session already, or a job that
  // a shell started by hand, where it doesn't matter.
  setsid();
  // What was ignored stays ignored over an exec, and a controller with NIO in it ignores SIGPIPE.
  for (int number = 1; number < NSIG; number++) { signal(number, SIG_DFL); }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execvp(arguments[0], arguments);
  return CL_ENTER_EXEC;
}

int cl_made_in(const char *netns, int (*make)(void *context), void *context, int *failed_step) {
  *failed_step = CL_ENTER_SOCKET;
  if (!netns) { return make(context); }
  *failed_step = CL_ENTER_OPEN;
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) { return -1; }
  int node = open(netns, O_RDONLY | O_CLOEXEC);
  int result = -1;
  int error = errno;
  if (node >= 0) {
    *failed_step = CL_ENTER_SETNS;
    if (setns(node, CLONE_NEWNET) < 0) {
      error = errno;
    } else {
      *failed_step = CL_ENTER_SOCKET;
      result = make(context);
      error = errno;
      if (setns(home, CLONE_NEWNET) < 0) { abort(); }
    }
    close(node);
  }
  close(home);
  errno = error;
  return result;
}

socklen_t cl_name(const char *address, uint16_t port, struct sockaddr_storage *name) {
  memset(name, 0, sizeof *name);
  struct sockaddr_in *four = (struct sockaddr_in *)name;
  if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    return sizeof *four;
  }
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)name;
  if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return sizeof *six;
  }
  return 0;
}

struct bound {
  const char *address;
  uint16_t *port;
};

static int bound_socket(void *context) {
  struct bound *bound = context;
  struct sockaddr_storage name;
  socklen_t length = cl_name(bound->address, *bound->port, &name);
  if (length == 0) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) { return -1; }
  if (bind(fd, (struct sockaddr *)&name, length) < 0
      || getsockname(fd, (struct sockaddr *)&name, &length) < 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  *bound->port = ntohs(
      name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                 : ((struct sockaddr_in *)&name)->sin_port);
  return fd;
}

int cl_udp_socket_in(const char *netns, const char *address, uint16_t *port, int *failed_step) {
  struct bound bound = {.address = address, .port = port};
  return cl_made_in(netns, bound_socket, &bound, failed_step);
}

ssize_t cl_send(
    int fd, const void *bytes, size_t length, const struct sockaddr_storage *name,
    socklen_t name_length) {
  return sendto(fd, bytes, length, 0, (const struct sockaddr *)name, name_length);
}

int cl_try_clocks(void) {
  pid_t child = fork();
  if (child < 0) { return errno; }
  if (child == 0) { _exit(shift_clocks(1) == 0 ? 0 : errno); }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) { return errno; }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int cl_new_network(void) { return unshare(CLONE_NEWNET); }

static int64_t nanoseconds(struct timeval time) {
  return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

int cl_peek_exit(int pidfd, struct cl_exit *result) {
  siginfo_t info = {0};
  struct rusage usage = {0};
  long outcome;
  do {
    // The system call itself: the library's function does not pass on what the process used.
    outcome = syscall(
        SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | WNOWAIT, &usage);
  } while (outcome < 0 && errno == EINTR);
  if (outcome < 0) { return -1; }
  *result = (struct cl_exit){
    .ended = info.si_pid != 0,
    .signalled = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED,
    .core_dumped = info.si_code == CLD_DUMPED,
    .code = info.si_status,
    .processor_nanoseconds = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime),
  };
  return 0;
}

int cl_pidfd_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int cl_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int cl_unmount(const char *path) { return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW); }
