// Children of the watchdog: a process of one thread, which blocks and awaits nothing.

import CLinux
import Glibc

/// A process that the watchdog started.
struct Child {
  let process: Int32
  /// Stands for it, whoever gets its number later.
  let descriptor: CInt

  /// Starts `command`; -1 for a stream means /dev/null.
  static func start(
    _ command: Command, input: CInt = -1, output: CInt = -1, errors: CInt = -1, diesWithUs: Bool
  ) throws(LedgerError) -> Child {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let mark = text.firstIndex(of: "=") {
        variables[String(text[..<mark])] = String(text[text.index(after: mark)...])
      }
      next += 1
    }
    // Debian leaves ip and iptables out of an ordinary user's PATH.
    variables["PATH"] = (variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") + ":/usr/sbin:/sbin"
    variables.merge(command.environment) { $1 }
    var arguments = ([command.executable] + command.arguments).map { strdup($0) } + [nil]
    var environment =
      variables.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    let directory = command.workingDirectory.map { strdup($0) } ?? nil
    defer {
      for text in arguments + environment { free(text) }
      free(directory)
    }
    var descriptor: CInt = -1
    let process = arguments.withUnsafeMutableBufferPointer { arguments in
      environment.withUnsafeMutableBufferPointer { environment in
        var request = cl_spawn_request(
          arguments: arguments.baseAddress!, environment: environment.baseAddress!,
          directory: directory, input: input, output: output, errors: errors,
          dies_with_parent: diesWithUs)
        return cl_spawn(&request, &descriptor)
      }
    }
    guard process > 0 else { throw .system("starting `\(command)`") }
    return Child(process: process, descriptor: descriptor)
  }

  /// How it ended, if it has; it stays on the process table until `reap`.
  var exit: ExitStatus? {
    var exit = cl_exit()
    guard cl_peek_exit(descriptor, &exit) == 0, exit.ended else { return nil }
    return exit.signalled ? .signalled(exit.code, coreDumped: exit.core_dumped) : .exited(exit.code)
  }

  /// Sends a signal; false when it has ended.
  func signal(_ signal: Signal) throws(LedgerError) -> Bool {
    if exit != nil { return false }
    if cl_pidfd_signal(descriptor, signal.rawValue) == 0 { return true }
    if errno == ESRCH { return false }
    throw .system("sending \(signal) to \(process)")
  }

  /// Takes it off the process table, and all that is left of its session with it.
  func reap() {
    kill(-process, SIGKILL)
    _ = cl_reap(descriptor)
    close(descriptor)
  }

  /// Runs `command` to its end, ten seconds at most, and returns what it wrote.
  static func run(_ command: Command, input: String = "") throws(LedgerError) -> (
    ExitStatus, String
  ) {
    let (reading, writing) = try pipe()
    let (feeding, feed) = try pipe()
    // What is fed here is less than a pipe holds.
    _ = Array(input.utf8).withUnsafeBytes { write(feed, $0.baseAddress, $0.count) }
    close(feed)
    defer { close(reading) }
    let child: Child
    do {
      child = try start(command, input: feeding, output: writing, errors: writing, diesWithUs: true)
    } catch {
      close(writing)
      close(feeding)
      throw error
    }
    close(writing)
    close(feeding)
    defer { child.reap() }
    let end = Moment.now + 10
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var watched = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
      let left = end - Moment.now
      guard left > 0 else { throw LedgerError("`\(command)` does not end") }
      if poll(&watched, 1, CInt(left * 1000) + 1) <= 0 { continue }
      let count = read(reading, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      if text.count < 1 << 20 { text += buffer[..<count] }
    }
    while child.exit == nil {
      guard Moment.now < end else { throw LedgerError("`\(command)` does not end") }
      usleep(1000)
    }
    return (child.exit!, String(decoding: text, as: UTF8.self))
  }

  static func pipe() throws(LedgerError) -> (reading: CInt, writing: CInt) {
    var ends: [CInt] = [0, 0]
    guard cl_pipe(&ends) == 0 else { throw .system("making a pipe") }
    return (ends[0], ends[1])
  }
}

/// Seconds on a clock that nobody sets, and that counts suspension: a lease must not outlast it.
enum Moment {
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
