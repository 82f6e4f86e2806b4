// Children of a process of one thread: started, and taken off the process table.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// After the fork. Returns only when something failed, with errno.
static void become(const struct cl_spawn_request *request, pid_t parent) {
  setsid();
  if (request->dies_with_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) { return; }
    // It may have ended before we asked.
    if (getppid() != parent) { _exit(126); }
  }
  int streams[3] = {request->input, request->output, request->errors};
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) { return; }
  // Out of the way first: one of them may be a number that another is to have.
  for (int i = 0; i < 3; i++) {
    streams[i] = fcntl(streams[i] < 0 ? nothing : streams[i], F_DUPFD_CLOEXEC, 3);
    if (streams[i] < 0) { return; }
  }
  for (int i = 0; i < 3; i++) {
    if (dup2(streams[i], i) < 0) { return; }
  }
  if (request->directory && chdir(request->directory) < 0) { return; }
  for (int number = 1; number < NSIG; number++) { signal(number, SIG_DFL); }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  // Before the program is looked for: in its own PATH.
  environ = (char **)request->environment;
  execvp(request->arguments[0], request->arguments);
}

pid_t cl_spawn(const struct cl_spawn_request *request, int *pidfd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) { return -1; }
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    // The pipe must survive the streams' numbers.
    int out = fcntl(report[1], F_DUPFD_CLOEXEC, 10);
    if (out >= 0) {
      become(request, parent);
      int error = errno;
      (void)!write(out, &error, sizeof error);
    }
    _exit(127);
  }
  int error = errno;
  close(report[1]);
  if (child > 0) {
    ssize_t count;
    do {
      count = read(report[0], &error, sizeof error);
    } while (count < 0 && errno == EINTR);
    if (count == sizeof error) {
      while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
      child = -1;
    } else {
      *pidfd = (int)syscall(SYS_pidfd_open, child, 0);
      if (*pidfd < 0) {
        error = errno;
        kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        child = -1;
      } else {
        fcntl(*pidfd, F_SETFD, FD_CLOEXEC);
      }
    }
  }
  close(report[0]);
  errno = error;
  return child;
}

int cl_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

int cl_reap(int pidfd) {
  siginfo_t info = {0};
  int outcome;
  do {
    outcome = waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
  } while (outcome < 0 && errno == EINTR);
  return outcome;
}

int cl_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

void cl_reap_others(const pid_t *own, size_t count) {
  while (1) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) { return; }
    for (size_t i = 0; i < count; i++) {
      if (own[i] == info.si_pid) { return; }
    }
    waitpid(info.si_pid, NULL, WNOHANG);
  }
}
