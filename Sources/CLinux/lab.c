// The life of a lab: cloning process 1 into new namespaces, what it prepares, and its loop.
// Everything below `lab_init` runs after a raw clone, where the C library's own idea of the
// process is stale: only system calls, no allocation, no locks, no stdio.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// What pid 1 inherits. The pipes are close-on-exec, so the controller never holds an end.
struct plan {
  const struct cl_lab_request *request;
  int lifeline[2];  // the outer process alone holds [1]: end of file means that it is gone
  int go[2];        // the outer process writes one byte when the user map is in place
  int report[2];    // the lab writes a `failure`; end of file means that the controller runs
  sigset_t signals; // what pid 1 and the outer process wait for
  sigset_t before;  // the mask that the controller gets back
};

struct failure {
  int step;
  int error;
};

/// As fork, with namespaces. A stack of NULL makes the child go on in a copy of ours.
static pid_t clone_as_fork(unsigned long flags) {
  return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

static void close_pair(int pair[2]) {
  for (int i = 0; i < 2; i++) {
    if (pair[i] >= 0) { close(pair[i]); }
    pair[i] = -1;
  }
}

static int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int cl_pid_namespace(char *buffer, size_t capacity) {
  ssize_t length = readlink("/proc/self/ns/pid", buffer, capacity - 1);
  if (length < 0) { return -1; }
  buffer[length] = 0;
  return 0;
}

// MARK: inside the lab

_Noreturn static void give_up(const struct plan *plan, int step) {
  struct failure failure = {.step = step, .error = errno};
  ssize_t written = write(plan->report[1], &failure, sizeof failure);
  (void)written;  // a reader that is gone needs no report
  _exit(10);
}

static int loopback_up(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) { return -1; }
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  return result;
}

static void prepare(const struct plan *plan) {
  // A terminal's Ctrl-C goes to its foreground group: the outer process alone, which forwards it.
  if (setsid() < 0) { give_up(plan, CL_LAB_SESSION); }
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
    give_up(plan, CL_LAB_PRIVATE_MOUNTS);
  }
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount("proc", "/proc", "proc", flags, NULL) < 0) { give_up(plan, CL_LAB_PROC); }
  // `ip netns` and the lock of iptables lie in /run, where an ordinary user may not write.
  if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0) {
    give_up(plan, CL_LAB_RUN);
  }
  if (loopback_up() < 0) { give_up(plan, CL_LAB_LOOPBACK); }
  if (cl_pid_namespace(plan->request->marker, plan->request->marker_capacity) < 0) {
    give_up(plan, CL_LAB_PROC);
  }
}

/// Reaps, forwards, and ends with the controller or with the outer process. As pid 1 ends the
/// kernel kills whatever else is in the lab, and its namespaces go with the last process.
_Noreturn static void tend(const struct plan *plan, pid_t controller, int signals) {
  struct pollfd watched[2] = {
    {.fd = signals, .events = POLLIN}, {.fd = plan->lifeline[0], .events = POLLIN},
  };
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) { _exit(10); }
    if (watched[1].revents != 0) { _exit(128 + SIGKILL); }
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGINT) { kill(controller, SIGINT); }
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP) { kill(controller, SIGTERM); }
    }
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == controller) { _exit(exit_code(status)); }
    }
  }
}

_Noreturn static void lab_init(struct plan *plan) {
  close(plan->lifeline[1]);
  close(plan->go[1]);
  close(plan->report[0]);
  char byte;
  if (read(plan->go[0], &byte, 1) != 1) { _exit(10); }
  close(plan->go[0]);
  prctl(PR_SET_NAME, "gauntlet-lab");
  prepare(plan);
  int signals = signalfd(-1, &plan->signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) { give_up(plan, CL_LAB_FORK); }
  pid_t controller = clone_as_fork(0);
  if (controller < 0) { give_up(plan, CL_LAB_FORK); }
  if (controller == 0) {
    sigprocmask(SIG_SETMASK, &plan->before, NULL);
    execve("/proc/self/exe", plan->request->arguments, plan->request->environment);
    give_up(plan, CL_LAB_EXEC);
  }
  close(plan->report[1]);
  tend(plan, controller, signals);
}

// MARK: outside

static int write_file(pid_t pid, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) { return -1; }
  ssize_t written = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  errno = error;
  return written == (ssize_t)strlen(text) ? 0 : -1;
}

/// Makes the caller root inside. `setgroups` must be denied before an ordinary user may write a
/// group map (user_namespaces(7)).
static int map_user(pid_t pid, uid_t user, gid_t group) {
  char uid_map[32], gid_map[32];
  snprintf(uid_map, sizeof uid_map, "0 %u 1", (unsigned)user);
  snprintf(gid_map, sizeof gid_map, "0 %u 1", (unsigned)group);
  if (write_file(pid, "setgroups", "deny") < 0) { return -1; }
  if (write_file(pid, "uid_map", uid_map) < 0) { return -1; }
  return write_file(pid, "gid_map", gid_map);
}

/// Lets go of a lab that did not come up, and keeps errno.
static int abandon(struct plan *plan, struct cl_lab *lab, int step) {
  int error = errno;
  close_pair(plan->lifeline);
  close_pair(plan->go);
  close_pair(plan->report);
  if (lab->init > 0) {
    kill(lab->init, SIGKILL);
    while (waitpid(lab->init, NULL, 0) < 0 && errno == EINTR) {}
  }
  sigprocmask(SIG_SETMASK, &plan->before, NULL);
  lab->failed_step = step;
  errno = error;
  return -1;
}

int cl_lab_start(const struct cl_lab_request *request, struct cl_lab *lab) {
  struct plan plan = {
    .request = request, .lifeline = {-1, -1}, .go = {-1, -1}, .report = {-1, -1}};
  *lab = (struct cl_lab){0};
  sigemptyset(&plan.signals);
  sigaddset(&plan.signals, SIGINT);
  sigaddset(&plan.signals, SIGTERM);
  sigaddset(&plan.signals, SIGHUP);
  sigaddset(&plan.signals, SIGCHLD);
  // Blocked before the clone, so that no signal finds process 1 without its signalfd.
  sigprocmask(SIG_BLOCK, &plan.signals, &plan.before);
  if (pipe2(plan.lifeline, O_CLOEXEC) < 0 || pipe2(plan.go, O_CLOEXEC) < 0
      || pipe2(plan.report, O_CLOEXEC) < 0) {
    return abandon(&plan, lab, CL_LAB_PIPES);
  }
  uid_t user = geteuid();
  gid_t group = getegid();
  unsigned long flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID;
  if (request->new_user) { flags |= CLONE_NEWUSER; }
  lab->init = clone_as_fork(flags);
  if (lab->init < 0) { return abandon(&plan, lab, CL_LAB_CLONE); }
  if (lab->init == 0) { lab_init(&plan); }

  if (request->new_user && map_user(lab->init, user, group) < 0) {
    return abandon(&plan, lab, CL_LAB_USER_MAP);
  }
  close(plan.report[1]);
  plan.report[1] = -1;
  if (write(plan.go[1], "g", 1) != 1) { return abandon(&plan, lab, CL_LAB_PIPES); }
  struct failure failure;
  ssize_t length;
  do {
    length = read(plan.report[0], &failure, sizeof failure);
  } while (length < 0 && errno == EINTR);
  if (length == (ssize_t)sizeof failure) {
    errno = failure.error;
    return abandon(&plan, lab, failure.step);
  }
  // lifeline[1] stays open until this process ends, in whatever way: it is all that keeps the
  // lab alive.
  close(plan.lifeline[0]);
  close_pair(plan.go);
  close_pair(plan.report);
  return 0;
}

int cl_lab_wait(pid_t init) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGCHLD);
  for (;;) {
    int status;
    pid_t ended = waitpid(init, &status, WNOHANG);
    if (ended == init) { return exit_code(status); }
    if (ended < 0 && errno != EINTR) { return 10; }
    int signal = sigwaitinfo(&signals, NULL);
    if (signal == SIGHUP) { signal = SIGTERM; }
    if (signal == SIGINT || signal == SIGTERM) { kill(init, signal); }
  }
}
