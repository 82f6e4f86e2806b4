// Sockets made inside another network namespace. Shared by the files of this target alone.
#ifndef CLINUX_NAMESPACE_H
#define CLINUX_NAMESPACE_H

/// What `make` returns, called inside the network namespace at `netns`, NULL for our own: a descriptor,
/// or -1 with errno. The calling thread is back in its own namespace when this returns; if it can't go
/// back the process aborts, since the thread would serve other tasks from the wrong network.
int cl_made_in(const char *netns, int (*make)(void *context), void *context, int *failed_step);

#endif
