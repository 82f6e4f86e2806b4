// Steering the shim in a node's process: faults of its disk and its clocks.

import CShimControl
import FoundationEssentials
import Glibc
import Synchronization

/// The page that a shim in a node's process reads, and what the node's writes may lose.
///
/// The shim (`libgauntlet-shim.so`) stands in for functions of the C library. A process that is static, or
/// makes its system calls itself as Go's do, never calls it: `calls` tells.
public final class Shim: Sendable {
  /// Calls that went through the shim.
  public struct Calls: Equatable, Sendable, Codable {
    /// Of the time.
    public var clock: UInt64
    /// Of fsync and fdatasync, on the node's files.
    public var sync: UInt64
    /// Of writes to the node's files.
    public var write: UInt64
    /// Those that were let fail.
    public var failed: UInt64
    /// Syncs that were delayed.
    public var delayed: UInt64
    /// File systems that stand for the node's folder now.
    public var mounts: UInt64

    /// Whether anything was called at all.
    public var isEmpty: Bool { clock == 0 && sync == 0 && write == 0 }
  }

  private let page: Mutex<Page>
  private let variables: [String: String]
  private let journal: String
  private let host: String

  /// Sound to send: the pointer is used under the lock alone, and the page stays mapped as long as this
  /// lives. What the shims change in it meanwhile are single words, by atomic operations.
  private struct Page: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<shim_control>
  }

  /// Where the library lies: beside the running executable.
  ///
  /// - Throws: `HostError.noShim` when it is not there.
  public static func library() throws(HostError) -> String {
    let path = OwnProgram.sibling("libgauntlet-shim.so")
    guard access(path, R_OK) == 0 else { throw .noShim(path: path) }
    return path
  }

  /// A page in `folder`, for a process whose files lie in `data`; nothing is wrong yet. `library` is where
  /// the shim lies.
  ///
  /// - Throws: `HostError.log` when it can't be written.
  public init(
    folder: String, data: String, host: String, library: String
  ) throws(HostError) {
    self.host = host
    // As the kernel names open files.
    let resolved = realpath(data, nil)
    defer { free(resolved) }
    let data = resolved.map { String(cString: $0) } ?? data
    let folder = URL(filePath: folder).path
    let path = "\(folder)/shim"
    journal = "\(folder)/unsynced"
    variables = [
      "LD_PRELOAD": library, "GAUNTLET_SHIM": path, "GAUNTLET_SHIM_DATA": data,
      "GAUNTLET_SHIM_JOURNAL": journal,
    ]
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0, ftruncate(file, off_t(SHIM_CONTROL_SIZE)) == 0,
      let page = mmap(
        nil, Int(SHIM_CONTROL_SIZE), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      page != MAP_FAILED
    else {
      let reason = String(cString: strerror(errno))
      if file >= 0 { close(file) }
      throw .log(host: host, path: path, reason: reason)
    }
    close(file)
    let pointer = page.bindMemory(to: shim_control.self, capacity: 1)
    pointer.pointee = shim_control()
    pointer.pointee.magic = SHIM_MAGIC
    self.page = Mutex(Page(pointer: pointer))
  }

  deinit {
    page.withLock { _ = munmap($0.pointer, Int(SHIM_CONTROL_SIZE)) }
  }

  /// What a process's environment must say for the shim to be in it. To be called before each process,
  /// when the one before has ended.
  public func prepare() -> [String: String] {
    UnsyncedJournal(path: journal).trim()
    return variables
  }

  /// What went through it since the page was made.
  public var calls: Calls {
    page.withLock {
      let page = $0.pointer.pointee
      return Calls(
        clock: page.clock_calls, sync: page.sync_calls, write: page.write_calls,
        failed: page.errors_given, delayed: page.delays_given, mounts: page.mounts)
    }
  }

  /// What fsync and fdatasync, writes and reads of files fail with: an errno, 0 for nothing.
  public func fail(syncs: Int32 = 0, writes: Int32 = 0, reads: Int32 = 0) {
    page.withLock {
      $0.pointer.pointee.read_error = reads
      $0.pointer.pointee.sync_error = syncs
      $0.pointer.pointee.write_error = writes
    }
  }

  /// So much longer fsync and fdatasync take.
  public func stallSyncs(_ time: Duration) {
    page.withLock { $0.pointer.pointee.sync_delay = UInt64(max(0, time / .nanoseconds(1))) }
  }

  /// The process ends itself after so many more syncs; 0 for never.
  public func kill(afterSyncs count: Int) {
    page.withLock { $0.pointer.pointee.kill_after_syncs = Int64(count) }
  }

  /// The process ends itself at so many writes from now, before that one; 0 for never.
  public func kill(atWrite count: Int) {
    page.withLock { $0.pointer.pointee.kill_after_writes = Int64(count) }
  }

  /// Sets the clock that can be set so far off, from now on.
  public func setRealTime(off time: Duration) {
    page.withLock { page in
      Self.change(page) { $0.pointee.realtime_offset = Int64(time / .nanoseconds(1)) }
    }
  }

  /// Lets the clock that can be set jump back and forth by `amplitude` each `period`, zero for never.
  public func strobeRealTime(by amplitude: Duration, each period: Duration) {
    page.withLock { page in
      Self.change(page) {
        $0.pointee.strobe_amplitude = Int64(amplitude / .nanoseconds(1))
        $0.pointee.strobe_period = Int64(period / .nanoseconds(1))
      }
    }
  }

  /// Lets all clocks go so many times as fast, from now on. What the clock that cannot be set has gone
  /// ahead or fallen behind stays: it never jumps.
  public func setRate(_ rate: Double) {
    page.withLock { page in
      Self.change(page) { pointer in
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        let passed = now - pointer.pointee.rate_since
        pointer.pointee.monotonic_offset += passed / 1000 * pointer.pointee.rate_millionths / 1000
        pointer.pointee.rate_since = now
        pointer.pointee.rate_millionths = Int64(((rate - 1) * 1_000_000).rounded())
      }
    }
  }

  /// Between two odd generations, so that nobody takes half of it.
  private static func change(
    _ page: Page, _ body: (UnsafeMutablePointer<shim_control>) -> Void
  ) {
    page.pointer.pointee.generation += 1
    atomicMemoryFence()
    body(page.pointer)
    atomicMemoryFence()
    page.pointer.pointee.generation += 1
  }

  private static func atomicMemoryFence() {
    Synchronization.atomicMemoryFence(ordering: .sequentiallyConsistent)
  }

  /// Whether syncs are told to fail.
  public var failsSyncs: Bool { page.withLock { $0.pointer.pointee.sync_error != 0 } }

  /// Takes back what the process, which has ended, wrote and did not sync: what a loss of power may
  /// take.
  ///
  /// - Parameter kept: how much of it stays, from 0 to 1, in the order in which it was written; the
  ///   write in which that ends stays in part.
  /// - Returns: how many files and bytes of them are taken.
  /// - Throws: `HostError.log` when a file can't be written.
  public func loseUnsynced(
    keeping kept: Double = 0
  ) throws(HostError) -> (files: Int, bytes: Int) {
    do throws(LedgerError) {
      return try UnsyncedJournal(path: journal).undo(keeping: kept)
    } catch {
      throw .log(host: host, path: journal, reason: error.description)
    }
  }
}
