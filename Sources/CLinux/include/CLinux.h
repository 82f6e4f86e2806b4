// The system calls that Swift's C library module leaves out: namespaces, pidfds, and the
// children that live between fork and exec. Here: what can only be said in C. Not here:
// policy, messages and retries, which are Swift's (target `Hosts`).
#ifndef CLINUX_H
#define CLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// The step of starting a lab at which it failed; errno says why.
enum cl_lab_step {
  CL_LAB_PIPES = 1,
  CL_LAB_CLONE,
  CL_LAB_USER_MAP,
  CL_LAB_SESSION,
  CL_LAB_PRIVATE_MOUNTS,
  CL_LAB_PROC,
  CL_LAB_RUN,
  CL_LAB_LOOPBACK,
  CL_LAB_FORK,
  CL_LAB_EXEC,
};

/// What `cl_lab_start` needs, all made before the clone: nothing may be allocated after it.
struct cl_lab_request {
  /// Whether a user namespace is made as well, in which the caller is root.
  bool new_user;
  /// The controller's NULL-terminated arguments and environment.
  char *_Nullable const *_Nonnull arguments;
  char *_Nullable const *_Nonnull environment;
  /// Where the identity of the pid namespace is written before the controller executes; points
  /// into a string of `environment`, with `marker_capacity` bytes of room.
  char *_Nonnull marker;
  size_t marker_capacity;
};

/// A lab that runs, seen from outside.
struct cl_lab {
  /// Process 1 of the lab.
  pid_t init;
  /// The step that failed, or 0.
  int failed_step;
};

/// Starts a lab: process 1 in namespaces of its own, and under it /proc/self/exe once more as
/// the controller. On success SIGINT, SIGTERM, SIGHUP and SIGCHLD stay blocked in the caller,
/// for `cl_lab_wait`, and the lab lives no longer than the caller does, however it ends.
/// Returns 0, or -1 with errno and `failed_step` set and nothing left behind.
int cl_lab_start(const struct cl_lab_request *_Nonnull request, struct cl_lab *_Nonnull lab);

/// Forwards signals to process 1 until the lab has ended. Returns the controller's exit code;
/// 128 + n for signal n. When it returns, every process of the lab is gone.
int cl_lab_wait(pid_t init);

/// Writes what readlink says of this process's pid namespace, NUL-terminated. 0, or -1 and errno.
int cl_pid_namespace(char *_Nonnull buffer, size_t capacity);

/// The step of `cl_enter`, or of making a socket in a namespace, at which it failed; errno says why.
enum cl_enter_step {
  CL_ENTER_OPEN = 1,
  CL_ENTER_SETNS,
  CL_ENTER_EXEC,
  CL_ENTER_SOCKET,
  CL_ENTER_CLOCKS,
};

/// Joins a network namespace, unless that is NULL, and a new one of time whose clocks that cannot be set are so
/// many seconds ahead, unless that is 0; starts a session, restores every signal's default, and executes.
/// Returns only when that failed: the step, with errno set.
int cl_enter(
    const char *_Nullable netns, long seconds_ahead, char *const _Nullable *_Nonnull arguments);

/// The name of a socket at an IPv4 or IPv6 address and a port (host order); its length, 0 when that is no
/// address.
socklen_t cl_name(
  const char *_Nonnull address, uint16_t port, struct sockaddr_storage *_Nonnull name);

/// Opens a non-blocking UDP socket inside the network namespace at `netns`, or in our own where that is NULL,
/// bound to `address` (IPv4 or IPv6) and `port` (host order); where that is 0, to a free one, which is stored.
/// The calling thread is back in its own namespace when this returns; if it can't go back the process aborts,
/// since the thread would serve other tasks from the wrong network. Returns the descriptor, or -1 with errno
/// and `failed_step` set.
int cl_udp_socket_in(
  const char *_Nullable netns, const char *_Nonnull address, uint16_t *_Nonnull port,
  int *_Nonnull failed_step);

/// Sends a datagram to a name of `cl_name`. What sendto returns.
ssize_t cl_send(
  int fd, const void *_Nonnull bytes, size_t length, const struct sockaddr_storage *_Nonnull name,
  socklen_t name_length);

/// A packet that waits in a queue for its verdict.
struct cl_packet {
  /// What its verdict names.
  uint32_t id;
  /// Its bytes from the network layer's header on, as many as are captured of its `length`.
  const uint8_t *_Nullable bytes;
  uint32_t captured;
  uint32_t length;
};

/// Becomes the one that decides on the packets which rules send to the queue `number` (NFQUEUE) of the
/// network namespace at `netns`, NULL for our own. `kept` bytes of each are handed over; at most `longest`
/// packets wait. Nobody decides any more once the descriptor is closed: what waits is dropped then.
/// Returns a non-blocking descriptor, or -1 with errno and `failed_step` set.
int cl_queue_open(
  const char *_Nullable netns, uint16_t number, uint32_t kept, uint32_t longest,
  int *_Nonnull failed_step);

/// Waits until a packet is there, so many nanoseconds have passed, or `stop` can be read: then true.
bool cl_queue_wait(int queue, int stop, uint64_t nanoseconds);

/// Takes what waits, `capacity` packets at most, each of whose messages has `slot` bytes of `buffer`, to
/// which they point until the next call. How many they are; 0 when none waits; -1 and errno.
int cl_queue_receive(
  int queue, struct cl_packet *_Nonnull packets, int capacity, uint8_t *_Nonnull buffer,
  size_t slot);

/// Lets `count` packets of the queue `number` go on, or drops them. 0, or -1 and errno.
int cl_queue_decide(
  int queue, uint16_t number, const uint32_t *_Nonnull ids, int count, bool accepted);

/// Lets go on all packets of the queue that came no later than `id`: one message for many. 0, or -1 and errno.
int cl_queue_accept_through(int queue, uint16_t number, uint32_t id);

/// Lets a packet go on with other bytes. 0, or -1 and errno.
int cl_queue_replace(
  int queue, uint16_t number, uint32_t id, const uint8_t *_Nonnull bytes, size_t length);

/// Opens a socket in the namespace at `netns`, NULL for our own, from which whole packets of
/// this version of IP, 4 or 6, are sent that carry `mark`. A descriptor, or -1 with errno and `failed_step` set.
int cl_packet_socket(
  const char *_Nullable netns, int version, uint32_t mark, int *_Nonnull failed_step);

/// Sends a whole packet of the socket's version to the address in its header. 0, or -1 and errno.
int cl_packet_send(int fd, const uint8_t *_Nonnull bytes, size_t length);

/// How a child ended.
struct cl_exit {
  /// Whether it has ended; the rest means nothing before.
  bool ended;
  /// Whether a signal ended it.
  bool signalled;
  /// Whether it left a core dump.
  bool core_dumped;
  /// The exit code or the signal's number.
  int code;
  /// Processor time that it and its children took, in nanoseconds.
  int64_t processor_nanoseconds;
};

/// Looks at how the child behind a pidfd ended without reaping it. 0, or -1 and errno.
int cl_peek_exit(int pidfd, struct cl_exit *_Nonnull result);

/// Sends a signal to the process behind a pidfd, never to one that got its number. 0, or -1 and
/// errno.
int cl_pidfd_signal(int pidfd, int signal);

/// Whether this process may start another whose clocks that cannot be set are ahead, tried in a child that ends
/// at once: 0, or what errno said.
int cl_try_clocks(void);

/// Moves the calling thread, and those that it starts, to a new network namespace. 0, or -1 and
/// errno.
int cl_new_network(void);

/// Unmounts what is mounted at `path`, though somebody may still use it. 0, or -1 and errno.
int cl_unmount(const char *_Nonnull path);

/// A descriptor that stands for a process. -1 and errno where it is gone, or the kernel too old.
int cl_pidfd_open(pid_t pid);

/// Takes a table of nftables away, with all that is in it. 0, or -1 and errno.
int cl_delete_table(bool ipv6, const char *_Nonnull name);

/// Makes a pipe whose ends no program inherits: the reading one first. 0, or -1 and errno.
int cl_pipe(int *_Nonnull ends);

/// What `cl_spawn` starts. Nothing of it is interpreted by a shell.
struct cl_spawn_request {
  /// The program, looked up in PATH, and its arguments; NULL-terminated.
  char *_Nullable const *_Nonnull arguments;
  /// Its environment; NULL-terminated.
  char *_Nullable const *_Nonnull environment;
  /// Where it starts; NULL for where we are.
  const char *_Nullable directory;
  /// Its standard input, output and error: -1 for /dev/null.
  int input;
  int output;
  int errors;
  /// Whether it is killed when the thread that starts it ends.
  bool dies_with_parent;
};

/// Starts a program in a session of its own, with every signal at its default. To be called by a
/// process of one thread only. Returns its number, with a descriptor that stands for it in `pidfd`;
/// or -1 with errno, also when the program could not be executed.
pid_t cl_spawn(const struct cl_spawn_request *_Nonnull request, int *_Nonnull pidfd);

/// Takes the dead child behind a pidfd off the process table. 0, or -1 and errno.
int cl_reap(int pidfd);

/// Makes this process the parent of all below it whose own parents ended. 0, or -1 and errno.
int cl_become_subreaper(void);

/// Reaps children that came to us by their parents' ends, but for those whose numbers are among the
/// `count` of `own`.
void cl_reap_others(const pid_t *_Nullable own, size_t count);

#endif
