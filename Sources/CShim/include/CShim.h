// The shim's functions stand in for those of the C library in a process that was started with it in
// LD_PRELOAD, or that has it linked into it. See CShimControl for what steers it. Here: what a program that
// has it linked into it may say to it.
#ifndef CSHIM_H
#define CSHIM_H

#include <stdbool.h>
#include <sys/types.h>

/// Whose process ends when a sync or a write is the last: its own, unless the program defines another.
pid_t shim_victim(void);

/// Whether who waits for a sync waits no more: never, unless the program says otherwise.
bool shim_is_interrupted(void);

/// Counts a file system that stands for the folder (1), or is gone (-1).
void shim_note_mount(int change);

#endif
