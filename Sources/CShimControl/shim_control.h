// What a shim in a node's process and whoever steers it share: a page of memory in a file.
#ifndef SHIM_CONTROL_H
#define SHIM_CONTROL_H

#include <stdint.h>

/// The file is so long.
enum { SHIM_CONTROL_SIZE = 4096 };

/// "gauntlet" as eight bytes.
#define SHIM_MAGIC 0x67617569746c6574ULL

/// The page. Each field is read and written whole; those of the clock change together between two odd
/// generations.
struct shim_control {
  uint64_t magic;
  /// Odd while the clock's fields change.
  uint64_t generation;
  /// Added to the clocks, in nanoseconds: to those that can be set, and to those that cannot.
  int64_t realtime_offset;
  int64_t monotonic_offset;
  /// From `rate_since` (nanoseconds of the true monotonic clock) on, so many millionths of what passes
  /// are added as well; negative for a clock that is slow.
  int64_t rate_millionths;
  int64_t rate_since;
  /// Every `strobe_period` nanoseconds what is added to the clocks that can be set changes between
  /// `strobe_amplitude` and as much less; a period of 0 for never.
  int64_t strobe_amplitude;
  int64_t strobe_period;
  /// What fsync and fdatasync fail with; 0 for nothing.
  int32_t sync_error;
  /// What writes to files fail with; 0 for nothing.
  int32_t write_error;
  /// What reads of files fail with; 0 for nothing.
  int32_t read_error;
  int32_t unused;
  /// So long fsync and fdatasync take longer, in nanoseconds.
  uint64_t sync_delay;
  /// The process kills itself at this many syncs from now, before it takes effect; 0 for never.
  int64_t kill_after_syncs;
  /// The same at this many writes to files from now.
  int64_t kill_after_writes;
  /// Calls that went through the shim since the process began: proof that it is there.
  uint64_t clock_calls;
  uint64_t sync_calls;
  uint64_t write_calls;
  /// Calls that it let fail, delayed, or answered with another time.
  uint64_t errors_given;
  uint64_t delays_given;
  /// File systems that stand for the folder now.
  uint64_t mounts;
};

/// A record of the journal of what is not synced; `path_length` bytes of a path and `old_length` of what
/// was there before follow. Written before the write.
struct shim_record {
  /// SHIM_WRITE, SHIM_SYNC_BEGINS, SHIM_SYNCED or SHIM_SYNC_FAILED.
  uint32_t kind;
  uint32_t path_length;
  /// Where the write goes; of a sync its number, since others may write and sync meanwhile.
  uint64_t offset;
  /// How much is written.
  uint64_t length;
  uint64_t old_size;
  uint64_t old_length;
};

enum { SHIM_WRITE = 1, SHIM_SYNC_BEGINS = 2, SHIM_SYNCED = 3, SHIM_SYNC_FAILED = 4 };

#endif
