// Processes that a campaign starts: runs, each on its own, so that what one uses is given back when it ends
// and what ends it ends nothing else; and what builds are made with.

import Bench
import Dispatch
import FoundationEssentials
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// How we hold a run that goes on: it ends early when asked, and at once when we end, however we do.
///
/// Through its standard input: a byte asks it to end in order, and the end of the input, which the kernel
/// brings about whatever happens to us, ends it at once. A signal would need its number, and a parent's
/// death signal is sent when the *thread* that started it ends.
public final class Leash: Sendable {
  private let descriptor: Mutex<CInt>
  let reader: FileDescriptor

  init() throws(BenchError) {
    var ends: [CInt] = [-1, -1]
    // Closed in whatever is started: a run that held another's end would keep it alive.
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw BenchError("a socket pair: \(String(cString: strerror(errno)))")
    }
    reader = FileDescriptor(rawValue: ends[0])
    descriptor = Mutex(ends[1])
  }

  /// Asks the run to end in order.
  func pull() {
    descriptor.withLock { descriptor in
      var byte: UInt8 = 0x69
      // A run that has ended does not read it.
      if descriptor >= 0 { _ = send(descriptor, &byte, 1, CInt(MSG_NOSIGNAL)) }
    }
  }

  /// Lets go; ends the run if it has not ended.
  func release() {
    descriptor.withLock { descriptor in
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
    }
  }

  deinit { release() }

  /// In the run: does as whoever holds the other end asks. In a lab nothing outlives us, so that the end of
  /// the input ends us at once; machines are healed first.
  public static func obey(_ interruption: Interruption, isLab: Bool) {
    // A thread of its own: it blocks for as long as the run goes on.
    DispatchQueue(label: "gauntlet.leash").async {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count > 0 || !isLab { interruption.raise() }
        if count == 0 || (count < 0 && errno != EINTR) {
          if isLab { exit(130) }
          return
        }
      }
    }
  }
}

/// A program with these arguments, which appends what it says to `log`.
struct ChildProcess {
  var program: String
  var arguments: [String]
  var directory: String?
  var environment: [String: String] = [:]
  var log: String
  /// After so long it is killed, with all that it started.
  var limit: Duration

  /// Runs it to its end on what holds it; returns its exit code, nil when it was killed or took too long.
  ///
  /// - Throws: `BenchError` when it cannot be started.
  func run(on leash: Leash) async throws -> Int32? {
    defer { leash.release() }
    return try await run(reading: leash.reader)
  }

  /// Runs it to its end, with `input`, which is closed.
  ///
  /// - Throws: `BenchError` when it cannot be started.
  func run(reading input: FileDescriptor? = nil) async throws -> Int32? {
    let file: FileDescriptor
    let reader: FileDescriptor
    do {
      file = try FileDescriptor.open(
        FilePath(log), .writeOnly, options: [.append, .create, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      reader = try input ?? FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
    } catch {
      throw BenchError("\(log): \(error); make room")
    }
    var options = PlatformOptions()
    // A Ctrl-C is for us, who pass it on once.
    options.createSession = true
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
    ]
    let configuration = Subprocess.Configuration(
      executable: program.contains("/") ? .path(FilePath(program)) : .name(program),
      arguments: Arguments(arguments),
      environment: .inherit.updating(
        Dictionary(
          uniqueKeysWithValues: environment.map { (.init(stringLiteral: $0), Optional($1)) })),
      workingDirectory: directory.map { FilePath($0) },
      platformOptions: options)
    return try await withThrowingTaskGroup(of: Int32?.self) { group in
      group.addTask {
        let result = try await Subprocess.run(
          configuration, input: .fileDescriptor(reader, closeAfterSpawningProcess: true),
          output: .fileDescriptor(file, closeAfterSpawningProcess: true),
          error: .combinedWithOutput)
        if case .exited(let code) = result.terminationStatus { return code }
        return nil
      }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }

  /// The same, but ends it, with all that it started, when somebody interrupts.
  ///
  /// - Throws: `CancellationError` then.
  func run(
    reading input: FileDescriptor? = nil, unless interruption: Interruption
  ) async throws -> Int32? {
    try await withThrowingTaskGroup(of: Int32?.self) { group in
      group.addTask { try await run(reading: input) }
      group.addTask {
        await interruption.wait()
        throw CancellationError()
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }

  /// The last line that it said; nil for none.
  var lastLine: String? {
    guard let data = FileManager.default.contents(atPath: log) else { return nil }
    return String(decoding: data.suffix(2000), as: UTF8.self).split(separator: "\n").last
      .map(String.init)
  }
}
