// libssh2, and what its macros keep from Swift.

#include <errno.h>
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <stdint.h>
#include <sys/socket.h>

// Reads for a session, and counts in what its abstract pointer leads to: only who knows that bytes
// came knows that others, which wait for them, must look again.
static inline ssize_t cl_receive(
    libssh2_socket_t socket, void *buffer, size_t length, int flags, void **abstract) {
  ssize_t count = recv(socket, buffer, length, flags);
  if (count < 0) return -errno;
  if (abstract && *abstract) *(uint64_t *)*abstract += (uint64_t)count;
  return count;
}

// A session that counts the bytes it receives in `received`, which must outlive it.
static inline LIBSSH2_SESSION *cl_session(uint64_t *received) {
  LIBSSH2_SESSION *session = libssh2_session_init_ex(0, 0, 0, received);
  if (session) libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)cl_receive);
  return session;
}
